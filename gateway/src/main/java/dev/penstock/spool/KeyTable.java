package dev.penstock.spool;

import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The idempotency keys that are remembered, and the KEY records that messages count by. Thread-safe but for
 * {@link #needs}, {@link #recorded} and {@link #ended}, which are the committer's, and the recovery's before it runs.
 *
 * <p>A record is live while its key is remembered or one of its messages isn't done. Both ends need nothing written:
 * the one is told by the clock, the other by the messages' DONE. About 120 octets for a key, 20 more for each of its
 * messages until it is done.
 */
final class KeyTable {
    private static final long SWEEP_MILLIS = 10_000; // a sweep looks at each key, some 20 ns

    private final InstantSource clock;
    private final Map<IdempotencyKey, KeyEntry> remembered = new ConcurrentHashMap<>();
    /** Whose key is forgotten, by request; messages need them. */
    private final Map<Long, KeyEntry> forgotten = new ConcurrentHashMap<>();
    private final Long2ObjectHashMap<KeyEntry> byMessage = new Long2ObjectHashMap<>();
    private long sweptMillis; // guarded by this

    KeyTable(InstantSource clock) {
        this.clock = clock;
    }

    /** The message, which isn't done, counts by this record. */
    void needs(long messageId, KeyEntry entry) {
        entry.needed();
        byMessage.put(messageId, entry);
    }

    /**
     * Takes a record that is in the log, all of whose messages were named by {@link #needs}.
     *
     * @param key null when it only makes messages count
     */
    void recorded(@Nullable IdempotencyKey key, KeyEntry entry) {
        if (key == null || isExpired(entry)) {
            forget(entry);
            return;
        }
        KeyEntry before = remembered.get(key);
        if (before != null && Long.compareUnsigned(before.request, entry.request) > 0) {
            forget(entry); // recovered after one of a later request
            return;
        }
        entry.list();
        KeyEntry replaced = remembered.put(key, entry);
        if (replaced != null) {
            forget(replaced);
        }
    }

    private void forget(KeyEntry entry) {
        forgotten.put(entry.request, entry);
        if (!entry.unlist()) {
            forgotten.remove(entry.request);
        }
    }

    private boolean isExpired(KeyEntry entry) {
        return entry.expiresMillis <= clock.millis();
    }

    /** A message is done. */
    void ended(long messageId) {
        KeyEntry entry = byMessage.remove(messageId);
        if (entry != null && entry.ended()) {
            forgotten.remove(entry.request);
        }
    }

    /** @return null when the key isn't remembered */
    @Nullable
    KeyEntry find(IdempotencyKey key) {
        KeyEntry entry = remembered.get(key);
        return entry == null || isExpired(entry) ? null : entry;
    }

    /** The record of this request, when something needs it. */
    @Nullable
    KeyEntry entry(@Nullable IdempotencyKey key, long request) {
        KeyEntry entry = key == null ? null : remembered.get(key);
        return entry != null && entry.request == request ? entry : forgotten.get(request);
    }

    long size() {
        return remembered.size();
    }

    /** Forgets keys whose time is over, when the last look was some seconds ago. */
    synchronized void sweep() {
        long now = clock.millis();
        if (Math.abs(now - sweptMillis) < SWEEP_MILLIS) {
            return;
        }
        sweptMillis = now;
        remembered.forEach((key, entry) -> {
            if (entry.expiresMillis <= now && remembered.remove(key, entry)) {
                forget(entry);
            }
        });
    }
}
