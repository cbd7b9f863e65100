package dev.penstock.auth;

import java.io.IOException;

/** A credentials file that can't be used; the message names it, the line and what is wrong. */
public final class CredentialsFileException extends IOException {
    private static final long serialVersionUID = 1L;

    CredentialsFileException(String problem) {
        super(problem);
    }
}
