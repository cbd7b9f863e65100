package dev.penstock.shaping;

import java.util.concurrent.atomic.AtomicBoolean;

import dev.penstock.config.TrafficLimits;

/**
 * Leave to have one session open. Thread-safe; {@link #close()} it when the session is closed or couldn't be opened.
 * All permits of one key draw from the same rates and limits.
 */
public final class Permit implements Opening, AutoCloseable {
    private final Throttle throttle;
    private final Shaper shaper;
    private final AtomicBoolean closed = new AtomicBoolean();

    Permit(Throttle throttle, Shaper shaper) {
        this.throttle = throttle;
        this.shaper = shaper;
    }

    /** The shaping key it was given for. */
    public String key() {
        return throttle.key();
    }

    /** What is configured now: ask again before each use, because it changes live. */
    public TrafficLimits limits() {
        return throttle.limits();
    }

    /**
     * Takes the next message slot if it is at most {@code maxWaitNanos} away.
     *
     * @param nowNanos {@link System#nanoTime()}
     * @return nanoseconds from {@code nowNanos} until the slot, 0 for now; no slot is taken when that is more than
     *         {@code maxWaitNanos}
     */
    public long reserveMessage(long nowNanos, long maxWaitNanos) {
        return throttle.messages().reserve(nowNanos, maxWaitNanos);
    }

    /**
     * Gives back a message slot, for another message to go at its time.
     *
     * @param slotNanos the {@code nowNanos} of the reservation plus the wait it returned
     */
    public void refundMessage(long slotNanos) {
        throttle.messages().refund(slotNanos, shaper.nanoTime());
    }

    /** The session came up: the count of consecutive connection failures starts anew. */
    public void connected() {
        throttle.connected();
    }

    /**
     * No host could be reached.
     *
     * @return whether {@link TrafficLimits#consecutiveConnectionFailuresBeforeDelay()} is reached, so that the whole
     *         lane should wait
     */
    public boolean connectionFailed() {
        return throttle.connectionFailed();
    }

    /** Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            throttle.sessions().release();
        }
    }
}
