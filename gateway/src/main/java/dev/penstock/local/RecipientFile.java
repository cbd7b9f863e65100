package dev.penstock.local;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.FileStamp;

/**
 * A recipients file that is read again when it has changed. Read by any thread; {@link #look} is for one thread at a
 * time.
 *
 * <p>A changed file is taken only when two looks in a row have found it the same, so that one which is being written is
 * left alone. One that is gone, or has an error, leaves the list as it was.
 */
final class RecipientFile {
    private static final Logger log = LoggerFactory.getLogger(RecipientFile.class);

    private final Path path;
    private final boolean caseSensitive;
    private final LongAdder reads;
    private final LongAdder failures;
    private volatile @Nullable RecipientList list;
    /** At the last look; null when there was no file. */
    private @Nullable FileStamp seen;
    /** What was last read, well or not. */
    private @Nullable FileStamp taken;
    private boolean missed;

    /** Reads the file at once. */
    RecipientFile(Path path, boolean caseSensitive, LongAdder reads, LongAdder failures) {
        this.path = path;
        this.caseSensitive = caseSensitive;
        this.reads = reads;
        this.failures = failures;
        try {
            seen = FileStamp.of(path);
        } catch (IOException _) {
            seen = null; // said by the look
        }
        look();
    }

    /** Null until the file could be read for the first time. */
    @Nullable
    RecipientList list() {
        return list;
    }

    /** Reads the file again if it has changed. */
    void look() {
        FileStamp now;
        try {
            now = FileStamp.of(path);
        } catch (IOException e) {
            seen = null;
            if (!missed) {
                missed = true;
                failed(e instanceof NoSuchFileException ? path + ": there is no such file" : message(e));
            }
            return;
        }
        missed = false;
        boolean still = now.equals(seen);
        seen = now;
        if (!still || now.equals(taken)) {
            return;
        }
        try {
            RecipientList read = RecipientList.read(path, caseSensitive);
            FileStamp after = FileStamp.of(path);
            if (!after.equals(now)) {
                seen = after;
                return; // it was being written meanwhile
            }
            list = read;
            reads.increment();
            log.info("event=recipients-read file={} recipients={}", path, read.size());
        } catch (IOException e) {
            failed(message(e));
        }
        taken = now;
    }

    private void failed(String why) {
        failures.increment();
        log.error("event=recipients-unreadable file={} effect={} why={}", path, list == null
                ? "recipients can't be verified"
                : "the recipients read before stay in force", why);
    }

    private String message(IOException e) {
        String text = String.valueOf(e.getMessage());
        return text.startsWith(path.toString()) ? text : path + ": " + text;
    }

    boolean isFor(Path other, boolean otherCaseSensitive) {
        return Objects.equals(path, other) && caseSensitive == otherCaseSensitive;
    }
}
