package dev.penstock.history;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.HistoryConfig;
import dev.penstock.message.MessageId;
import dev.penstock.units.PrivateFiles;

/**
 * Finds what became of messages. Thread-safe; one platform thread, "history-index", follows the delivery log's files and
 * keeps an index of them, behind everything that mail needs.
 *
 * <p>The index has keys and places, the log has the events: a search reads their lines from its files, compressed or not.
 * What has happened is found within a second, after the log's own flush interval: it is shown when somebody searches, since
 * to show makes a segment. Who searches waits half a second for that at most, and the thread never for him.
 *
 * <p>When the index can't be written, as on a full disk, it says so once, goes on being searched as it was, and tries again
 * each five seconds from its last commit. It never stops mail.
 */
public final class History implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(History.class);

    /** How often the log's files are looked at. */
    static final Duration LOOK = Duration.ofMillis(250);
    /** What is shown is so old at most when it is searched. */
    private static final Duration FRESH = Duration.ofMillis(500);
    /** So long a search waits for what isn't shown yet; not at all while more than a second isn't read. */
    private static final Duration LONGEST_WAIT = Duration.ofMillis(500);
    private static final Duration CATCHING_UP = Duration.ofSeconds(1);
    private static final Duration RETRY = Duration.ofSeconds(5);
    /** For what was logged last before a stop; what is left then the next start indexes. */
    private static final Duration LAST_ROUND = Duration.ofSeconds(2);
    private static final Duration CLOSE_TIME = Duration.ofSeconds(10);
    /** Items of a page at most. */
    public static final int MAX_PAGE = 1_000;

    private final HistoryConfig config;
    private final Path logs;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Counters counters = new Counters();
    private final @Nullable Thread thread;
    private final Shown shown;
    private final Demand demand;
    private volatile boolean closing;

    private History(HistoryConfig config, Path logs, InstantSource clock, LongSupplier nanoTime) {
        this.config = config;
        this.logs = logs;
        this.clock = clock;
        this.nanoTime = nanoTime;
        shown = new Shown(null);
        demand = new Demand(nanoTime.getAsLong());
        thread = Thread.ofPlatform().name("history-index").daemon()
                .uncaughtExceptionHandler((_, failure) -> {
                    counters.failures.incrementAndGet();
                    counters.behindSince.compareAndSet(0, Math.max(1, clock.millis()));
                    counters.trouble = "the indexer ended: " + failure;
                    log.error("event=history-ended effect=\"mail goes on\"", failure);
                }).unstarted(this::run);
    }

    private History(Path directory, Path logs, Snapshot snapshot) {
        config = HistoryConfig.DEFAULT.with(HistoryConfig.DIRECTORY, directory);
        this.logs = logs;
        clock = InstantSource.system();
        nanoTime = System::nanoTime;
        shown = new Shown(snapshot);
        demand = new Demand(nanoTime.getAsLong());
        thread = null;
    }

    /**
     * Starts to index.
     *
     * @param logs the delivery log's directory
     */
    public static History open(HistoryConfig config, Path logs, InstantSource clock) {
        History history = new History(config, logs, clock, System::nanoTime);
        if (history.thread != null) {
            history.thread.start();
        }
        return history;
    }

    /**
     * The index as of its last commit, to be searched only, also while a gateway writes it.
     *
     * @throws IOException when there is none, or it can't be read
     */
    public static History read(HistoryConfig config, Path logs) throws IOException {
        Snapshot found = HistoryIndex.look(config.directory());
        if (found.partitions().isEmpty()) {
            throw new NoSuchFileException(config.directory().toString(), null, "has no index");
        }
        return new History(config.directory(), logs, found);
    }

    /**
     * Makes the index anew from the log's files.
     *
     * @param progress told of events so far, after each file's every half megabyte
     * @return what was done
     * @throws IOException when a gateway uses the index, or the log or the index is another user's, who couldn't write what is
     *                     made here; or the disk is full: what there is by then the next start completes
     */
    public static HistoryStats rebuild(HistoryConfig config, Path logs, InstantSource clock, LongConsumer progress)
            throws IOException {
        PrivateFiles.mustBeMadeByOwner(logs);
        PrivateFiles.createDirectories(config.directory());
        PrivateFiles.mustBeMadeByOwner(config.directory());
        try (FileChannel _ = HistoryIndex.lock(config.directory())) {
            HistoryIndex.deleteAll(config.directory());
        }
        Counters counters = new Counters();
        try (HistoryIndex index = new HistoryIndex(config, clock, System::nanoTime, counters,
                new Shown(null))) {
            LogFollower follower = new LogFollower(logs, index, System::nanoTime, counters);
            boolean whole = false;
            while (!whole) {
                whole = follower.round(() -> {
                    progress.accept(counters.events.get());
                    return false;
                });
            }
            index.commit();
        }
        return stats(counters, clock);
    }

    /**
     * Events that fit, what was logged last first.
     *
     * @param limit so many at most, 1 to {@link #MAX_PAGE}
     * @param after where an earlier search goes on; null for a new one
     * @throws HistoryException when the index can't be read, or the cursor is of another one
     */
    public Page<Hit> search(Query query, int limit, @Nullable Cursor after) {
        if (limit < 1 || limit > MAX_PAGE) {
            throw new IllegalArgumentException("a page of " + limit + " isn't from 1 to " + MAX_PAGE);
        }
        Snapshot held = hold();
        try (Search search = new Search(logs, held)) {
            return search.page(query, limit, after);
        } catch (IOException e) {
            throw new HistoryException("the index or the delivery log can't be read: " + e.getMessage(), e);
        } finally {
            held.letGo();
        }
    }

    /**
     * All that happened to one message; no events when nothing is known of it.
     *
     * @throws HistoryException when the index can't be read
     */
    public Story story(MessageId id) {
        Snapshot held = hold();
        try (Search search = new Search(logs, held)) {
            return search.story(id);
        } catch (IOException e) {
            throw new HistoryException("the index or the delivery log can't be read: " + e.getMessage(), e);
        } finally {
            held.letGo();
        }
    }

    /** What is shown, with what the log has now if that is shown soon. */
    private Snapshot hold() {
        Thread indexer = thread;
        if (indexer != null && counters.trouble == null && stats().lagMillis() < CATCHING_UP.toMillis()) {
            long ask = demand.ask(nanoTime.getAsLong());
            if (demand.isOpen(ask)) {
                LockSupport.unpark(indexer);
                var _ = demand.await(ask, LONGEST_WAIT);
            }
        }
        return shown.hold();
    }

    public HistoryStats stats() {
        return stats(counters, clock);
    }

    private static HistoryStats stats(Counters counters, InstantSource clock) {
        long since = counters.behindSince.get();
        return new HistoryStats(counters.events.get(), counters.skipped.get(), counters.failures.get(),
                counters.octets, counters.partitions, since == 0 ? 0 : Math.max(0, clock.millis() - since),
                counters.trouble);
    }

    private void run() {
        while (!closing) {
            try (HistoryIndex index = new HistoryIndex(config, clock, nanoTime, counters, shown)) {
                follow(index);
                return;
            } catch (IOException | RuntimeException e) {
                failed(e);
            }
            long again = nanoTime.getAsLong() + RETRY.toNanos();
            while (!closing && nanoTime.getAsLong() - again < 0) {
                LockSupport.parkNanos(this, RETRY.toNanos());
            }
        }
    }

    private void follow(HistoryIndex index) throws IOException {
        LogFollower follower = new LogFollower(logs, index, nanoTime, counters);
        boolean last = false;
        while (!last) {
            last = closing; // read before the round, so that what was logged before close() is indexed
            long asked = demand.asked();
            long begin = nanoTime.getAsLong();
            long deadline = begin + LAST_ROUND.toNanos();
            boolean whole = follower.round(() -> closing && nanoTime.getAsLong() - deadline > 0);
            if (counters.trouble != null) {
                index.commit();
                counters.trouble = null;
                log.info("event=history-works-again");
            }
            if (whole && demand.isOpen(asked)) {
                index.show();
                demand.answer(asked, begin + FRESH.toNanos());
            }
            if (whole && !last && !closing && demand.asked() == asked) {
                LockSupport.parkNanos(this, LOOK.toNanos());
            }
        }
        index.commit();
    }

    private void failed(Exception failure) {
        Throwable e = failure.getCause() != null && (failure instanceof IndexFailure
                || failure instanceof UncheckedIOException || failure instanceof DirectoryIteratorException)
                        ? failure.getCause()
                        : failure;
        counters.failures.incrementAndGet();
        counters.behindSince.compareAndSet(0, Math.max(1, clock.millis()));
        if (counters.trouble == null) {
            log.error("event=history-failed effect=\"mail goes on, what happens now is found later\" why={}",
                    e.toString(), e instanceof RuntimeException ? e : null);
        }
        counters.trouble = "can't be written: " + e.getMessage();
    }

    /** Indexes what was logged last, as far as two seconds do, and closes. */
    @Override
    public void close() {
        closing = true;
        demand.close();
        Thread indexer = thread;
        if (indexer != null) {
            LockSupport.unpark(indexer);
            try {
                if (!indexer.join(CLOSE_TIME)) {
                    log.warn("event=history-not-closed effect=\"the next start goes on from the last commit\"");
                    return; // it goes on showing
                }
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        shown.close();
    }
}
