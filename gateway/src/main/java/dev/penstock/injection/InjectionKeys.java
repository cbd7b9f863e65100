package dev.penstock.injection;

import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.InjectionConfig;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;

/**
 * The idempotency keys of HTTP injection, over restarts. Confined to the thread that starts the gateway until it is
 * started, thread-safe then.
 *
 * <p>Opened before the spool, so that messages of requests that never came to their end are known when the spool is
 * recovered: {@link #withholds} keeps those from the queue, {@link #start} throws them away. It works without injection
 * being enabled, because what was left behind must not be delivered then either.
 */
public final class InjectionKeys implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(InjectionKeys.class);
    private static final long MAX_FILE = 16 << 20;

    private final Journal journal;
    private final List<SpoolEntry> withheld = new ArrayList<>();

    private InjectionKeys(Journal journal) {
        this.journal = journal;
    }

    /** Reads what earlier runs left. */
    public static InjectionKeys open(InjectionConfig config, InstantSource clock) throws IOException {
        return open(config, MAX_FILE, clock, new Journal.Disk());
    }

    static InjectionKeys open(InjectionConfig config, long maxFile, InstantSource clock, Journal.Disk disk)
            throws IOException {
        return new InjectionKeys(Journal.read(config.directory(), config.idempotencyRetention(), maxFile, clock, disk));
    }

    /** For each destination that the spool recovers. @return true when it must not be queued */
    public boolean withholds(SpoolEntry entry) {
        boolean withhold = journal.isAbandoned(entry.messageId());
        if (withhold) {
            withheld.add(entry);
        }
        return withhold;
    }

    /**
     * Throws away what was withheld, and waits until that is durable; then, with injection enabled, keys are recorded.
     * With a journal that couldn't be made durable, neither is done: the next start decides.
     */
    public void start(InjectionConfig config, Spool spool) throws IOException {
        if (journal.hasFailed()) {
            log.warn("event=injection-unfinished destinations={} consequence=\"neither sent nor forgotten before the "
                    + "next start\"", withheld.size());
            return;
        }
        if (!withheld.isEmpty()) {
            CompletableFuture.allOf(withheld.stream().map(spool::done).toArray(CompletableFuture[]::new)).join();
            log.info("event=injection-unfinished destinations={} consequence=\"forgotten; their clients were not "
                    + "answered and will try again\"", withheld.size());
            withheld.clear();
        }
        if (config.enabled()) {
            journal.start();
        }
    }

    /**
     * Whether requests with a key can be taken, as far as this goes: not after a sync failed, or the copy of the last
     * file at the start. Thread-safe.
     */
    public boolean isReady() {
        return !journal.hasFailed();
    }

    Journal journal() {
        return journal;
    }

    @Override
    public void close() {
        journal.close();
    }
}
