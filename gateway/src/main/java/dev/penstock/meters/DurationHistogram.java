package dev.penstock.meters;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * Durations by fixed buckets. Thread-safe; counting is a search in an array of a few longs and two additions to striped
 * counters, without allocation or lock.
 */
public final class DurationHistogram {
    private static final double NANOS_PER_SECOND = 1e9;

    private final long[] bounds; // nanoseconds, inclusive
    private final LongAdder[] counts;
    private final LongAdder sum = new LongAdder(); // nanoseconds

    private DurationHistogram(List<Duration> bounds) {
        this.bounds = bounds.stream().mapToLong(Duration::toNanos).toArray();
        this.counts = new LongAdder[bounds.size() + 1];
        for (int i = 0; i < counts.length; i++) {
            if (i > 0 && i < bounds.size() && bounds.get(i).compareTo(bounds.get(i - 1)) <= 0) {
                throw new IllegalArgumentException("bounds ascend: " + bounds);
            }
            counts[i] = new LongAdder();
        }
    }

    /** @param bounds upper ends of its buckets, inclusive, ascending */
    public static DurationHistogram of(Duration... bounds) {
        return new DurationHistogram(List.of(bounds));
    }

    /** @param nanos less than zero counts as zero: a wall clock was set back */
    public void record(long nanos) {
        record(nanos, 1);
    }

    /** So many at once that took the same. */
    public void record(long nanos, long times) {
        int bucket = 0;
        while (bucket < bounds.length && nanos > bounds[bucket]) {
            bucket++;
        }
        counts[bucket].add(times);
        sum.add(Math.max(0, nanos) * times);
    }

    /** What has been counted; what is being counted meanwhile may be in a bucket and not yet in the sum. */
    public HistogramSnapshot snapshot() {
        double[] seconds = new double[bounds.length];
        long[] counted = new long[counts.length];
        for (int i = 0; i < counts.length; i++) {
            counted[i] = counts[i].sum();
            if (i < bounds.length) {
                seconds[i] = bounds[i] / NANOS_PER_SECOND;
            }
        }
        return HistogramSnapshot.of(seconds, counted, sum.sum() / NANOS_PER_SECOND);
    }
}
