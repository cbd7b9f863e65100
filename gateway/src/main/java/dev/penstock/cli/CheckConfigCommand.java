package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;

/** Reads a configuration and names every error in it. Confined to the main thread. */
@Command(name = "check-config", description = "Read a configuration and name every error in it.", mixinStandardHelpOptions = true)
final class CheckConfigCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Parameters(paramLabel = "FILE", description = "The configuration.")
    private @Nullable Path file;

    CheckConfigCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (file == null) {
            return ExitCode.USAGE;
        }
        return switch (ConfigReader.read(file)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(err::println);
                err.println(file + ": " + Text.count(problems.size(), "error"));
                yield ExitCode.CONFIG;
            }
            case Valid(GatewayConfig config, List<Problem> warnings) -> {
                warnings.forEach(warning -> err.println("warning: " + warning));
                out.println(file + ": valid, " + Text.count(config.listeners().size(), "listener") + ", "
                        + Text.count(config.routes().size(), "route") + ", "
                        + Text.count(config.shaping().sections().size(), "shaping section"));
                yield ExitCode.OK;
            }
        };
    }
}
