package dev.penstock.spool;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

import dev.penstock.message.Envelope;

/**
 * Counts the content kept in memory for first attempts; the messages themselves hold it. Thread-safe. What doesn't fit
 * is read from disk, so nothing is ever pushed out.
 *
 * <p>No recipient domain may hold more than its share. Domains are told apart by a hash of 12 bits: two that meet in
 * one share it.
 */
final class ContentCache {
    private static final int SHARES = 1 << 12;
    private static final int PERCENT = 100;
    /** What an envelope, its texts and the objects around them take, about. */
    private static final int OVERHEAD = 768;

    private final long limit;
    private final long share;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLongArray shares = new AtomicLongArray(SHARES);

    ContentCache(long limit, int laneSharePercent) {
        this.limit = limit;
        this.share = limit * laneSharePercent / PERCENT;
    }

    /** Whether content in an array of {@code capacity} octets wastes little enough to be kept as it is. */
    static boolean isSnug(int capacity, long size) {
        return capacity <= charge(size);
    }

    /** What content of {@code size} octets counts, with a usual envelope. */
    private static long charge(long size) {
        return size + size / 4 + OVERHEAD;
    }

    /** An envelope of many recipients can take a thousand times the content's room. */
    private static long charge(Envelope envelope, long size) {
        return charge(size) + Math.max(0, envelope.heapOctets() - OVERHEAD);
    }

    /** Whether content of {@code octets} may be kept; it is counted then. */
    boolean admit(Envelope envelope, long octets) {
        long size = charge(envelope, octets);
        if (bytes.get() + size > limit) {
            return false;
        }
        int slot = slot(envelope);
        if (shares.get(slot) + size > share) {
            return false;
        }
        shares.addAndGet(slot, size);
        bytes.addAndGet(size);
        return true;
    }

    private void release(Envelope envelope, long octets) {
        long size = charge(envelope, octets);
        shares.addAndGet(slot(envelope), -size);
        bytes.addAndGet(-size);
    }

    /** Lets go of a message's content. */
    void drop(SpooledMessage message) {
        StoredMessage dropped;
        synchronized (message) {
            dropped = message.dropCached();
        }
        if (dropped != null) {
            release(dropped.envelope(), dropped.content().size());
        }
    }

    long bytes() {
        return bytes.get();
    }

    private static int slot(Envelope envelope) {
        int hash = envelope.recipients().getFirst().domain().hashCode();
        return (hash ^ hash >>> 12 ^ hash >>> 24) & SHARES - 1;
    }
}
