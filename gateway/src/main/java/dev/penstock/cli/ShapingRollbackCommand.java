package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import dev.penstock.revision.FileHistory;
import dev.penstock.revision.FileHistory.Version;
import dev.penstock.revision.Reloads;

/** Goes back to a shaping file that was in force. Confined to the main thread. */
@Command(name = "rollback", description = "Go back to a shaping file that was in force before, octet for octet. Going back is a new version, so it can be gone back from.", mixinStandardHelpOptions = true)
final class ShapingRollbackCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Option(names = {"-c",
        "--config"}, required = true, paramLabel = "CONFIG", description = "The gateway's configuration.")
    private @Nullable Path configFile;

    @Option(names = "--to", paramLabel = "N", description = "The version; left out: the one before that which is in force.")
    private @Nullable Integer to;

    @Option(names = "--dry-run", description = "Only say what would change, and what would get faster or slower.")
    private boolean dryRun;

    @Option(names = "--reason", paramLabel = "TEXT", description = "Why, for the history.")
    private @Nullable String reason;

    @Option(names = "--wait", paramLabel = "SECONDS", defaultValue = "10", description = "How long to wait for a running gateway (default ${DEFAULT-VALUE}).")
    private int seconds;

    ShapingRollbackCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (configFile == null) {
            return ExitCode.USAGE;
        }
        ShapingFileChange change = new ShapingFileChange(configFile, out, err);
        Optional<FileHistory> history = change.history();
        if (history.isEmpty()) {
            return ExitCode.CONFIG;
        }
        try {
            List<Version> versions = history.get().versions();
            Optional<Version> version = Reloads.version(versions, Optional.ofNullable(to));
            if (version.isEmpty()) {
                err.println("penstock: " + Reloads.missing(versions, Optional.ofNullable(to)));
                return ExitCode.NO_INPUT;
            }
            out.println("version " + version.get().number() + ", in force since " + version.get().since());
            return change.change(version.get().file(),
                    new ShapingFileChange.Wish(dryRun, null, reason, Duration.ofSeconds(seconds)));
        } catch (IOException e) {
            err.println("penstock: what was in force can't be read: " + e);
            return ExitCode.NO_INPUT;
        }
    }
}
