package dev.penstock.auth;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.Problem;
import dev.penstock.config.UsersFile;
import dev.penstock.units.FileStamp;

/**
 * Keeps what the credentials file says, and looks every second whether it has changed. Thread-safe. A file that can't be
 * read or has an error changes nothing: it is reported once, and the users of the last good reading stay in force.
 */
final class CredentialsFile implements AutoCloseable {
    /** Between two looks. */
    static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

    private static final Logger log = LoggerFactory.getLogger(CredentialsFile.class);

    private final Path file;
    private final Runnable changed;
    private final ReentrantLock reading = new ReentrantLock(); // guards `seen`
    private final LongAdder reloads;
    private final LongAdder refused;
    private final Thread watcher;
    private @Nullable FileStamp seen;
    private volatile Credentials current;

    /**
     * @param reloads counts readings that were taken over
     * @param refused counts readings that changed nothing because of an error
     * @param changed called after other users came into force
     * @throws CredentialsFileException when the file has an error
     */
    CredentialsFile(Path file, LongAdder reloads, LongAdder refused, Runnable changed)
            throws CredentialsFileException {
        this.file = file;
        this.reloads = reloads;
        this.refused = refused;
        this.changed = changed;
        this.seen = stamp(file);
        this.current = switch (UsersFile.read(file)) {
            case UsersFile.Valid valid -> new Credentials(valid.users());
            case UsersFile.Invalid invalid -> throw new CredentialsFileException(
                    invalid.problems().getFirst().toString());
        };
        this.watcher = Thread.ofPlatform().daemon().name("credentials").unstarted(this::watch);
    }

    void start() {
        watcher.start();
    }

    Credentials current() {
        return current;
    }

    Path path() {
        return file;
    }

    /** Reads the file when it isn't what was read last. Blocks while it does. */
    void look() {
        reading.lock();
        try {
            FileStamp stamp = stamp(file);
            if (stamp == null ? seen == null : stamp.equals(seen)) {
                return;
            }
            seen = stamp;
            read();
        } finally {
            reading.unlock();
        }
    }

    /** Null when there is no file to look at. */
    private static @Nullable FileStamp stamp(Path file) {
        try {
            return FileStamp.of(file);
        } catch (IOException _) {
            return null;
        }
    }

    private void read() {
        switch (UsersFile.read(file)) {
            case UsersFile.Valid valid -> {
                current = new Credentials(valid.users());
                reloads.increment();
                changed.run();
                log.info("event=credentials-reloaded file={} users={}", file, valid.users().size());
            }
            case UsersFile.Invalid invalid -> {
                refused.increment();
                for (Problem problem : invalid.problems()) {
                    log.error("event=credentials-error problem={}", problem);
                }
                log.error("event=credentials-refused file={} errors={} users={}", file, invalid.problems().size(),
                        current.size());
            }
        }
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(LOOK_INTERVAL);
                try {
                    look();
                } catch (RuntimeException e) {
                    refused.increment();
                    log.error("event=credentials-look-failed file={}", file, e);
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        watcher.interrupt();
    }
}
