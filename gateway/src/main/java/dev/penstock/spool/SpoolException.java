package dev.penstock.spool;

import org.jspecify.annotations.Nullable;

/** The spool can't do what was asked. */
public final class SpoolException extends RuntimeException {
    /** Why, in the terms that decide the SMTP reply. */
    public enum Reason {
        /** No room: 452 4.3.1. */
        FULL,
        /** The append deadline passed, or too much waits already: 451 4.3.0. */
        OVERLOADED,
        /** A write or sync failed: nothing is accepted any more, 451 4.3.0. */
        FAILED,
        /** The spool is closed: 421 4.3.2. */
        CLOSED
    }

    private final Reason reason;

    public SpoolException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
