package dev.penstock.shaping.control;

import java.time.Duration;

import dev.penstock.units.Rate;

/** Rates that were computed, as limits have them: with three digits, evenly spaced. Stateless. */
final class AdaptiveRate {
    /** Of a count below it one more or less would be more than a percent. */
    private static final double FINE = 100;
    private static final double MAX = 1e9;
    private static final Duration LONGEST = Duration.ofDays(7);

    private AdaptiveRate() {}

    /** @param perSecond above zero; what is less than one in a week becomes that */
    static Rate of(double perSecond) {
        for (Duration period : new Duration[]{Duration.ofSeconds(1), Duration.ofMinutes(1), Duration.ofHours(1)}) {
            double count = perSecond * period.toSeconds();
            if (count >= FINE) {
                return new Rate(rounded(Math.min(count, MAX)), period, 1);
            }
        }
        long seconds = Math.round(1 / perSecond);
        if (perSecond * Duration.ofHours(1).toSeconds() >= 1 && seconds < FINE) {
            return new Rate(Math.round(perSecond * Duration.ofHours(1).toSeconds()), Duration.ofHours(1), 1);
        }
        return new Rate(1, Duration.ofSeconds(Math.clamp(seconds, 1, LONGEST.toSeconds())), 1);
    }

    private static long rounded(double count) {
        double unit = Math.pow(10, Math.floor(Math.log10(count)) - 2);
        return Math.max(1, Math.round(Math.round(count / unit) * unit));
    }
}
