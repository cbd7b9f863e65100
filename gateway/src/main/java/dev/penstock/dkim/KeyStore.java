package dev.penstock.dkim;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;

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
 */
final class KeyStore {
    /** Files that are remembered, also those that aren't there: more than most have domains. */
    static final int MAX_FILES = 20_000;
    /** Between two looks. */
    static final Duration LOOK_INTERVAL = Duration.ofSeconds(5);

    private static final Logger log = LoggerFactory.getLogger(KeyStore.class);

    /** What a file holds. */
    sealed interface Answer {}

    record Usable(SigningKey key) implements Answer {}

    /** @param missing whether there is no such file */
    record Unusable(String problem, boolean missing) implements Answer {}

    /** One file, read under its own lock. */
    private final class Watched {
        private final Path file;
        private final RestingFiles resting;
        private volatile Answer answer;
        private String reported = "";

        Watched(Path file) {
            this.file = file;
            this.resting = new RestingFiles(file);
            resting.take();
            this.answer = read();
            if (answer instanceof Unusable(String problem, boolean missing)) {
                reported = problem;
                if (missing) {
                    log.warn("event=dkim-key-missing problem={}", problem);
                } else {
                    log.error("event=dkim-key-refused problem={}", problem);
                }
            }
        }

        private Answer read() {
            try {
                return new Usable(crypto.take(KeyFile.read(file)));
            } catch (KeyFileException e) {
                return new Unusable(String.valueOf(e.getMessage()), e.isMissing());
            } catch (IllegalArgumentException e) {
                return new Unusable(file + ": " + e.getMessage(), false);
            }
        }

        synchronized void look() {
            RestingFiles.State state = resting.look();
            if (state == RestingFiles.State.TAKEN || state == RestingFiles.State.MOVING) {
                return;
            }
            Answer found = read();
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
                    boolean kept = answer instanceof Usable;
                    if (!kept) {
                        answer = unusable;
                    }
                    if (!unusable.problem().equals(reported)) {
                        reported = unusable.problem();
                        refused.increment();
                        log.error("event=dkim-key-refused problem={} effect={}", unusable.problem(),
                                kept ? "the key from before stays in force" : "there is no key");
                    }
                }
            }
        }
    }

    private final Crypto crypto;
    private final Cache<Path, Watched> files = Caffeine.newBuilder().maximumSize(MAX_FILES).executor(Runnable::run)
            .build();
    private final LongAdder reloads = new LongAdder();
    private final LongAdder refused = new LongAdder();

    KeyStore(Crypto crypto) {
        this.crypto = crypto;
    }

    /** What the file holds. Blocks while it is read for the first time. */
    Answer of(Path file) {
        return files.get(file, Watched::new).answer;
    }

    /** As {@link #of}, without reading it: null when nobody has asked for it yet. */
    @Nullable
    Answer known(Path file) {
        Watched known = files.getIfPresent(file);
        return known == null ? null : known.answer;
    }

    /** Looks at all files that are remembered; to be called every {@link #LOOK_INTERVAL} by one thread. */
    void look() {
        files.asMap().values().forEach(Watched::look);
    }

    /** Lets go of keys whose files are gone, and of what was remembered of files that weren't there. */
    void forgetMissing() {
        files.asMap().keySet().removeIf(file -> !Files.exists(file));
    }

    long reloads() {
        return reloads.sum();
    }

    long refused() {
        return refused.sum();
    }
}
