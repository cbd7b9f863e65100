package dev.penstock.inbound;

import dev.penstock.smtp.Reply;

/** Why a session is not begun, or not gone on with under a new address: it hears 421 and is closed. */
public enum SessionRefusal {
    /** {@code max-sessions} are open. */
    TOO_MANY("4.3.2", "too many sessions"),
    /** {@code max-sessions} of the listener are open. */
    TOO_MANY_ON_LISTENER("4.3.2", "too many sessions"),
    /** {@code max-sessions-per-address} of the client are open. */
    TOO_MANY_FROM_CLIENT("4.3.2", "too many sessions from your address"),
    /** {@code max-sessions-per-network} of the network around it are open. */
    TOO_MANY_FROM_NETWORK("4.3.2", "too many sessions from your network"),
    /** The client has begun sessions faster than {@code session-rate}. */
    TOO_FAST("4.7.0", "too many new sessions from your address"),
    /** The client has made errors faster than {@code error-rate}, in earlier sessions. */
    TOO_MANY_ERRORS("4.7.0", "too many errors from your address");

    private final String status;
    private final String text;

    SessionRefusal(String status, String text) {
        this.status = status;
        this.text = text;
    }

    /** @return what the client hears, encoded */
    byte[] reply(String hostname) {
        return Reply.of(421, status, hostname + " Error: " + text).encode();
    }
}
