package dev.penstock.units;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Tells when files that others write, and that belong together, have changed and come to rest: two looks in a row have
 * found them the same. Whoever truncates a file and writes it in place, or replaces several one after the other, is
 * given until then. Confined to one thread at a time.
 */
public final class RestingFiles {
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
    private @Nullable List<FileStamp> seen; // null when one couldn't be looked at
    private @Nullable List<FileStamp> taken;
    private @Nullable IOException missing;

    /** Looks at them, so that the next look can find them at rest. */
    public RestingFiles(Path... files) {
        this.files = List.of(files);
        this.seen = stamps();
    }

    public State look() {
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
