package dev.penstock.events;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
 * behind it. Names sort by time.
 */
final class LogFile implements AutoCloseable {
    /** Creates a file that must not exist yet, for appending. */
    @FunctionalInterface
    interface Opener {
        WritableByteChannel open(Path file) throws IOException;
    }

    static final Opener CREATE = file -> PrivateFiles.open(file, StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE, StandardOpenOption.APPEND);

    private static final DateTimeFormatter NAME = DateTimeFormatter
            .ofPattern("'delivery-'yyyyMMdd'T'HHmmss.SSS'Z.jsonl'")
            .withZone(ZoneOffset.UTC);

    private final Path directory;
    private final InstantSource clock;
    private final Opener opener;
    private @Nullable WritableByteChannel channel;
    private long size;

    /** @throws IOException when the directory or the first file can't be created */
    LogFile(Path directory, InstantSource clock, Opener opener) throws IOException {
        this.directory = directory;
        this.clock = clock;
        this.opener = opener;
        PrivateFiles.createDirectories(directory);
        begin();
    }

    /** Octets in the current file. */
    long size() {
        return size;
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
        while (lines.hasRemaining()) {
            size += open.write(lines);
        }
    }

    @Override
    public void close() throws IOException {
        WritableByteChannel open = channel;
        channel = null;
        if (open != null) {
            open.close();
        }
    }

    private WritableByteChannel begin() throws IOException {
        Instant time = clock.instant();
        while (true) {
            try {
                WritableByteChannel open = opener.open(directory.resolve(NAME.format(time)));
                channel = open;
                size = 0;
                return open;
            } catch (FileAlreadyExistsException _) {
                time = time.plusMillis(1);
            }
        }
    }
}
