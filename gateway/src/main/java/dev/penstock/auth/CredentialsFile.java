package dev.penstock.auth;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.Problem;
import dev.penstock.config.UsersFile;
import dev.penstock.units.RestingFiles;
import dev.penstock.units.WholeFile;

/**
 * Keeps what the credentials file says, and looks every second whether it has changed. Thread-safe. A change is taken when
 * two looks in a row have found the file the same, so that one which is being written is left alone, or when it is
 * written to all the time. A file that can't be
 * read, has an error or, where there were users, no octet, changes nothing: it is reported once, and the users of the last
 * good reading stay in force.
 */
final class CredentialsFile implements AutoCloseable {
    /** Between two looks. */
    static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

    private static final Logger log = LoggerFactory.getLogger(CredentialsFile.class);

    private final Path file;
    private final Runnable changed;
    private final ReentrantLock reading = new ReentrantLock(); // guards `resting` and `missed`
    private final RestingFiles resting;
    private boolean missed;
    private final LongAdder reloads;
    private final LongAdder refused;
    private final Thread watcher;
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
        this.resting = new RestingFiles(file);
        resting.take();
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

    /** Reads the file when it isn't what was read last, and was the same at the last look. Blocks while it does. */
    void look() {
        look(RestingFiles::look);
    }

    /** Likewise, but waits a moment for the same look at the file, in place of the next one. */
    void lookNow() {
        look(RestingFiles::lookNow);
    }

    private void look(Function<RestingFiles, RestingFiles.State> way) {
        reading.lock();
        try {
            RestingFiles.State state = way.apply(resting);
            if (state == RestingFiles.State.CHANGED || state == RestingFiles.State.MISSING && !missed) {
                read();
            }
            missed = state == RestingFiles.State.MISSING;
        } finally {
            reading.unlock();
        }
    }

    private void read() {
        IOException missing = resting.missing();
        UsersFile.Result result;
        if (missing != null) {
            result = invalid(missing instanceof NoSuchFileException
                    ? "there is no such file"
                    : WholeFile.reason(missing));
        } else if (resting.isEmpty() && current.size() > 0) {
            result = invalid("has nothing in it; a file for nobody says so in a comment");
        } else {
            result = UsersFile.read(file);
        }
        if (missing == null && !resting.areStill()) {
            return; // it was being written meanwhile; the next looks take it
        }
        resting.take();
        switch (result) {
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

    private UsersFile.Result invalid(String message) {
        return new UsersFile.Invalid(List.of(new Problem(file, 0, 0, "", message)));
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
