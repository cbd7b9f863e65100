package dev.penstock.egress;

import java.io.IOException;

/**
 * A host couldn't be connected to for a reason that lies with the source and not with the host. Without a stack trace,
 * because it is ordinary.
 */
public final class EgressException extends IOException {
    /** What is wrong with the source. */
    public enum Kind {
        /** Its address isn't on this machine. */
        ADDRESS,
        /** Its address, or the system's choice of one, has no port left for now. */
        PORTS,
        /** Its proxy can't be connected to. */
        PROXY_UNREACHABLE,
        /** Its proxy doesn't take the login, or wants one. */
        PROXY_LOGIN,
        /** The address isn't on the proxy's machine. */
        PROXY_ADDRESS,
        /** Its proxy breaks off, says something else than SOCKS5, or refuses. */
        PROXY_FAILED
    }

    private final Kind kind;

    public EgressException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}
