package dev.penstock.config;

import java.time.Duration;
import java.util.List;

import dev.penstock.units.ByteSize;

/**
 * When deferred mail is tried again.
 *
 * @param retryInterval    wait after the first attempt; each further wait is twice as long (minimal_backoff_time)
 * @param maxRetryInterval but not longer than this (maximal_backoff_time)
 * @param retryIntervals   a list of waits used instead, its last entry repeated; empty means the exponential schedule
 * @param jitterPercent    every wait is made up to this much longer or shorter, at random
 * @param maxAge           older mail expires (maximal_queue_lifetime)
 * @param delayWarning     senders are told of mail deferred for so long; zero for only those that ask by NOTIFY=DELAY
 *                         (delay_warning_time)
 * @param maxSuspension    a receiver that refuses us, or can't be reached, is tried again after the shortest wait, then
 *                         after twice as long each time, but no longer than this
 * @param laneSharePercent the share of the content cache that the mail of one recipient domain may hold
 * @param memoryLimit      octets of heap that queued mail may take before no more is accepted; zero for what the other
 *                         limits leave
 */
public record QueueConfig(Duration retryInterval, Duration maxRetryInterval, List<Duration> retryIntervals,
        int jitterPercent, Duration maxAge, Duration delayWarning, Duration maxSuspension, int laneSharePercent,
        ByteSize memoryLimit) {
    public static final QueueConfig DEFAULT = new QueueConfig(Duration.ofMinutes(5), Duration.ofHours(4), List.of(), 10,
            Duration.ofDays(5), Duration.ZERO, Duration.ofMinutes(15), 10,
            ByteSize.ofMegabytes(0));

    public QueueConfig {
        retryIntervals = List.copyOf(retryIntervals);
    }

    /** Without telling senders of delays unless they ask, suspensions as by default. */
    public QueueConfig(Duration retryInterval, Duration maxRetryInterval, List<Duration> retryIntervals,
            int jitterPercent, Duration maxAge, int laneSharePercent) {
        this(retryInterval, maxRetryInterval, retryIntervals, jitterPercent, maxAge, Duration.ZERO,
                DEFAULT.maxSuspension(), laneSharePercent, DEFAULT.memoryLimit());
    }
}
