package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.config.AdminConfig;

/**
 * Which running gateway a command asks: the one of this machine unless something else is said. Mixed into commands;
 * confined to the main thread.
 */
final class GatewayOptions {
    /** Where a package's configuration is. */
    private static final Path INSTALLED = Path.of("/etc/penstock/penstock.toml");
    private static final String TOKEN = "PENSTOCK_TOKEN";

    private static final int UNAUTHORIZED = 401; // RFC 9110 15.5
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final int TOO_MANY = 429;
    private static final int INTERNAL = 500;
    private static final int UNAVAILABLE = 503;

    @Option(names = {"-c",
        "--config"}, paramLabel = "FILE", description = "The configuration of the gateway that is asked, over its Unix socket. Left out: the gateway of the working directory, or else /etc/penstock/penstock.toml.")
    private @Nullable Path config;

    @Option(names = "--socket", paramLabel = "FILE", description = "Its Unix socket.")
    private @Nullable Path socket;

    @Option(names = "--url", paramLabel = "URL", description = "Where it is on the network, like https://mx1.example.net:8027; the token is in the environment variable PENSTOCK_TOKEN.")
    private @Nullable URI url;

    /** What is asked. */
    @FunctionalInterface
    interface Question {
        /** @return an exit code */
        int ask(AdminClient gateway) throws AdminProblem, IOException;
    }

    /** Asks, and says in a sentence what is wrong when there is no answer. @return an exit code */
    int ask(PrintStream err, Question question) {
        try (AdminClient gateway = open()) {
            return question.ask(gateway);
        } catch (AdminProblem e) {
            err.println(Text.clean("penstock: " + e.getMessage()));
            e.errors().stream().filter(error -> !error.equals(e.getMessage()))
                    .forEach(error -> err.println(Text.clean("  " + error)));
            return exitCode(e.status());
        } catch (IOException e) {
            err.println(Text.clean("penstock: " + e.getMessage()));
            return ExitCode.UNAVAILABLE;
        }
    }

    /** A client of its own, for the thread that asks for it. */
    AdminClient open() throws IOException {
        if (url != null) {
            return AdminClient.over(url, System.getenv(TOKEN));
        }
        if (socket != null) {
            return AdminClient.over(socket.toAbsolutePath());
        }
        if (config != null) {
            return AdminClient.over(named(config));
        }
        Path here = AdminConfig.defaultSocket();
        return AdminClient.over(Files.exists(here) || !Files.exists(INSTALLED)
                ? here.toAbsolutePath()
                : named(INSTALLED));
    }

    private static Path named(Path configuration) throws IOException {
        Optional<Path> named = AdminConfig.socketNamedBy(configuration);
        return named.orElseThrow(() -> new IOException(configuration + " has no Unix socket: use --url"))
                .toAbsolutePath();
    }

    private static int exitCode(int status) {
        return switch (status) {
            case UNAUTHORIZED, FORBIDDEN -> ExitCode.NO_PERMISSION;
            case NOT_FOUND -> ExitCode.NO_INPUT;
            case CONFLICT, TOO_MANY, UNAVAILABLE -> ExitCode.TEMPORARY;
            default -> status >= INTERNAL ? ExitCode.SOFTWARE : ExitCode.USAGE;
        };
    }
}
