package dev.penstock.shaping.control;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * How many messages were taken lately. Thread-safe: counting is an addition, and once in {@link #SAMPLE_NANOS} one of the
 * threads that count takes a sample. Times are {@link System#nanoTime()}'s.
 */
final class Goodput {
    static final long SAMPLE_NANOS = Duration.ofSeconds(1).toNanos();
    /** Samples kept, the oldest of which is looked at: what was taken in so many seconds. */
    private static final int SAMPLES = 10;
    private static final long LATELY_NANOS = Duration.ofMinutes(1).toNanos();
    private static final double NANOS = 1e9;

    private final LongAdder count = new LongAdder();
    private final AtomicLong sampledNanos;
    /** Times and counts; guarded by this. */
    private final long[] times = new long[SAMPLES];
    private final long[] counts = new long[SAMPLES];
    private int samples;

    Goodput(long nowNanos) {
        sampledNanos = new AtomicLong(nowNanos);
        sample(nowNanos);
    }

    void add(long nowNanos) {
        count.increment();
        long last = sampledNanos.get();
        if (nowNanos - last >= SAMPLE_NANOS && sampledNanos.compareAndSet(last, nowNanos)) {
            sample(nowNanos);
        }
    }

    private synchronized void sample(long nowNanos) {
        int place = samples % SAMPLES;
        times[place] = nowNanos;
        counts[place] = count.sum();
        samples++;
    }

    /**
     * Messages a second, of the last ten samples; of what was taken in less than a second as if it had been one. 0, for
     * unknown, when the last was taken a minute ago: how few came before says nothing of what would be taken.
     */
    synchronized double rate(long nowNanos) {
        if (nowNanos - sampledNanos.get() > LATELY_NANOS) {
            return 0;
        }
        int oldest = samples <= SAMPLES ? 0 : samples % SAMPLES;
        long time = Math.max(SAMPLE_NANOS, nowNanos - times[oldest]);
        return (count.sum() - counts[oldest]) * NANOS / time;
    }

    /** When something was last counted, to a sample. */
    long lastNanos() {
        return sampledNanos.get();
    }
}
