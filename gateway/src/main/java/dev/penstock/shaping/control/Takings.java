package dev.penstock.shaping.control;

import java.time.Duration;

/**
 * How many messages a receiver had taken at what time since it was last asked to take less, for the last minutes: from this
 * follows what it takes for long when it says that it was too much. Guarded by its controller's owner; pure of clocks.
 */
final class Takings {
    /** What a receiver takes at once after a pause is of so many seconds: some have 1 s, many 5 s, some 10 s. */
    static final double BURST = 5;
    /** From sample to sample, */
    private static final long SAMPLE_NANOS = Duration.ofSeconds(10).toNanos();
    /** over five minutes: where a burst lasted for longer, the rate was hardly above what is taken for long. */
    private static final int SAMPLES = 32;
    private static final double NANOS = 1e9;

    private final long[] times = new long[SAMPLES];
    private final long[] counts = new long[SAMPLES];
    private int samples;
    private long beganNanos;

    void begin(long nowNanos) {
        samples = 0;
        beganNanos = nowNanos;
    }

    /** So many have been taken since the begin. */
    void sample(long nowNanos, long taken) {
        if (nowNanos - (samples == 0 ? beganNanos : times[(samples - 1) % SAMPLES]) >= SAMPLE_NANOS) {
            times[samples % SAMPLES] = nowNanos;
            counts[samples % SAMPLES] = taken;
            samples++;
        }
    }

    /**
     * Messages a second that a receiver takes for long, which has now refused one: the least rate of a bucket that was full at
     * the begin, has passed all of this, and lacks a part of one now.
     */
    double sustained(long nowNanos, long taken) {
        double most = (taken + 1) / (BURST + (nowNanos - beganNanos) / NANOS);
        for (int i = Math.max(0, samples - SAMPLES); i < samples; i++) {
            int place = i % SAMPLES;
            most = Math.max(most, (taken + 1 - counts[place]) / (BURST + (nowNanos - times[place]) / NANOS));
        }
        return most;
    }
}
