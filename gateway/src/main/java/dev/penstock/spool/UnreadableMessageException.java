package dev.penstock.spool;

import java.io.IOException;

import org.jspecify.annotations.Nullable;

/** A record is damaged or gone for good: reading again won't help. Any other {@link IOException} may be over later. */
public final class UnreadableMessageException extends IOException {
    public UnreadableMessageException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
