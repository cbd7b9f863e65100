package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;
import dev.penstock.revision.ConfigFile;
import dev.penstock.revision.FileChange;
import dev.penstock.revision.FileHistory;
import dev.penstock.revision.Note;
import dev.penstock.units.WholeFile;

/**
 * Puts another shaping file in the place of the one that a configuration names, whole or not at all, and tells whether a
 * running gateway has taken it up. Confined to the main thread.
 */
final class ShapingFileChange {
    /** Between two looks whether the gateway has taken it up. */
    private static final Duration LOOK = Duration.ofMillis(20);

    private final Path configFile;
    private final PrintStream out;
    private final PrintStream err;

    /**
     * What is to be done.
     *
     * @param dryRun    only say what would change
     * @param ifVersion only when this one is in force; null for whichever is
     * @param why       what the history says about it; null for nothing
     * @param patience  how long a running gateway is waited for
     */
    record Wish(boolean dryRun, @Nullable Integer ifVersion, @Nullable String why, Duration patience) {
        private FileChange.Wish ofFile() {
            return new FileChange.Wish(dryRun, ifVersion,
                    new Note(System.getProperty("user.name", ""), why == null ? "" : why));
        }
    }

    ShapingFileChange(Path configFile, PrintStream out, PrintStream err) {
        this.configFile = configFile;
        this.out = out;
        this.err = err;
    }

    /** The versions that were in force; empty when the configuration has errors beside the shaping file, which are printed. */
    Optional<FileHistory> history() {
        return switch (ConfigReader.readWithoutShaping(configFile)) {
            case Invalid(List<Problem> problems) -> {
                print(problems);
                yield Optional.empty();
            }
            case Valid(GatewayConfig config, List<Problem> warnings) -> {
                warn(warnings);
                yield Optional.of(FileHistory.ofShaping(config));
            }
        };
    }

    /** @param next the file that is to be in force @return an exit code */
    int change(Path next, Wish wish) {
        try {
            byte[] after = WholeFile.read(next, FileHistory.MAX_OCTETS);
            return switch (new FileChange(configFile, ConfigFile.SHAPING).change(next, wish.ofFile())) {
                case FileChange.Outcome.Wrong(List<Problem> problems) -> {
                    print(problems);
                    err.println("penstock: nothing was changed");
                    yield ExitCode.CONFIG;
                }
                case FileChange.Outcome.Nowhere() -> {
                    err.println("penstock: " + configFile
                            + " names no file in gateway.shaping-file, so there is none to change");
                    yield ExitCode.CONFIG;
                }
                case FileChange.Outcome.Same() -> {
                    out.println(ConfigReader.shapingFile(configFile).orElse(next) + " says so already");
                    yield ExitCode.OK;
                }
                case FileChange.Outcome.Conflict(String why) -> {
                    err.println("penstock: " + why + "; nothing was changed");
                    yield ExitCode.TEMPORARY;
                }
                case FileChange.Outcome.Tried(FileChange.Difference difference) -> {
                    say(difference);
                    out.println("nothing was changed: --dry-run");
                    yield ExitCode.OK;
                }
                case FileChange.Outcome.Replaced(FileChange.Difference difference, _) -> {
                    say(difference);
                    yield await(after, wish.patience);
                }
            };
        } catch (IOException e) {
            err.println("penstock: the shaping file can't be replaced: " + e);
            return ExitCode.CANT_CREATE;
        }
    }

    private void say(FileChange.Difference difference) {
        warn(difference.warnings());
        if (!difference.comparable()) {
            out.println("the file that is there has errors, so what changes can't be told");
            return;
        }
        difference.lines().forEach(out::println);
        if (difference.lines().isEmpty()) {
            out.println("no limit changes");
        }
    }

    private void print(List<Problem> problems) {
        problems.forEach(err::println);
        err.println(configFile + ": " + Text.count(problems.size(), "error"));
    }

    private void warn(List<Problem> warnings) {
        warnings.forEach(warning -> err.println("warning: " + warning));
    }

    private int await(byte[] octets, Duration patience) throws IOException {
        Optional<FileHistory> history = history();
        if (history.isEmpty()) {
            return ExitCode.CONFIG;
        }
        long begun = System.nanoTime();
        while (System.nanoTime() - begun < patience.toNanos()) {
            Optional<FileHistory.Version> newest = history.get().newest();
            if (newest.isPresent() && Arrays.equals(newest.get().octets(), octets)) {
                out.println("in force as version " + newest.get().number() + ", after "
                        + Duration.ofNanos(System.nanoTime() - begun).toMillis() + " ms");
                return ExitCode.OK;
            }
            try {
                Thread.sleep(LOOK);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        err.println("penstock: the file is replaced, and no running gateway has taken it up within "
                + patience.toSeconds() + " s; one that is started now will");
        return ExitCode.TEMPORARY;
    }
}
