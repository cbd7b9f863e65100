package dev.penstock.injection;

import org.jspecify.annotations.Nullable;

/** A template that can't be read, or can't be filled in; the message is for the client. */
final class TemplateException extends RuntimeException {
    private final boolean costly;

    TemplateException(String message, @Nullable Throwable cause) {
        super(message, cause);
        this.costly = false;
    }

    private TemplateException(String message) {
        super(message);
        this.costly = true;
    }

    /** It would cost more than it may. */
    static TemplateException costly(String message) {
        return new TemplateException(message);
    }

    /** Whether it would cost as much for another recipient. */
    boolean isCostly() {
        return costly;
    }
}
