package dev.penstock.revision;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;
import dev.penstock.units.FileStamp;
import dev.penstock.units.WholeFile;

/**
 * Puts another file in the place of one that makes a configuration, whole or not at all. Thread-safe, and safe against
 * other processes that do so: of two who change a file at one time the second finds what the first has made of it. Blocks.
 */
public final class FileChange {
    private static final Logger log = LoggerFactory.getLogger(FileChange.class);

    /** Locks on files are the process's, not a thread's. */
    private static final ReentrantLock IN_PROCESS = new ReentrantLock();
    /** Each try finds that another has replaced the file meanwhile. */
    private static final int TRIES = 100;

    private final Path configuration;
    private final ConfigFile which;

    /**
     * What is to be done.
     *
     * @param dryRun    only say what would change
     * @param ifVersion only when this one is in force; null for whichever is
     * @param note      who wants it, and why
     */
    public record Wish(boolean dryRun, @Nullable Integer ifVersion, Note note) {}

    /** What came of a wish. */
    public sealed interface Outcome {
        /**
         * Nothing was changed.
         *
         * @param problems at least one
         */
        record Wrong(List<Problem> problems) implements Outcome {
            public Wrong {
                problems = List.copyOf(problems);
            }
        }

        /** Nothing was changed: the configuration names no such file. */
        record Nowhere() implements Outcome {}

        /** The file says so already, octet for octet. */
        record Same() implements Outcome {}

        /**
         * Nothing was changed: another version is in force than was expected.
         *
         * @param why in words
         */
        record Conflict(String why) implements Outcome {}

        /** Nothing was changed, as was wished. */
        record Tried(Difference difference) implements Outcome {}

        /**
         * The file is replaced; a gateway that runs may have to be told.
         *
         * @param before what takes it back
         */
        record Replaced(Difference difference, Before before) implements Outcome {}
    }

    /**
     * What a file says otherwise than the one before.
     *
     * @param comparable false when the one before has errors; then there are no lines
     * @param lines      one for each value
     * @param warnings   about the new one
     */
    public record Difference(boolean comparable, List<String> lines, List<Problem> warnings) {
        /** None. */
        public static final Difference NONE = new Difference(true, List.of(), List.of());

        public Difference {
            lines = List.copyOf(lines);
            warnings = List.copyOf(warnings);
        }
    }

    /** What was in a file's place, octet for octet, and what has been put there. Immutable. */
    public static final class Before {
        private final Path file;
        private final byte[] was;
        private final byte[] written;

        private Before(Path file, byte[] was, byte[] written) {
            this.file = file;
            this.was = was;
            this.written = written;
        }

        /**
         * Puts back what was there, whatever it is, unless somebody has changed the file since.
         *
         * @return whether it was put back
         * @throws IOException when it can't be: then the file is as it was written
         */
        public boolean putBack() throws IOException {
            IN_PROCESS.lock();
            try (FileChannel locked = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
                    var _ = locked.lock()) {
                if (!Arrays.equals(WholeFile.read(file, FileHistory.MAX_OCTETS), written)) {
                    return false;
                }
                replace(file, was);
                return true;
            } finally {
                IN_PROCESS.unlock();
            }
        }
    }

    public FileChange(Path configuration, ConfigFile which) {
        this.configuration = configuration;
        this.which = which;
    }

    /**
     * @param next the file whose octets are to be in force
     * @throws IOException when the file can't be read, or not replaced: then it is as it was
     */
    public Outcome change(Path next, Wish wish) throws IOException {
        Optional<Path> named = which.of(configuration);
        GatewayConfig changed;
        List<Problem> warnings;
        switch (which.readWith(configuration, next)) {
            case Invalid(List<Problem> problems) -> {
                return new Outcome.Wrong(problems);
            }
            case Valid valid -> {
                changed = valid.config();
                warnings = valid.warnings();
            }
        }
        if (named.isEmpty()) {
            return new Outcome.Nowhere();
        }
        byte[] after = WholeFile.read(next, FileHistory.MAX_OCTETS);
        IN_PROCESS.lock();
        try {
            return replace(named.get().toRealPath(), after, wish, changed, warnings);
        } finally {
            IN_PROCESS.unlock();
        }
    }

    private Outcome replace(Path file, byte[] after, Wish wish, GatewayConfig changed, List<Problem> warnings)
            throws IOException {
        for (int tries = 0; tries < TRIES; tries++) {
            FileStamp found = FileStamp.of(file);
            try (FileChannel locked = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
                    var _ = locked.lock()) {
                if (!found.equals(FileStamp.of(file))) {
                    continue; // what is locked may be the file that another was put in the place of
                }
                FileHistory history = which.history(changed);
                byte[] before = WholeFile.read(file, FileHistory.MAX_OCTETS);
                if (Arrays.equals(before, after)) {
                    return new Outcome.Same();
                }
                String otherwise = wish.ifVersion == null ? "" : notInForce(wish.ifVersion, history, before);
                if (!otherwise.isEmpty()) {
                    return new Outcome.Conflict(otherwise);
                }
                Difference difference = difference(changed, warnings);
                if (wish.dryRun) {
                    return new Outcome.Tried(difference);
                }
                announce(history, after, wish.note);
                replace(file, after);
                return new Outcome.Replaced(difference, new Before(file, before, after));
            }
        }
        return new Outcome.Conflict("the file is replaced by others all the time");
    }

    /** Why that version isn't what the file says; empty when it is. */
    private static String notInForce(int expected, FileHistory history, byte[] octets) throws IOException {
        Optional<FileHistory.Version> newest = history.newest();
        int number = newest.map(FileHistory.Version::number).orElse(0);
        if (number != expected) {
            return "version " + number + " is in force, not " + expected;
        }
        return newest.isPresent() && !Arrays.equals(newest.get().octets(), octets)
                ? "the file has been changed since version " + expected + " came into force"
                : "";
    }

    /** What is read of the file that is there counts for nothing when that one has errors. */
    private Difference difference(GatewayConfig next, List<Problem> warnings) {
        return switch (ConfigReader.read(configuration)) {
            case Invalid _ -> new Difference(false, List.of(), warnings);
            case Valid(GatewayConfig now, _) -> new Difference(true, which.changes(now, next), warnings);
        };
    }

    /** Nobody is kept from changing a file because his name can't be kept. */
    private static void announce(FileHistory history, byte[] octets, Note note) {
        if (note.equals(Note.NONE)) {
            return;
        }
        try {
            history.announce(octets, note);
        } catch (IOException e) {
            log.warn("event=change-not-announced why={} effect=\"the history won't say who, nor why\"", e.toString());
        }
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
}
