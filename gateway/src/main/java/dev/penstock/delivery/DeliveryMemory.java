package dev.penstock.delivery;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The account of what deliveries hold while hosts take their time: sessions and their TLS, content, envelopes of many
 * recipients, long replies. What doesn't fit gives way, each in its own manner: content is read from the spool in pieces,
 * texts are cut, a session under TLS isn't begun. Nobody waits for what another holds. Thread-safe, without a lock.
 */
final class DeliveryMemory {
    /** What a session in clear takes: a buffer for each direction, a piece of content, sockets, a thread's stack. */
    static final int SESSION = 24 << 10;
    /** What TLS adds: JSSE's buffers, one record each way and another that is being read, keys, the handshake's remains. */
    static final int TLS = 40 << 10;
    /** What a certificate takes for each octet of it, parsed, with its texts. */
    static final int CERTIFICATE = 4;
    /** Content gets this part at most: it can be read again, and leaves room to what can't. */
    private static final int CONTENT_PERCENT = 50;
    private static final int PERCENT = 100;

    private final long limit;
    private final long contentLimit;
    private final AtomicLong used = new AtomicLong();
    private final LongAdder refused;

    /**
     * @param limit   octets
     * @param refused counts how often something didn't fit
     */
    DeliveryMemory(long limit, LongAdder refused) {
        this.limit = limit;
        this.refused = refused;
        this.contentLimit = limit / PERCENT * CONTENT_PERCENT;
    }

    /** Octets that are taken. */
    long used() {
        return used.get();
    }

    long limit() {
        return limit;
    }

    private boolean take(long octets, long max) {
        if (used.addAndGet(octets) <= max) {
            return true;
        }
        used.addAndGet(-octets);
        refused.increment();
        return false;
    }

    /** One that holds nothing yet. */
    Share share() {
        return new Share();
    }

    /** One of an account of its own, for what is bounded otherwise. */
    static Share uncounted() {
        return new DeliveryMemory(Long.MAX_VALUE, new LongAdder()).share();
    }

    /** What one session, or one message under way, holds. Thread-safe. Closed, it holds nothing and gets nothing. */
    final class Share implements AutoCloseable {
        private long own;
        private boolean closed;

        /** @return false when there is no room: nothing was taken then */
        boolean take(long octets) {
            return take(octets, limit);
        }

        /** As {@link #take}, for content. */
        boolean takeForContent(long octets) {
            return take(octets, contentLimit);
        }

        private synchronized boolean take(long octets, long max) {
            if (closed || !DeliveryMemory.this.take(octets, max)) {
                return false;
            }
            own += octets;
            return true;
        }

        /** Counts what is held in any case, and is bounded by something else. */
        synchronized void hold(long octets) {
            if (!closed) {
                used.addAndGet(octets);
                own += octets;
            }
        }

        /** Gives back so many of them. */
        synchronized void give(long octets) {
            if (!closed) {
                used.addAndGet(-octets);
                own -= octets;
            }
        }

        @Override
        public synchronized void close() {
            give(own);
            closed = true;
        }
    }
}
