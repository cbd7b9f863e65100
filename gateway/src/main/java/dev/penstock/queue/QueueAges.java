package dev.penstock.queue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

import dev.penstock.meters.HistogramSnapshot;

/**
 * How old what is queued is, counted by the minute in which it was accepted, or in which its hold ends. Thread-safe; taking one in and out is an
 * addition to a number, whatever the queue holds. A day in which nothing was accepted takes no memory, another one 6 KB.
 */
final class QueueAges {
    /** Upper ends, inclusive, to the minute. From the first retry to beyond the usual {@code queue.max-age}. */
    private static final List<Duration> BOUNDS = List.of(Duration.ofMinutes(1), Duration.ofMinutes(5),
            Duration.ofMinutes(15), Duration.ofHours(1), Duration.ofHours(4), Duration.ofHours(12), Duration.ofDays(1),
            Duration.ofDays(2), Duration.ofDays(3), Duration.ofDays(5), Duration.ofDays(10));
    private static final int MINUTES_PER_DAY = 24 * 60;
    private static final int SECONDS_PER_MINUTE = 60;
    /** A year, which {@code queue.max-age} may be, some weeks in which it could not be applied, and holds to come. */
    private static final int DAYS = 1 << 9;
    /** What is further back is taken for the end of a hold (RFC 4865) in the future, and counts as new. */
    private static final int OLDEST_MINUTES = 400 * MINUTES_PER_DAY;

    private final AtomicReferenceArray<AtomicIntegerArray> days = new AtomicReferenceArray<>(DAYS);

    /** @param receivedMillis since 1970, of an item */
    void add(long receivedMillis) {
        count(receivedMillis, 1);
    }

    /** What {@link #add} was told. */
    void remove(long receivedMillis) {
        count(receivedMillis, -1);
    }

    private void count(long receivedMillis, int change) {
        long minute = TimeUnit.MILLISECONDS.toMinutes(receivedMillis);
        day(minute).addAndGet((int) (minute % MINUTES_PER_DAY), change);
    }

    private AtomicIntegerArray day(long minute) {
        int place = place(minute);
        AtomicIntegerArray day = days.get(place);
        if (day == null) {
            AtomicIntegerArray made = new AtomicIntegerArray(MINUTES_PER_DAY);
            AtomicIntegerArray other = days.compareAndExchange(place, null, made);
            day = other == null ? made : other;
        }
        return day;
    }

    private static int place(long minute) {
        return (int) (minute / MINUTES_PER_DAY) & DAYS - 1;
    }

    /** Of what was accepted first; 0 when there is nothing. Costs as {@link #snapshot}. */
    long oldestSeconds(long nowMillis) {
        long oldest = 0;
        long now = TimeUnit.MILLISECONDS.toMinutes(nowMillis);
        for (int place = 0; place < DAYS; place++) {
            AtomicIntegerArray day = days.get(place);
            for (int minute = 0; day != null && minute < MINUTES_PER_DAY; minute++) {
                if (day.get(minute) > 0) {
                    oldest = Math.max(oldest, seconds(now, place, minute));
                }
            }
        }
        return oldest;
    }

    private static long seconds(long now, int place, int minute) {
        long age = Math.floorMod(now - ((long) place * MINUTES_PER_DAY + minute), DAYS * MINUTES_PER_DAY);
        return age > OLDEST_MINUTES ? 0 : age * SECONDS_PER_MINUTE;
    }

    /** Looks at each minute of the days that are counted: for scrapes, not for loops. */
    HistogramSnapshot snapshot(long nowMillis) {
        double[] bounds = BOUNDS.stream().mapToDouble(Duration::toSeconds).toArray();
        long[] counts = new long[bounds.length + 1];
        double sum = 0;
        long now = TimeUnit.MILLISECONDS.toMinutes(nowMillis);
        for (int place = 0; place < DAYS; place++) {
            AtomicIntegerArray day = days.get(place);
            for (int minute = 0; day != null && minute < MINUTES_PER_DAY; minute++) {
                int count = day.get(minute);
                if (count <= 0) { // what was put in and taken out in this moment may be seen to go before it came
                    continue;
                }
                long seconds = seconds(now, place, minute);
                int bucket = 0;
                while (bucket < bounds.length && seconds > bounds[bucket]) {
                    bucket++;
                }
                counts[bucket] += count;
                sum += (double) seconds * count;
            }
        }
        return HistogramSnapshot.of(bounds, counts, sum);
    }
}
