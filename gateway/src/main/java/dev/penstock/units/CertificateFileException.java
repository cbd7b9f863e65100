package dev.penstock.units;

import java.nio.file.Path;

/** A PEM file that can't be used; the message names it and says what is wrong and what is expected. */
public final class CertificateFileException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String problem;

    public CertificateFileException(Path file, String problem) {
        super(file + ": " + problem);
        this.problem = file + ": " + problem;
    }

    public CertificateFileException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
        this.problem = file + ": " + problem;
    }

    @Override
    public String getMessage() {
        return problem;
    }
}
