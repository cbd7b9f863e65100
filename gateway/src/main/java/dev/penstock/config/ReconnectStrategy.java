package dev.penstock.config;

/** What is done about a host that breaks a session off while it is asked to take a message; KumoMTA's words. */
public enum ReconnectStrategy {
    /** The message waits for its retry, and the next session begins with the most preferred host. */
    TERMINATE_SESSION,
    /** The next session may begin with this host again. */
    RECONNECT_SAME_HOST,
    /** The host is left out for {@code delivery.bad-host-time} where there are others. */
    CONNECT_NEXT_HOST
}
