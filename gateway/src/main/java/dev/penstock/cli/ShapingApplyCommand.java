package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Puts a shaping file into force. Confined to the main thread. */
@Command(name = "apply", description = "Put a shaping file into force: it is read whole with the configuration, takes the place of the one that is named there in one step, and a running gateway takes it up, also for mail that is queued. One with errors changes nothing.", mixinStandardHelpOptions = true)
final class ShapingApplyCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Parameters(index = "0", paramLabel = "NEW", description = "The shaping file that is to be in force.")
    private @Nullable Path next;

    @Option(names = {"-c",
        "--config"}, required = true, paramLabel = "CONFIG", description = "The gateway's configuration.")
    private @Nullable Path configFile;

    @Option(names = "--dry-run", description = "Only say what would change, and what would get faster or slower.")
    private boolean dryRun;

    @Option(names = "--if-version", paramLabel = "N", description = "Only when version N is in force.")
    private @Nullable Integer ifVersion;

    @Option(names = "--reason", paramLabel = "TEXT", description = "Why, for the history.")
    private @Nullable String reason;

    @Option(names = "--wait", paramLabel = "SECONDS", defaultValue = "10", description = "How long to wait for a running gateway (default ${DEFAULT-VALUE}).")
    private int seconds;

    ShapingApplyCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (next == null || configFile == null) {
            return ExitCode.USAGE;
        }
        return new ShapingFileChange(configFile, out, err).change(next,
                new ShapingFileChange.Wish(dryRun, ifVersion, reason, Duration.ofSeconds(seconds)));
    }
}
