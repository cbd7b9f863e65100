package dev.penstock.history;

import org.jspecify.annotations.Nullable;

/** A search can't be made: the message says why, in words for the operator. Immutable. */
public final class HistoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    HistoryException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
