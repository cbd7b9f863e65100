package dev.penstock.injection;

import org.jspecify.annotations.Nullable;

/** A template that can't be read, or can't be filled in; the message is for the client. */
final class TemplateException extends RuntimeException {
    TemplateException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
