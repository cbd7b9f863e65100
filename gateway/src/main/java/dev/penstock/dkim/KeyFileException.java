package dev.penstock.dkim;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/** A file holds no key that can be used. The message names it. */
public final class KeyFileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final boolean missing;

    KeyFileException(Path file, String what, boolean missing, @Nullable Throwable cause) {
        super(file + ": " + what, cause);
        this.missing = missing;
    }

    /** Whether there is no such file, so that nobody has made a key. */
    public boolean isMissing() {
        return missing;
    }
}
