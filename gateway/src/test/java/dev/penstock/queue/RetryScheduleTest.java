package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import dev.penstock.config.QueueConfig;

class RetryScheduleTest {
    private static final SplittableRandom RANDOM = new SplittableRandom(1);

    private static QueueConfig config(List<Duration> list, int jitterPercent) {
        return QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofMinutes(5))
                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofHours(4)).with(QueueConfig.RETRY_INTERVALS, list)
                .with(QueueConfig.JITTER_PERCENT, jitterPercent);
    }

    private static List<Long> minutes(QueueConfig config, int attempts) {
        return IntStream.rangeClosed(1, attempts)
                .mapToObj(attempt -> RetrySchedule.delay(attempt, config, RANDOM).toMinutes()).toList();
    }

    @Test
    void doublesUpToTheMaximum() {
        assertThat(minutes(config(List.of(), 0), 9)).containsExactly(5L, 10L, 20L, 40L, 80L, 160L, 240L, 240L, 240L);
        assertThat(RetrySchedule.delay(Integer.MAX_VALUE, config(List.of(), 0), RANDOM)).isEqualTo(Duration.ofHours(4));
    }

    @Test
    void repeatsTheLastOfAList() {
        QueueConfig config = config(List.of(Duration.ofMinutes(1), Duration.ofMinutes(30)), 0);
        assertThat(minutes(config, 4)).containsExactly(1L, 30L, 30L, 30L);
    }

    @Test
    void spreadsWaitsEvenlyWithinTheJitter() {
        QueueConfig config = config(List.of(Duration.ofSeconds(100)), 10);
        int below = 0;
        for (int i = 0; i < 10_000; i++) {
            Duration delay = RetrySchedule.delay(1, config, RANDOM);
            assertThat(delay).isBetween(Duration.ofSeconds(90), Duration.ofSeconds(110));
            below += delay.toMillis() < 95_000 ? 1 : 0;
        }
        assertThat(below).isBetween(2_300, 2_700);
        assertThat(RetrySchedule.longest(config)).isEqualTo(Duration.ofSeconds(110));
    }
}
