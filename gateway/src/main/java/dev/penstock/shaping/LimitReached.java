package dev.penstock.shaping;

import java.time.Duration;

import dev.penstock.units.Durations;

/**
 * Why nothing can be sent now. Immutable.
 *
 * @param limiter    the configuration key: {@code connection_limit}, {@code max_connection_rate}; {@code window}
 * @param value      what it is set to
 * @param retryNanos when that changes, from now; 0 when only the end of an open session can change it
 */
public record LimitReached(String limiter, String value, long retryNanos) {
    /** For people: {@code max_connection_rate 10/s (next in 80ms)}. */
    @Override
    public String toString() {
        return limiter + " " + value
                + (retryNanos == 0 ? "" : " (next in " + Durations.format(Duration.ofNanos(retryNanos)) + ")");
    }
}
