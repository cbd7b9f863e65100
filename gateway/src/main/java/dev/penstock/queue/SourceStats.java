package dev.penstock.queue;

import java.util.Map;

import dev.penstock.egress.SourceHealth.Cause;

/**
 * One source at one moment. Immutable.
 *
 * @param ready       destinations that wait for their turn at it
 * @param sessions    that stand or come up
 * @param suspensions of it, or of it towards some receiver, by their cause; those that there are
 */
public record SourceStats(long ready, long sessions, Map<Cause, Long> suspensions) {
    public SourceStats {
        suspensions = Map.copyOf(suspensions);
    }
}
