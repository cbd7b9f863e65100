package dev.penstock.events;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.EventsConfig;
import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.units.PrivateFiles;

/**
 * What becomes of the log's files that are closed: compressed, and deleted when they have been kept for long enough.
 * Thread-safe; a round of it runs on a thread of its own, one at a time.
 *
 * <p>A file is compressed beside itself under a name that begins with a dot, renamed, and only then deleted, so that
 * after a crash at any moment all of its lines are in a file with a name of ours. Files that another process writes are
 * locked, and left alone. What fails is counted, told and tried again in the next round.
 */
final class ClosedFiles implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ClosedFiles.class);

    private static final Duration CLOSE_TIME = Duration.ofSeconds(5);
    private static final String UNFINISHED = ".";

    private final Path directory;
    private final InstantSource clock;
    private final Runnable failure;
    private final ThreadFactory threads;
    private final Semaphore places = new Semaphore(2); // a round, and one that waits and will see what it didn't
    private final ReentrantLock turn = new ReentrantLock();
    private volatile @Nullable Path current;
    private volatile boolean closing;
    private volatile @Nullable Thread thread;

    /** @param failure called for each file that couldn't be compressed or deleted */
    ClosedFiles(Path directory, InstantSource clock, Runnable failure) {
        this(directory, clock, failure, Thread.ofPlatform().name("delivery-log-files").daemon().factory());
    }

    ClosedFiles(Path directory, InstantSource clock, Runnable failure, ThreadFactory threads) {
        this.threads = threads;
        this.directory = directory;
        this.clock = clock;
        this.failure = failure;
    }

    /**
     * Starts a round, unless there is nothing to do by configuration or one waits for its turn already.
     *
     * @param writing is left alone; null for none
     */
    void tidy(EventsConfig config, @Nullable Path writing) {
        current = writing;
        if (closing || config.compression() == Compression.NONE && config.keep().isZero() || !places.tryAcquire()) {
            return;
        }
        try {
            Thread tidying = threads.newThread(() -> tidyInTurn(config));
            tidying.start();
            thread = tidying;
        } catch (OutOfMemoryError e) { // the system has no thread to give; the next round does what this one didn't
            places.release();
            failed("tidy", directory, e);
        }
    }

    private void tidyInTurn(EventsConfig config) {
        turn.lock();
        try {
            round(config);
        } catch (IOException e) {
            failed("list", directory, e);
        } finally {
            turn.unlock();
            places.release();
        }
    }

    private void round(EventsConfig config) throws IOException {
        if (config.compression() != Compression.NONE) {
            for (Path file : named(DeliveryLogFile.PREFIX + "*" + DeliveryLogFile.SUFFIX)) {
                if (closing) {
                    return;
                }
                if (!file.equals(current)) {
                    compress(file, config.compression());
                }
            }
        }
        if (config.keep().isPositive()) {
            Instant oldest = clock.instant().minus(config.keep());
            for (Path file : named(DeliveryLogFile.PREFIX + "*" + DeliveryLogFile.SUFFIX + "{,.gz,.zst}")) {
                if (!file.equals(current)) {
                    expire(file, oldest);
                }
            }
        }
    }

    private List<Path> named(String glob) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, glob)) {
            for (Path file : files) {
                if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) { // a link may lead anywhere, a FIFO is waited for
                    found.add(file);
                }
            }
        }
        found.sort(Comparator.naturalOrder());
        return found;
    }

    private void compress(Path file, Compression compression) {
        String name = String.valueOf(file.getFileName());
        Path made = directory.resolve(UNFINISHED + name + compression.suffix());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ,
                StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            if (!isFree(channel)) {
                return;
            }
            FileTime lastLine = Files.getLastModifiedTime(file);
            InputStream in = Channels.newInputStream(channel); // closed with it, when the lock isn't needed any more
            try (OutputStream out = Channels.newOutputStream(PrivateFiles.createAnew(made))) {
                CompressedLines.compress(in, out, compression);
            }
            try (FileChannel whole = FileChannel.open(made, StandardOpenOption.WRITE)) {
                whole.force(true); // before the lines are nowhere else
            }
            Files.setLastModifiedTime(made, lastLine);
            Files.move(made, directory.resolve(name + compression.suffix()), StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            Files.delete(file);
        } catch (NoSuchFileException _) {
            // somebody has taken it away, as he may
        } catch (IOException | LinkageError e) { // LinkageError: zstd's native library can't be loaded here
            failed("compress", file, e);
        }
    }

    /** Whether nobody writes the file; until the channel is closed nobody will. */
    private static boolean isFree(FileChannel channel) {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException _) { // another log of this process
            return false;
        } catch (IOException _) {
            return true; // no locks on this file system: the writer has none either
        }
    }

    private void expire(Path file, Instant oldest) {
        try {
            if (Files.getLastModifiedTime(file).toInstant().isBefore(oldest) && isFree(file)) {
                Files.delete(file);
                log.info("event=delivery-log-file-deleted file={}", file);
            }
        } catch (NoSuchFileException _) {
            // gone already
        } catch (IOException e) {
            failed("delete", file, e);
        }
    }

    private static boolean isFree(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            return isFree(channel);
        }
    }

    private void failed(String what, Path file, Throwable e) {
        failure.run();
        log.error("event=delivery-log-file-failed step={} file={} why={}", what, file, e.toString());
    }

    /** What a stop breaks off, the next start goes on with. */
    @Override
    public void close() {
        closing = true;
        Thread last = thread;
        try {
            if (last != null && !last.join(CLOSE_TIME)) {
                log.warn("event=delivery-log-file-unfinished directory={}", directory);
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
