package dev.penstock.cli;

import java.io.IOException;
import java.net.BindException;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.CredentialsFileException;
import dev.penstock.policy.PluginException;
import dev.penstock.spool.SpoolException;
import dev.penstock.units.CertificateFileException;

/**
 * Why the gateway didn't start, in words for the operator and as an exit code. Immutable.
 *
 * @param exitCode see {@link ExitCode}
 */
record StartFailure(int exitCode, String message) {
    static StartFailure of(Throwable failure) {
        StringBuilder words = new StringBuilder();
        Integer exitCode = null;
        String last = "";
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
            // Wrappers repeat their cause's text; say each thing once.
            if (!last.contains(message)) {
                words.append(words.isEmpty() ? "" : ": ").append(message);
                last = message;
            }
            exitCode = exitCode == null ? exitCode(cause, message) : exitCode;
        }
        return new StartFailure(exitCode == null ? ExitCode.SOFTWARE : exitCode, words.toString());
    }

    private static @Nullable Integer exitCode(Throwable cause, String message) {
        return switch (cause) {
            case CertificateFileException _,CredentialsFileException _,PluginException _ -> ExitCode.CONFIG;
            case AccessDeniedException _ -> ExitCode.NO_PERMISSION;
            // Netty's native transports and reactor-netty have bind failures of their own, outside BindException.
            case IOException _ when message.contains("Permission denied") -> ExitCode.NO_PERMISSION;
            case BindException _ -> ExitCode.UNAVAILABLE;
            case IOException _ when message.contains("Address already in use")
                    || message.contains("Cannot assign requested address") ->
                ExitCode.UNAVAILABLE;
            case SpoolException _,OverlappingFileLockException _,IOException _ -> ExitCode.CANT_CREATE;
            default -> null;
        };
    }
}
