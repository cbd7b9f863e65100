package dev.penstock.units;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells when files that others write, and that belong together, have changed and come to rest: two looks in a row have
 * found them the same. Whoever truncates a file and writes it in place, or replaces several one after the other, is
 * given until then. Files that are written to between all looks count as changed after {@value #MAX_MOVING} of these, or
 * they would never be taken. Confined to one thread at a time.
 */
public final class RestingFiles {
    /** Looks in a row that found them moving; the one after these waits for no rest but {@link #REST}. */
    static final int MAX_MOVING = 5;
    /** Between two looks that follow each other closely; longer than whoever writes a small file pauses. */
    static final Duration REST = Duration.ofMillis(100);

    private static final Logger log = LoggerFactory.getLogger(RestingFiles.class);

    /** What a look found. */
    public enum State {
        /** As they were taken. */
        TAKEN,
        /** Not as at the look before; the next one tells more. */
        MOVING,
        /** Changed, and as at the look before. */
        CHANGED,
        /** One of them can't be looked at. */
        MISSING
    }

    private final List<Path> files;
    private final Runnable pause;
    private int moving; // looks in a row
    private boolean restless; // and said so
    private @Nullable List<FileStamp> seen; // null when one couldn't be looked at
    private @Nullable List<FileStamp> taken;
    private @Nullable IOException missing;

    /** Looks at them, so that the next look can find them at rest. */
    public RestingFiles(Path... files) {
        this(RestingFiles::rest, files);
    }

    /** @param pause takes {@link #REST}, or is a test's */
    RestingFiles(Runnable pause, Path... files) {
        this.files = List.of(files);
        this.pause = pause;
        this.seen = stamps();
    }

    /** To be called every few seconds. Waits for {@link #REST} when they have been found moving too often. */
    public State look() {
        State found = glance();
        if (found != State.MOVING) {
            moving = 0;
            restless = false;
            return found;
        }
        if (++moving <= MAX_MOVING) {
            return State.MOVING;
        }
        if (!restless) {
            restless = true;
            log.warn("event=file-without-rest file={} looks={} effect=\"read all the same\"", files.getFirst(), moving);
        }
        State close = glanceAgain();
        return close == State.MOVING ? State.CHANGED : close; // areStill() tells whether they can be read
    }

    /**
     * For whoever was told that they are complete: when they have changed since the last look, waits for {@link #REST} and
     * looks once more.
     */
    public State lookNow() {
        State found = glance();
        return found == State.MOVING ? glanceAgain() : found;
    }

    private State glanceAgain() {
        pause.run();
        return glance();
    }

    private static void rest() {
        try {
            Thread.sleep(REST);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private State glance() {
        List<FileStamp> before = seen;
        List<FileStamp> now = stamps();
        seen = now;
        if (now == null) {
            return State.MISSING;
        }
        if (now.equals(taken)) {
            return State.TAKEN;
        }
        return now.equals(before) ? State.CHANGED : State.MOVING;
    }

    /** Whether they still are as at the last look: what was read between then and now is of one moment. */
    public boolean areStill() {
        List<FileStamp> before = seen;
        seen = stamps();
        return before != null && before.equals(seen);
    }

    /** Whether one of them has no octets at the last look, as when somebody is about to write it. */
    public boolean isEmpty() {
        List<FileStamp> last = seen;
        return last != null && last.stream().anyMatch(stamp -> stamp.size() == 0);
    }

    /** As they were at the last look they are {@link State#TAKEN}. */
    public void take() {
        taken = seen;
        moving = 0;
    }

    /** Why the last look found one missing. */
    public @Nullable IOException missing() {
        return missing;
    }

    public List<Path> files() {
        return files;
    }

    private @Nullable List<FileStamp> stamps() {
        List<FileStamp> stamps = new ArrayList<>(files.size());
        missing = null;
        try {
            for (Path file : files) {
                stamps.add(FileStamp.of(file));
            }
            return stamps;
        } catch (IOException e) {
            missing = e;
            return null;
        }
    }
}
