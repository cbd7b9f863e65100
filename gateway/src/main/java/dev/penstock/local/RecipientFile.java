package dev.penstock.local;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.RestingFiles;

/**
 * A recipients file that is read again when it has changed. Read by any thread; {@link #look} is for one thread at a
 * time.
 *
 * <p>A changed file is taken only when two looks in a row have found it the same, so that one which is being written is
 * left alone. One that is gone, has an error or nothing in it leaves the list as it was.
 */
final class RecipientFile {
    private static final Logger log = LoggerFactory.getLogger(RecipientFile.class);

    private final Path path;
    private final boolean caseSensitive;
    private final LongAdder reads;
    private final LongAdder failures;
    private volatile @Nullable RecipientList list;
    private final RestingFiles resting;
    private boolean missed;

    /** Reads the file at once. */
    RecipientFile(Path path, boolean caseSensitive, LongAdder reads, LongAdder failures) {
        this.path = path;
        this.caseSensitive = caseSensitive;
        this.reads = reads;
        this.failures = failures;
        this.resting = new RestingFiles(path);
        look();
    }

    /** Null until the file could be read for the first time. */
    @Nullable
    RecipientList list() {
        return list;
    }

    /** Reads the file again if it has changed. */
    void look() {
        RestingFiles.State state = resting.look();
        IOException missing = resting.missing();
        if (missing != null && !missed) {
            failed(missing instanceof NoSuchFileException ? path + ": there is no such file" : message(missing));
        }
        missed = missing != null;
        if (state == RestingFiles.State.CHANGED) {
            read();
        }
    }

    private void read() {
        RecipientList read = null;
        String why = "";
        if (resting.isEmpty()) {
            why = path + ": has nothing in it; a file for nobody says so in a comment";
        } else {
            try {
                read = RecipientList.read(path, caseSensitive);
            } catch (IOException e) {
                why = message(e);
            }
        }
        if (!resting.areStill()) {
            return; // it was being written meanwhile; the next looks take it
        }
        resting.take();
        if (read == null) {
            failed(why);
            return;
        }
        list = read;
        reads.increment();
        log.info("event=recipients-read file={} recipients={}", path, read.size());
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
