package dev.penstock.history;

import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** The index of the delivery log, as metrics name it. Stateless. */
public final class HistoryMetrics {
    private static final double MILLIS_PER_SECOND = 1_000;

    private HistoryMetrics() {}

    public static PartMeters<HistoryStats> of(Supplier<HistoryStats> source) {
        PartMeters<HistoryStats> part = PartMeters.of("penstock.history.", source);
        part.counter("events", "Events indexed since the start, those that are indexed again after a failure once more",
                HistoryStats::events);
        part.counter("skipped", "Lines of the delivery log that are no events", HistoryStats::skipped);
        part.counter("failures", "Failures of the index or of reading the log; each is tried again",
                HistoryStats::failures);
        part.gauge("octets", "Octets of the index on disk, at its last commit", HistoryStats::octets);
        part.gauge("partitions", "Parts of the index by time", HistoryStats::partitions);
        part.gauge("lag.seconds", "How long ago that happened which a search doesn't find yet",
                stats -> stats.lagMillis() / MILLIS_PER_SECOND);
        return part;
    }
}
