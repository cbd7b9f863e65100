package dev.penstock.delivery;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.Budget;

/**
 * The account of what deliveries hold while hosts take their time: sessions and their TLS, content, envelopes of many
 * recipients, long replies. What doesn't fit gives way, each in its own manner: content is read from the spool in pieces,
 * texts are cut, a session under TLS isn't begun. Nobody waits for what another holds. Thread-safe, without a lock.
 */
final class DeliveryMemory {
    /** What a session in clear takes: a buffer for each direction, a piece of content, sockets, a thread's stack. */
    static final int SESSION = Budget.OUTBOUND_SESSION;
    /** What TLS adds: JSSE's buffers, one record each way and another that is being read, keys, the handshake's remains. */
    static final int TLS = Budget.OUTBOUND_TLS;
    /** What a certificate takes for each octet of it, parsed, with its texts. */
    static final int CERTIFICATE = 4;
    /** Content gets this part at most: it can be read again, and leaves room to what can't. */
    private static final int CONTENT_PERCENT = 50;
    private static final int PERCENT = 100;

    private final long limit;
    private final long contentLimit;
    private final AtomicLong used = new AtomicLong();
    /** Of these, content. */
    private final AtomicLong content = new AtomicLong();
    /** What one has that goes on though there is no room; nothing of it is missing to others. */
    private final AtomicLong beyond = new AtomicLong();
    /** Who that is; null for nobody. */
    private final AtomicReference<@Nullable Share> first = new AtomicReference<>();
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
        return used.get() + beyond.get();
    }

    long limit() {
        return limit;
    }

    private static boolean take(AtomicLong account, long octets, long max) {
        if (account.addAndGet(octets) <= max) {
            return true;
        }
        account.addAndGet(-octets);
        return false;
    }

    private boolean takeForContent(long octets) {
        if (!take(content, octets, contentLimit)) {
            return false;
        }
        if (!take(used, octets, limit)) {
            content.addAndGet(-octets);
            return false;
        }
        return true;
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
        private long ownContent;
        private long ownBeyond;
        private boolean closed;

        /** @return false when there is no room: nothing was taken then */
        synchronized boolean take(long octets) {
            if (closed) {
                return false;
            }
            if (!DeliveryMemory.take(used, octets, limit)) {
                refused.increment();
                return false;
            }
            own += octets;
            return true;
        }

        /** As {@link #take}, for content. */
        synchronized boolean takeForContent(long octets) {
            if (closed) {
                return false;
            }
            if (!DeliveryMemory.this.takeForContent(octets)) {
                refused.increment();
                return false;
            }
            own += octets;
            ownContent += octets;
            return true;
        }

        /** As {@link #take}, but one share at a time may go beyond the limit, until it is closed: none is left for ever. */
        synchronized boolean takeOrGoFirst(long octets) {
            if (take(octets)) {
                return true;
            }
            if (closed || !first.compareAndSet(null, this)) {
                return false;
            }
            ownBeyond = octets;
            beyond.addAndGet(octets);
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
            content.addAndGet(-ownContent);
            ownContent = 0;
            beyond.addAndGet(-ownBeyond);
            ownBeyond = 0;
            closed = true;
            first.compareAndSet(this, null);
        }
    }
}
