package dev.penstock.queue;

import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;

import dev.penstock.config.QueueConfig;

/** When a deferred destination is tried again. Pure functions of the configuration. */
public final class RetrySchedule {
    private static final int PERCENT = 100;
    private static final int MAX_DOUBLINGS = 30; // any interval of a second or more has met its maximum by then

    private RetrySchedule() {}

    /**
     * The wait before the next attempt: from the configured list, its last entry repeated, or {@code retryInterval}
     * doubled with each attempt up to {@code maxRetryInterval}; then made longer or shorter at random by up to
     * {@code jitterPercent}, so that mail deferred together doesn't come back together.
     *
     * @param attempts made so far, at least 1
     */
    public static Duration delay(int attempts, QueueConfig config, RandomGenerator random) {
        long millis = plainDelay(attempts, config).toMillis();
        long spread = millis * config.jitterPercent() / PERCENT;
        return Duration.ofMillis(spread == 0 ? millis : millis - spread + random.nextLong(2 * spread + 1));
    }

    /** The wait after a first attempt, without jitter: nothing is tried again sooner. */
    static Duration shortest(QueueConfig config) {
        return config.retryIntervals().stream().min(Duration::compareTo).orElse(config.retryInterval());
    }

    /** No wait of this schedule is longer. */
    static Duration longest(QueueConfig config) {
        List<Duration> list = config.retryIntervals();
        Duration plain = list.stream().max(Duration::compareTo).orElse(config.maxRetryInterval());
        return plain.plus(plain.multipliedBy(config.jitterPercent()).dividedBy(PERCENT));
    }

    private static Duration plainDelay(int attempts, QueueConfig config) {
        int made = Math.max(1, attempts);
        List<Duration> list = config.retryIntervals();
        if (!list.isEmpty()) {
            return list.get(Math.min(made, list.size()) - 1);
        }
        Duration doubled = config.retryInterval().multipliedBy(1L << Math.min(made - 1, MAX_DOUBLINGS));
        return doubled.compareTo(config.maxRetryInterval()) > 0 ? config.maxRetryInterval() : doubled;
    }
}
