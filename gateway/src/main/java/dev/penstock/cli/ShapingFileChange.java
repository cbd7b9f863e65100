package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
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
import dev.penstock.config.ShapingConfig;
import dev.penstock.shaping.rules.RuleChange;
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
     * @param patience  how long a running gateway is waited for
     */
    record Wish(boolean dryRun, @Nullable Integer ifVersion, Duration patience) {}

    ShapingFileChange(Path configFile, PrintStream out, PrintStream err) {
        this.configFile = configFile;
        this.out = out;
        this.err = err;
    }

    /** The versions that were in force; empty when the configuration has errors beside the shaping file, which are printed. */
    Optional<ShapingHistory> history() {
        return read(ConfigReader.readWithoutShaping(configFile)).map(ShapingHistory::of);
    }

    /** @param next the file that is to be in force @return an exit code */
    int change(Path next, Wish wish) {
        Optional<Path> named = ConfigReader.shapingFile(configFile);
        Optional<GatewayConfig> changed = read(ConfigReader.readWithShaping(configFile, next));
        if (changed.isEmpty()) {
            err.println("penstock: nothing was changed");
            return ExitCode.CONFIG;
        }
        if (named.isEmpty()) {
            err.println(
                    "penstock: " + configFile + " names no file in gateway.shaping-file, so there is none to change");
            return ExitCode.CONFIG;
        }
        ShapingHistory history = ShapingHistory.of(changed.get());
        try {
            Path file = named.get().toRealPath();
            byte[] after = WholeFile.read(next, ShapingHistory.MAX_OCTETS);
            // Of two who change it at one time the second finds what the first has made of it.
            try (FileChannel locked = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
                    var _ = locked.lock()) {
                byte[] before = WholeFile.read(file, ShapingHistory.MAX_OCTETS);
                if (Arrays.equals(before, after)) {
                    out.println(named.get() + " says so already");
                    return ExitCode.OK;
                }
                String otherwise = wish.ifVersion == null ? "" : notInForce(wish.ifVersion, history, before);
                if (!otherwise.isEmpty()) {
                    err.println("penstock: " + otherwise + "; nothing was changed");
                    return ExitCode.TEMPORARY;
                }
                say(changed.get().shaping());
                if (wish.dryRun) {
                    out.println("nothing was changed: --dry-run");
                    return ExitCode.OK;
                }
                replace(file, after);
            }
            return await(history, after, wish.patience);
        } catch (IOException e) {
            err.println("penstock: the shaping file can't be replaced: " + e);
            return ExitCode.CANT_CREATE;
        }
    }

    /** Why that version isn't what the file says; empty when it is. */
    private static String notInForce(int expected, ShapingHistory history, byte[] octets) throws IOException {
        Optional<ShapingHistory.Version> newest = history.newest();
        int number = newest.map(ShapingHistory.Version::number).orElse(0);
        if (number != expected) {
            return "version " + number + " is in force, not " + expected;
        }
        return newest.isPresent() && !Arrays.equals(newest.get().octets(), octets)
                ? "the file has been changed since version " + expected + " came into force"
                : "";
    }

    /** What is printed of the file that was there counts for nothing when that one has errors. */
    private void say(ShapingConfig next) {
        switch (ConfigReader.read(configFile)) {
            case Invalid _ -> out.println("the file that is there has errors, so what changes can't be told");
            case Valid(GatewayConfig now, _) -> {
                List<RuleChange> changes = RuleChange.between(now.shaping(), next);
                changes.forEach(out::println);
                if (changes.isEmpty()) {
                    out.println("no limit changes");
                }
            }
        }
    }

    private Optional<GatewayConfig> read(ConfigReader.Result result) {
        return switch (result) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(err::println);
                err.println(configFile + ": " + Text.count(problems.size(), "error"));
                yield Optional.empty();
            }
            case Valid(GatewayConfig config, List<Problem> warnings) -> {
                warnings.forEach(warning -> err.println("warning: " + warning));
                yield Optional.of(config);
            }
        };
    }

    /** In one step, with the owner and the rights of what was there. */
    private static void replace(Path file, byte[] octets) throws IOException {
        Path beside = Files.createTempFile(file.toAbsolutePath().getParent(), "." + file.getFileName(), ".new");
        try {
            PosixFileAttributes was = Files.readAttributes(file, PosixFileAttributes.class);
            PosixFileAttributeView view = Files.getFileAttributeView(beside, PosixFileAttributeView.class);
            if (!Files.getOwner(beside).equals(was.owner())) {
                view.setOwner(was.owner());
            }
            view.setGroup(was.group());
            view.setPermissions(was.permissions());
            try (FileChannel written = FileChannel.open(beside, StandardOpenOption.WRITE)) {
                ByteBuffer rest = ByteBuffer.wrap(octets);
                while (rest.hasRemaining()) {
                    written.write(rest);
                }
                written.force(true);
            }
            Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    private int await(ShapingHistory history, byte[] octets, Duration patience) throws IOException {
        long begun = System.nanoTime();
        while (System.nanoTime() - begun < patience.toNanos()) {
            Optional<ShapingHistory.Version> newest = history.newest();
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
