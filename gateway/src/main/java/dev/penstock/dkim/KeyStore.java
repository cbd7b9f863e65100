package dev.penstock.dkim;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.RestingFiles;

/**
 * Private keys by their files. Thread-safe. A file is read when its key is first asked for, and again when it has changed and
 * come to rest. A new one that can't be used changes nothing: it is reported once, and the key from before stays in force,
 * also when its file is gone; only {@link #forgetMissing} lets go of it.
 *
 * <p>Files without a key are remembered apart: whoever sends mail from ever other domains drives out others' absent keys, and
 * none that is there. Such a file is read again when it is asked for, at most once in {@link #LOOK_INTERVAL}.
 */
final class KeyStore {
    /** Files with keys that are remembered, and files without: more than most have domains. */
    static final int MAX_FILES = 20_000;
    /** Absent files that a look reads: a look takes well under a second. */
    private static final int MAX_ASKED = 1_000;
    /** Lines of the log about files without a key in {@link #LOG_WINDOW}; how many more there were is said after it. */
    static final int MAX_LINES = 10;
    static final Duration LOG_WINDOW = Duration.ofMinutes(1);
    /** Between two looks. */
    static final Duration LOOK_INTERVAL = Duration.ofSeconds(5);

    private static final Logger log = LoggerFactory.getLogger(KeyStore.class);

    /** What a file holds. */
    sealed interface Answer {}

    record Usable(SigningKey key) implements Answer {}

    /** @param missing whether there is no such file */
    record Unusable(String problem, boolean missing) implements Answer {}

    /** What was found in the place of a key. */
    private record Absent(Unusable answer, long readNanos) {}

    /** One file with a key, looked at under its own lock. */
    private final class Watched {
        private final Path file;
        private final RestingFiles resting;
        private volatile Usable answer;
        private String reported = "";

        Watched(Path file, RestingFiles resting, Usable answer) {
            this.file = file;
            this.resting = resting;
            this.answer = answer;
        }

        synchronized void look() {
            RestingFiles.State state = resting.look();
            if (state == RestingFiles.State.TAKEN || state == RestingFiles.State.MOVING) {
                return;
            }
            Answer found = read(file);
            if (state == RestingFiles.State.CHANGED) {
                if (!resting.areStill()) {
                    return; // the next looks take it
                }
                resting.take();
            }
            switch (found) {
                case Usable usable -> {
                    answer = usable;
                    reported = "";
                    reloads.increment();
                    log.info("event=dkim-key-loaded file={} key={}", file, usable.key());
                }
                case Unusable unusable -> {
                    if (!unusable.problem().equals(reported)) {
                        reported = unusable.problem();
                        refused.increment();
                        log.error("event=dkim-key-refused problem={} effect=\"the key from before stays in force\"",
                                unusable.problem());
                    }
                }
            }
        }
    }

    private final Crypto crypto;
    private final LongSupplier ticker;
    private final Cache<Path, Watched> files = Caffeine.newBuilder().maximumSize(MAX_FILES).executor(Runnable::run)
            .build();
    private final Cache<Path, Absent> absent = Caffeine.newBuilder().maximumSize(MAX_FILES).executor(Runnable::run)
            .build();
    /** Absent files that were asked for since the last look, by who doesn't read them himself. */
    private final Set<Path> asked = ConcurrentHashMap.newKeySet();
    private final LongAdder reloads = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder missing = new LongAdder();
    private long windowStartNanos; // guarded by this, as the next two
    private int lines;
    private long notLogged;

    KeyStore(Crypto crypto) {
        this(crypto, System::nanoTime);
    }

    /** @param ticker nanoseconds since whenever */
    KeyStore(Crypto crypto, LongSupplier ticker) {
        this.crypto = crypto;
        this.ticker = ticker;
        windowStartNanos = ticker.getAsLong();
    }

    /** What the file holds. Blocks while it is read. */
    Answer of(Path file) {
        Watched watched = files.getIfPresent(file);
        if (watched != null) {
            return watched.answer;
        }
        Absent before = absent.getIfPresent(file);
        if (before != null && ticker.getAsLong() - before.readNanos < LOOK_INTERVAL.toNanos()) {
            return before.answer;
        }
        RestingFiles resting = new RestingFiles(file);
        resting.take(); // what is written from now on is seen by the looks
        return switch (read(file)) {
            case Usable usable -> {
                if (absent.asMap().remove(file) != null) {
                    reloads.increment();
                    log.info("event=dkim-key-loaded file={} key={}", file, usable.key());
                }
                yield files.get(file, _ -> new Watched(file, resting, usable)).answer;
            }
            case Unusable unusable -> {
                Absent known = absent.asMap().put(file, new Absent(unusable, ticker.getAsLong()));
                if (known == null || !known.answer.equals(unusable)) {
                    report(unusable);
                }
                yield unusable;
            }
        };
    }

    private Answer read(Path file) {
        try {
            return new Usable(crypto.take(KeyFile.read(file)));
        } catch (KeyFileException e) {
            return new Unusable(String.valueOf(e.getMessage()), e.isMissing());
        } catch (IllegalArgumentException e) {
            return new Unusable(file + ": " + e.getMessage(), false);
        }
    }

    private void report(Unusable unusable) {
        (unusable.missing() ? missing : refused).increment();
        synchronized (this) {
            endWindow();
            if (lines == MAX_LINES) {
                notLogged++;
                return;
            }
            lines++;
        }
        if (unusable.missing()) {
            log.warn("event=dkim-key-missing problem={}", unusable.problem());
        } else {
            log.error("event=dkim-key-refused problem={} effect=\"there is no key\"", unusable.problem());
        }
    }

    private synchronized void endWindow() {
        long now = ticker.getAsLong();
        if (now - windowStartNanos < LOG_WINDOW.toNanos()) {
            return;
        }
        if (notLogged > 0) {
            log.warn("event=dkim-keys-missing files={} not-logged-since={}", notLogged,
                    Duration.ofNanos(now - windowStartNanos).toSeconds() + "s");
        }
        windowStartNanos = now;
        lines = 0;
        notLogged = 0;
    }

    /** As {@link #of}, without reading it: null when nobody has asked for it yet. */
    @Nullable
    Answer known(Path file) {
        Watched watched = files.getIfPresent(file);
        if (watched != null) {
            return watched.answer;
        }
        Absent before = absent.getIfPresent(file);
        if (before == null) {
            return null;
        }
        if (asked.size() < MAX_ASKED) {
            asked.add(file);
        }
        return before.answer;
    }

    /**
     * Looks at all files with keys that are remembered, and at those without that somebody has asked for; to be called every
     * {@link #LOOK_INTERVAL} by one thread.
     */
    void look() {
        files.asMap().values().forEach(Watched::look);
        asked.removeIf(file -> {
            of(file);
            return true;
        });
        endWindow();
    }

    /** Lets go of keys whose files are gone, and of what was remembered of files that weren't there. */
    void forgetMissing() {
        files.asMap().keySet().removeIf(file -> !Files.exists(file));
        absent.invalidateAll();
    }

    long reloads() {
        return reloads.sum();
    }

    long refused() {
        return refused.sum();
    }

    /** Files that were asked for and aren't there, each once for as long as it is remembered. */
    long missing() {
        return missing.sum();
    }

    /** Files that are remembered, with keys and without. */
    long remembered() {
        return files.estimatedSize() + absent.estimatedSize();
    }
}
