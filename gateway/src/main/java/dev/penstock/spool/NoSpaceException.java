package dev.penstock.spool;

import java.io.IOException;

/** The store has no room for what was to be appended; nothing of it remains. */
final class NoSpaceException extends IOException {
    NoSpaceException(String message, IOException cause) {
        super(message, cause);
    }
}
