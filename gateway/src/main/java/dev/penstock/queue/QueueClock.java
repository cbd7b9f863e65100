package dev.penstock.queue;

import java.time.InstantSource;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The queue's own time: milliseconds since 1970 as the wall clock said at the start, plus the monotonic time since.
 * Thread-safe. A wait, once begun, therefore lasts as long as it should although the wall clock is set forward or back.
 */
final class QueueClock {
    /** Times further away are brought back to here, where nanoseconds still fit a long. */
    private static final long FAR_MILLIS = TimeUnit.DAYS.toMillis(36_500);

    private final InstantSource wall;
    private final LongSupplier nanoTime;
    private final long startMillis;
    private final long startNanos;

    QueueClock(InstantSource wall, LongSupplier nanoTime) {
        this.wall = wall;
        this.nanoTime = nanoTime;
        this.startMillis = wall.millis();
        this.startNanos = nanoTime.getAsLong();
    }

    long nanos() {
        return nanoTime.getAsLong();
    }

    long millis() {
        return startMillis + TimeUnit.NANOSECONDS.toMillis(nanos() - startNanos);
    }

    /** The {@link #nanos()} at which {@link #millis()} becomes {@code queueMillis}. */
    long nanosAt(long queueMillis) {
        return startNanos + TimeUnit.MILLISECONDS.toNanos(near(queueMillis - startMillis));
    }

    long wallMillis() {
        return wall.millis();
    }

    /** What is as far from now by this clock as {@code wallMillis} is by the wall's. */
    long fromWall(long wallMillis) {
        return millis() + near(Math.max(0, wallMillis) - wall.millis());
    }

    long toWall(long queueMillis) {
        return wall.millis() + queueMillis - millis();
    }

    private static long near(long millis) {
        return Math.clamp(millis, -FAR_MILLIS, FAR_MILLIS);
    }
}
