package dev.penstock.delivery;

import java.time.Duration;
import java.util.function.IntSupplier;
import java.util.function.LongUnaryOperator;

/**
 * How long is waited for a host while its session comes up. RFC 5321 4.5.3.2 wants minutes, and it gets them as long as few
 * sessions are coming up; as more of those that may be are, it gets less, down to half a minute when three quarters are. Where
 * fewer than a hundred may be, it always gets all.
 * Thread-safe.
 */
final class OpeningPatience implements LongUnaryOperator {
    /** What hosts that let clients wait on purpose need, and some more. */
    static final Duration LEAST = Duration.ofSeconds(30);
    private static final double FULL_UNTIL = 0.25; // of those that may be coming up
    private static final double LEAST_FROM = 0.75;
    private static final int CROWD = 100; // sessions; fewer are all in use on a usual day

    private final IntSupplier comingUp;
    private final int most;

    /** @param most sessions that may be coming up */
    OpeningPatience(IntSupplier comingUp, int most) {
        this.comingUp = comingUp;
        this.most = most;
    }

    private double fill() {
        return (double) comingUp.getAsInt() / most;
    }

    /** Whether a session that comes up should do with one host: the others are tried next time. */
    boolean isShort() {
        return most >= CROWD && fill() >= LEAST_FROM;
    }

    /** @return nanoseconds, of so many that are configured */
    @Override
    public long applyAsLong(long nanos) {
        long least = Math.min(nanos, LEAST.toNanos());
        if (most < CROWD) {
            return nanos;
        }
        double lost = Math.clamp((fill() - FULL_UNTIL) / (LEAST_FROM - FULL_UNTIL), 0, 1);
        return nanos - (long) ((nanos - least) * lost);
    }
}
