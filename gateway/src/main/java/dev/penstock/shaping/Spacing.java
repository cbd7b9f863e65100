package dev.penstock.shaping;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * How far apart events are by a rate: the generic cell rate algorithm (ITU-T I.371) as pure functions over its one
 * number, the theoretical arrival time of the next event. Immutable.
 *
 * @param intervalNanos  between two events, rounded up: never over the rate
 * @param toleranceNanos by how much events may come early, the burst
 * @param rate           null for none: every event may go at once
 */
public record Spacing(long intervalNanos, long toleranceNanos, @Nullable Rate rate) {
    private static final Spacing NONE = new Spacing(0, 0, null);
    private static final long LONGEST = Long.MAX_VALUE / 4; // of a burst, so that sums with times don't overflow

    public static Spacing of(@Nullable Rate rate) {
        if (rate == null) {
            return NONE;
        }
        long interval = Math.ceilDiv(rate.period().toNanos(), rate.count());
        long early = rate.burst() - 1L;
        return new Spacing(interval, early > LONGEST / interval ? LONGEST : interval * early, rate);
    }

    public boolean isNone() {
        return rate == null;
    }

    /** @return nanoseconds from {@code nowNanos} until an event may go when {@code arrivalNanos} is the state */
    public long waitNanos(long arrivalNanos, long nowNanos) {
        return Math.max(0, arrivalNanos - nowNanos - toleranceNanos); // differences, because nanoTime may wrap
    }

    /** @return the state after an event that {@link #waitNanos} was asked for */
    public long arrivalAfter(long arrivalNanos, long nowNanos) {
        return nowNanos + Math.max(0, arrivalNanos - nowNanos) + intervalNanos;
    }
}
