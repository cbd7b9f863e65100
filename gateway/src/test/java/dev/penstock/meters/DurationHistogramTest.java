package dev.penstock.meters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.meters.HistogramSnapshot.Bucket;

class DurationHistogramTest {
    private final DurationHistogram histogram = DurationHistogram.of(Duration.ofMillis(1), Duration.ofSeconds(1));

    private List<Long> counts() {
        return histogram.snapshot().buckets().stream().map(Bucket::count).toList();
    }

    @Test
    void aBucketHasWhatTookAsLongAsItsBoundOrLess() {
        histogram.record(0);
        histogram.record(1_000_000);
        histogram.record(1_000_001);
        histogram.record(1_000_000_000);
        histogram.record(1_000_000_001);
        histogram.record(Duration.ofDays(5).toNanos());
        HistogramSnapshot counted = histogram.snapshot();
        assertThat(counted.buckets()).containsExactly(new Bucket(0.001, 2), new Bucket(1, 2),
                new Bucket(Double.POSITIVE_INFINITY, 2));
        assertThat(counted.count()).isEqualTo(6);
        assertThat(counted.sum()).isEqualTo(432_002.002_000_002);
    }

    @Test
    void aClockThatWasSetBackMakesNoTimeNegative() {
        histogram.record(-5_000_000_000L);
        assertThat(counts()).containsExactly(1L, 0L, 0L);
        assertThat(histogram.snapshot().sum()).isZero();
    }

    @Test
    void nothingIsLostThatManyThreadsCountAtOnce() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int thread = 0; thread < 8; thread++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 10_000; i++) {
                    histogram.record(i % 2 == 0 ? 1_000 : 2_000_000);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(counts()).containsExactly(40_000L, 40_000L, 0L);
        assertThat(histogram.snapshot().sum()).isEqualTo(80.04);
    }

    @Test
    void boundsAscend() {
        assertThatThrownBy(() -> DurationHistogram.of(Duration.ofSeconds(1), Duration.ofSeconds(1)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
