package dev.penstock.shaping;

import java.time.Duration;

import dev.penstock.units.Durations;

/**
 * Why nothing can be sent now. Immutable.
 *
 * @param limiter    the configuration key: {@code connection_limit}, {@code max_connection_rate}; {@code window}
 * @param value      what it is set to
 * @param scope      who shares it: {@code ip-1->google}; empty when it is the path's alone
 * @param place      who says so: {@code shaping.toml:12}; empty when that isn't known
 * @param retryNanos when that changes, from now; 0 when only the end of an open session can change it
 */
public record LimitReached(String limiter, String value, String scope, String place, long retryNanos) {
    /** Of the path alone. */
    public LimitReached(String limiter, String value, long retryNanos) {
        this(limiter, value, "", "", retryNanos);
    }

    /**
     * For people: {@code max_connection_rate 10/s (next in 80ms)},
     * {@code provider_max_message_rate 50/s of ip-1->google (shaping.toml:12), next in 20ms}.
     */
    @Override
    public String toString() {
        String next = retryNanos == 0 ? "" : "next in " + Durations.format(Duration.ofNanos(retryNanos));
        String of = limiter + " " + value + (scope.isEmpty() ? "" : " of " + scope);
        if (place.isEmpty()) {
            return next.isEmpty() ? of : of + " (" + next + ")";
        }
        return of + " (" + place + ")" + (next.isEmpty() ? "" : ", " + next);
    }
}
