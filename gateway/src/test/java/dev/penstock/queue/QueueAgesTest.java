package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.meters.HistogramSnapshot;

class QueueAgesTest {
    private static final Instant NOW = Instant.parse("2026-11-28T10:20:30Z");
    private final QueueAges ages = new QueueAges();

    private static long ago(Duration age) {
        return NOW.minus(age).toEpochMilli();
    }

    private HistogramSnapshot after(Duration time) {
        return ages.snapshot(NOW.plus(time).toEpochMilli());
    }

    @Test
    void whatWaitsGrowsOlder() {
        ages.add(ago(Duration.ZERO));
        ages.add(ago(Duration.ofMinutes(5)));
        ages.add(ago(Duration.ofDays(3)));
        assertThat(after(Duration.ZERO).bounds()).startsWith(60, 300, 900).endsWith(864_000);
        assertThat(after(Duration.ZERO).counts()).containsExactly(1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);
        assertThat(after(Duration.ZERO).sum()).isEqualTo(300 + 3 * 86_400);
        assertThat(after(Duration.ofHours(1)).counts()).containsExactly(0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0);
        assertThat(after(Duration.ofDays(30)).counts()).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3);
        assertThat(after(Duration.ofDays(366)).count()).isEqualTo(3);
        assertThat(after(Duration.ofDays(366)).counts()[11]).as("a year is as long as mail may wait").isEqualTo(3);
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
        assertThat(after(Duration.ZERO).counts()).startsWith(1);
        assertThat(after(Duration.ZERO).sum()).isZero();
        assertThat(after(Duration.ofDays(8)).counts()).containsExactly(0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0);
    }

    @Test
    void manyAreCountedAsOneByOne() {
        long seed = 20261128;
        SplittableRandom random = new SplittableRandom(seed);
        long[] expected = new long[12];
        double[] bounds = after(Duration.ZERO).bounds();
        for (int i = 0; i < 20_000; i++) {
            long minutes = random.nextLong(20 * 24 * 60);
            ages.add(ago(Duration.ofMinutes(minutes)));
            int bucket = 0;
            while (bucket < bounds.length && minutes * 60 > bounds[bucket]) {
                bucket++;
            }
            expected[bucket]++;
        }
        assertThat(after(Duration.ZERO).counts()).as("seed %d", seed).containsExactly(expected);
    }
}
