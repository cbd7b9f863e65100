package dev.penstock.delivery;

import java.time.Duration;
import java.util.function.DoubleSupplier;
import java.util.function.LongUnaryOperator;

/**
 * How long is waited for a host while its session comes up. RFC 5321 4.5.3.2 wants minutes, and it gets them as long as few
 * sessions are coming up; as more of those that may be are, be it in all or of its network and its party, it gets less, down
 * to half a minute when three quarters are. Where fewer than a hundred may be, it always gets all. Thread-safe.
 */
final class OpeningPatience implements LongUnaryOperator {
    /** What hosts that let clients wait on purpose need, and some more. */
    static final Duration LEAST = Duration.ofSeconds(30);
    private static final double FULL_UNTIL = 0.25; // of those that may be coming up
    private static final double LEAST_FROM = 0.75;
    private static final int CROWD = 100; // sessions; fewer are all in use on a usual day

    private final DoubleSupplier crowding;
    private final int most;

    /**
     * @param crowding how many are coming up of those that may be, from 0 to 1
     * @param most     sessions that may be coming up in all
     */
    OpeningPatience(DoubleSupplier crowding, int most) {
        this.crowding = crowding;
        this.most = most;
    }

    /** Whether a session that comes up should do with one host: the others are tried next time. */
    boolean isShort() {
        return most >= CROWD && crowding.getAsDouble() >= LEAST_FROM;
    }

    /** @return nanoseconds, of so many that are configured */
    @Override
    public long applyAsLong(long nanos) {
        long least = Math.min(nanos, LEAST.toNanos());
        if (most < CROWD) {
            return nanos;
        }
        double lost = Math.clamp((crowding.getAsDouble() - FULL_UNTIL) / (LEAST_FROM - FULL_UNTIL), 0, 1);
        return nanos - (long) ((nanos - least) * lost);
    }
}
