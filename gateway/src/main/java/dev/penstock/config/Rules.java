package dev.penstock.config;

import java.time.Duration;

import dev.penstock.units.Durations;

/** Rules that several tables have. Stateless. */
final class Rules {
    private Rules() {}

    static void atMost(TableBinder table, String key, Duration value, String limitKey, Duration limit) {
        if (value.compareTo(limit) > 0) {
            table.reject(key, Durations.format(value) + " is more than " + limitKey + ", "
                    + Durations.format(limit));
        }
    }
}
