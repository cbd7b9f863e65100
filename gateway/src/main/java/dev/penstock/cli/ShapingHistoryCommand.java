package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import dev.penstock.revision.FileHistory;
import dev.penstock.revision.FileHistory.Version;

/** Lists the shaping files that were in force. Confined to the main thread. */
@Command(name = "history", description = "List the shaping files that were in force: number, since when, octets, where each is kept, who put it into force and why.", mixinStandardHelpOptions = true)
final class ShapingHistoryCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Option(names = {"-c",
        "--config"}, required = true, paramLabel = "CONFIG", description = "The gateway's configuration.")
    private @Nullable Path configFile;

    ShapingHistoryCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (configFile == null) {
            return ExitCode.USAGE;
        }
        Optional<FileHistory> history = new ShapingFileChange(configFile, out, err).history();
        if (history.isEmpty()) {
            return ExitCode.CONFIG;
        }
        try {
            List<Version> versions = history.get().versions();
            for (Version version : versions) {
                out.println(version.number() + "  " + version.since() + "  " + version.octets().length + "  "
                        + version.file() + note(version)
                        + (version.number() == versions.getLast().number() ? "  in force" : ""));
            }
            return ExitCode.OK;
        } catch (IOException e) {
            err.println("penstock: what was in force can't be read: " + e);
            return ExitCode.NO_INPUT;
        }
    }

    private static String note(Version version) {
        return (version.note().who().isEmpty() ? "" : "  " + version.note().who())
                + (version.note().why().isEmpty() ? "" : "  \"" + version.note().why() + '"');
    }
}
