package dev.penstock.inbound;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

/**
 * Bounds the octets of messages being received over all sessions: content, and what envelopes and waiting input take.
 * Thread-safe.
 *
 * <p>Beyond the limit, whoever wants to read on waits. One of those who wait, the first, may always go on to the end of
 * its message: else sessions that each hold a part of a large message would wait for each other. So the bound is the
 * limit, one message, and one read of each session. That one must not be slow while others wait ({@link #holdsUp}): its
 * session sees to that, and gives the message up.
 *
 * <p>Envelopes and input of clients that send no content wait for nobody: they get half of the limit, and what doesn't fit is
 * refused. So they leave room for messages that have begun, however many there are.
 */
final class ReceptionMemory {
    /** Who waits to read on. */
    @FunctionalInterface
    interface Waiter {
        /** Called by any thread, once for each wait; must hand over at once. */
        void proceed();
    }

    private static final int ENVELOPES_SHARE = 2; // one part in

    private final AtomicLong used = new AtomicLong();
    private final AtomicLong envelopes = new AtomicLong(); // of these
    private final Deque<Waiter> waiting = new ArrayDeque<>();
    private @Nullable Waiter favoured;
    private volatile boolean contended; // somebody waits or is favoured: look closer when octets are released
    private volatile long limit;

    ReceptionMemory(long limit) {
        this.limit = limit;
    }

    void limit(long newLimit) {
        limit = newLimit;
        synchronized (this) {
            letProceed();
        }
    }

    long used() {
        return used.get();
    }

    boolean hasRoom() {
        return used.get() < limit;
    }

    /** @param octets may be negative: a part of what is received was forgotten */
    void add(long octets) {
        used.addAndGet(octets);
        if (octets < 0 && contended) {
            synchronized (this) {
                letProceed();
            }
        }
    }

    /** @return false, and nothing is counted, when there is no room for so much more of envelopes or waiting input */
    boolean addEnvelope(long octets) {
        if (!hasRoom()) {
            return false;
        }
        if (envelopes.addAndGet(octets) > limit / ENVELOPES_SHARE) {
            envelopes.addAndGet(-octets);
            return false;
        }
        used.addAndGet(octets);
        return true;
    }

    /** Whether those who hold much of it should be quick, so that others get room. */
    boolean isShort() {
        return !hasRoom() || envelopes.get() > limit / ENVELOPES_SHARE / 4 * 3;
    }

    /** Counts it whether there is room or not. */
    void forceEnvelope(long octets) {
        envelopes.addAndGet(octets);
        used.addAndGet(octets);
    }

    void releaseEnvelope(long octets) {
        if (octets == 0) {
            return;
        }
        envelopes.addAndGet(-octets);
        used.addAndGet(-octets);
        if (contended) {
            synchronized (this) {
                letProceed();
            }
        }
    }

    /** @return false when the waiter must wait until it is told to proceed */
    boolean mayProceed(Waiter waiter) {
        if (hasRoom()) {
            return true;
        }
        synchronized (this) {
            if (waiter.equals(favoured)) {
                return true;
            }
            contended = true; // before looking at the octets once more: release looks in the opposite order
            if (favoured == null && waiting.isEmpty()) {
                favoured = waiter;
                return true;
            }
            waiting.add(waiter);
            letProceed();
            return false;
        }
    }

    /** Whether the waiter is the one that may go on beyond the limit. */
    boolean isFavoured(Waiter waiter) {
        if (!contended) {
            return false;
        }
        synchronized (this) {
            return waiter.equals(favoured);
        }
    }

    /** Whether others wait for this one's message to end. */
    boolean holdsUp(Waiter waiter) {
        synchronized (this) {
            return waiter.equals(favoured) && !waiting.isEmpty();
        }
    }

    /** The message that {@code waiter} received is kept or forgotten; it waits no more either. */
    void release(Waiter waiter, long octets) {
        used.addAndGet(-octets);
        if (contended) {
            synchronized (this) {
                if (waiter.equals(favoured)) {
                    favoured = null;
                }
                waiting.remove(waiter);
                letProceed();
            }
        }
    }

    private void letProceed() {
        while (hasRoom() && !waiting.isEmpty()) {
            waiting.remove().proceed();
        }
        if (favoured == null && !waiting.isEmpty()) {
            favoured = waiting.remove();
            favoured.proceed();
        }
        contended = favoured != null || !waiting.isEmpty();
    }
}
