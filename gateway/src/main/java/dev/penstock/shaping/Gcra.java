package dev.penstock.shaping;

import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * Spaces events evenly in time: the generic cell rate algorithm (ITU-T I.371) on one number, the theoretical arrival
 * time of the next event. Thread-safe, lock-free. Times are {@link System#nanoTime()}'s, so that a wall clock set
 * forward or back neither stops the events nor lets a burst through.
 *
 * <p>With a burst of 1 no two slots are nearer than the rate's interval. With a burst of {@code n}, a pause of
 * {@code n} intervals lets {@code n} events go at once; as a new limiter has just paused, that is also its start.
 */
public final class Gcra {
    private final AtomicLong arrival;
    private volatile Spacing spacing;

    /** @param rate null lets everything through at once */
    public Gcra(@Nullable Rate rate, long nowNanos) {
        this.spacing = Spacing.of(rate);
        this.arrival = new AtomicLong(nowNanos);
    }

    public @Nullable Rate rate() {
        return spacing.rate();
    }

    /** Takes the next slot, however far away. @return nanoseconds until that slot, 0 for now */
    public long reserve(long nowNanos) {
        return reserve(nowNanos, Long.MAX_VALUE);
    }

    /**
     * Takes the next slot if it is near enough.
     *
     * @return nanoseconds until the next slot, 0 for now; the slot is taken only when that is at most
     *         {@code maxWaitNanos}
     */
    public long reserve(long nowNanos, long maxWaitNanos) {
        Spacing now = spacing;
        if (now.isNone()) {
            return 0;
        }
        while (true) {
            long due = arrival.get();
            long wait = now.waitNanos(due, nowNanos);
            if (wait > maxWaitNanos) {
                return wait;
            }
            if (arrival.compareAndSet(due, now.arrivalAfter(due, nowNanos))) {
                return wait;
            }
        }
    }

    /** Nanoseconds until the next slot, 0 for now; takes nothing. */
    public long peek(long nowNanos) {
        Spacing now = spacing;
        return now.isNone() ? 0 : now.waitNanos(arrival.get(), nowNanos);
    }

    /**
     * Gives back a slot that won't be used. Only the latest one taken can be: behind an earlier one others have already
     * been told when to go, and filling the gap would put two events into one slot.
     *
     * @param slotNanos when the slot was, as {@code now + reserve(now)}
     * @return whether it is free again
     */
    public boolean refund(long slotNanos, long nowNanos) {
        Spacing now = spacing;
        if (now.isNone()) {
            return true;
        }
        long due = arrival.get();
        boolean latest = due - now.toleranceNanos() - now.intervalNanos() - slotNanos <= 0;
        return latest && arrival.compareAndSet(due, due - now.intervalNanos());
    }

    /** From now on at this rate; slots already taken stay taken. */
    public void reconfigure(@Nullable Rate rate, long nowNanos) {
        Spacing next = Spacing.of(rate);
        spacing = next;
        // A slot hours away at the old rate must not hold up the new one; a burst already spent isn't given again.
        long furthest = next.intervalNanos() + next.toleranceNanos();
        arrival.updateAndGet(due -> due - nowNanos > furthest ? nowNanos + furthest : due);
    }
}
