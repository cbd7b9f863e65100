package dev.penstock.cli;

import org.jspecify.annotations.Nullable;

/**
 * Whoever started the process and wants to know when it is ready (systemd's {@code Type=notify}). Thread-safe: each telling is
 * a datagram of its own. Nothing that goes wrong with it stops a gateway.
 */
@FunctionalInterface
interface ServiceManager {
    /** Nobody asked. */
    ServiceManager NONE = _ -> {};

    /**
     * @param state assignments of sd_notify(3), one a line, like {@code READY=1}
     */
    void tell(String state);

    /** Mail is taken from now on. */
    default void ready(String status) {
        tell("READY=1\nSTATUS=" + status);
    }

    /** The configuration is being read anew; {@link #ready} says when it was. */
    default void reloading() {
        // The clock is CLOCK_MONOTONIC, as System.nanoTime's on Linux; Type=notify-reload asks for it.
        tell("RELOADING=1\nMONOTONIC_USEC=" + System.nanoTime() / 1000);
    }

    /** No mail is taken any more. */
    default void stopping() {
        tell("STOPPING=1\nSTATUS=Deliveries under way come to their end");
    }

    /** The service manager of this process, by {@code NOTIFY_SOCKET} of its environment. */
    static ServiceManager ofProcess() {
        return at(System.getenv("NOTIFY_SOCKET"));
    }

    /**
     * @param address a path, or {@code @} and a name in Linux's abstract name space; null or empty when nobody asked
     */
    static ServiceManager at(@Nullable String address) {
        return address == null || address.isEmpty() ? NONE : new NotifySocket(address);
    }
}
