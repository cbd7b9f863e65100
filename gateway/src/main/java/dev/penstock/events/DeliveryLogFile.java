package dev.penstock.events;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.PrivateFiles;

/**
 * The file that lines are appended to, and its successors. Confined to the delivery log's writer thread.
 *
 * <p>A start always begins a new file: the last line of one that a crash ended may be torn, and nothing is ever written
 * behind it. Names sort by time. The current file is locked, so that nobody who tidies up takes it for a closed one.
 */
final class DeliveryLogFile implements AutoCloseable {
    /** Creates a file that must not exist yet, for appending. */
    @FunctionalInterface
    interface Opener {
        WritableByteChannel open(Path file) throws IOException;
    }

    static final Opener CREATE = DeliveryLogFile::create;

    static final String PREFIX = "delivery-";
    static final String SUFFIX = ".jsonl";
    private static final DateTimeFormatter NAME = DateTimeFormatter
            .ofPattern("'" + PREFIX + "'yyyyMMdd'T'HHmmss.SSS'Z" + SUFFIX + "'")
            .withZone(ZoneOffset.UTC);

    private final Path directory;
    private final InstantSource clock;
    private final Opener opener;
    private @Nullable WritableByteChannel channel;
    private @Nullable Path path;
    private @Nullable Object key; // of the file that channel writes to
    private Instant begun = Instant.EPOCH;
    private long size;

    /** @throws IOException when the directory or the first file can't be created */
    DeliveryLogFile(Path directory, InstantSource clock, Opener opener) throws IOException {
        this.directory = directory;
        this.clock = clock;
        this.opener = opener;
        begin();
    }

    /** Octets in the current file. */
    long size() {
        return size;
    }

    /** When the current file got its first line, or was made when it has none. */
    Instant begun() {
        return begun;
    }

    /** Where lines are appended; null after a failure. */
    @Nullable
    Path path() {
        return path;
    }

    /** Whether the current file no longer stands under its name: it was moved away or deleted. */
    boolean isGone() throws IOException {
        Path current = path;
        if (channel == null || current == null) {
            return false;
        }
        try {
            Object found = Files.readAttributes(current, BasicFileAttributes.class).fileKey();
            return found != null && !found.equals(key);
        } catch (NoSuchFileException | NotDirectoryException _) {
            return true;
        }
    }

    /** Closes the current file and begins the next. */
    void rotate() throws IOException {
        close();
        begin();
    }

    /** Appends all of {@code lines}; when it fails, their position tells how much had been written. */
    void append(ByteBuffer lines) throws IOException {
        WritableByteChannel open = channel;
        if (open == null) {
            open = begin();
        }
        if (size == 0) {
            begun = clock.instant();
        }
        while (lines.hasRemaining()) {
            size += open.write(lines);
        }
    }

    @Override
    public void close() throws IOException {
        WritableByteChannel open = channel;
        channel = null;
        path = null;
        if (open != null) {
            open.close();
        }
    }

    private WritableByteChannel begin() throws IOException {
        PrivateFiles.createDirectories(directory);
        Instant time = clock.instant();
        begun = time;
        while (true) {
            try {
                Path next = directory.resolve(NAME.format(time));
                WritableByteChannel open = opener.open(next);
                channel = open;
                path = next;
                key = Files.readAttributes(next, BasicFileAttributes.class).fileKey();
                size = 0;
                return open;
            } catch (FileAlreadyExistsException _) {
                time = time.plusMillis(1);
            }
        }
    }

    private static WritableByteChannel create(Path file) throws IOException {
        FileChannel created = PrivateFiles.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE,
                StandardOpenOption.APPEND);
        try {
            created.tryLock();
        } catch (IOException | OverlappingFileLockException _) {
            // a file system without locks: whoever shares the directory has to know
        }
        return created;
    }
}
