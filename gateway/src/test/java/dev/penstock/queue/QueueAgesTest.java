package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.HistogramSnapshot.Bucket;

class QueueAgesTest {
    private static final Instant NOW = Instant.parse("2026-11-28T10:20:30Z");
    private final QueueAges ages = new QueueAges();

    private static long ago(Duration age) {
        return NOW.minus(age).toEpochMilli();
    }

    private List<Long> counts(Duration time) {
        return after(time).buckets().stream().map(Bucket::count).toList();
    }

    private HistogramSnapshot after(Duration time) {
        return ages.snapshot(NOW.plus(time).toEpochMilli());
    }

    @Test
    void whatWaitsGrowsOlder() {
        ages.add(ago(Duration.ZERO));
        ages.add(ago(Duration.ofMinutes(5)));
        ages.add(ago(Duration.ofDays(3)));
        assertThat(after(Duration.ZERO).buckets()).extracting(Bucket::upTo).startsWith(60.0, 300.0, 900.0)
                .endsWith(864_000.0, Double.POSITIVE_INFINITY);
        assertThat(counts(Duration.ZERO)).containsExactly(1L, 1L, 0L, 0L, 0L, 0L, 0L, 0L, 1L, 0L, 0L, 0L);
        assertThat(after(Duration.ZERO).sum()).isEqualTo(300 + 3 * 86_400);
        assertThat(counts(Duration.ofHours(1))).containsExactly(0L, 0L, 0L, 1L, 1L, 0L, 0L, 0L, 0L, 1L, 0L, 0L);
        assertThat(counts(Duration.ofDays(30))).containsExactly(0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 3L);
        assertThat(after(Duration.ofDays(366)).count()).isEqualTo(3);
        assertThat(counts(Duration.ofDays(366)).getLast()).as("a year is as long as mail may wait").isEqualTo(3);
    }

    @Test
    void whatHasGoneIsNotCounted() {
        ages.add(ago(Duration.ofHours(2)));
        ages.add(ago(Duration.ofHours(2)));
        ages.remove(ago(Duration.ofHours(2)));
        assertThat(after(Duration.ZERO).count()).isEqualTo(1);
        ages.remove(ago(Duration.ofHours(2)));
        assertThat(after(Duration.ZERO).count()).isZero();
        assertThat(after(Duration.ZERO).sum()).isZero();
    }

    @Test
    void whatIsHeldForSomeTimeToComeHasNoAge() {
        ages.add(ago(Duration.ofDays(-7)));
        assertThat(counts(Duration.ZERO)).startsWith(1L);
        assertThat(after(Duration.ZERO).sum()).isZero();
        assertThat(counts(Duration.ofDays(8))).containsExactly(0L, 0L, 0L, 0L, 0L, 0L, 1L, 0L, 0L, 0L, 0L, 0L);
    }

    @Test
    void manyAreCountedAsOneByOne() {
        long seed = 20261128;
        SplittableRandom random = new SplittableRandom(seed);
        Long[] expected = new Long[12];
        Arrays.fill(expected, 0L);
        List<Bucket> buckets = after(Duration.ZERO).buckets();
        for (int i = 0; i < 20_000; i++) {
            long minutes = random.nextLong(20 * 24 * 60);
            ages.add(ago(Duration.ofMinutes(minutes)));
            int bucket = 0;
            while (minutes * 60 > buckets.get(bucket).upTo()) {
                bucket++;
            }
            expected[bucket]++;
        }
        assertThat(counts(Duration.ZERO)).as("seed %d", seed).containsExactly(expected);
    }
}
