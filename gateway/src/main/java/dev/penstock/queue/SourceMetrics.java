package dev.penstock.queue;

import java.util.function.Supplier;
import java.util.function.ToLongFunction;

import dev.penstock.meters.PartMeters;

/** A source, as metrics name it: one label per source that is configured. Stateless. */
public final class SourceMetrics {
    private SourceMetrics() {}

    /** @param delivered recipients that were delivered to from it since the start */
    public static PartMeters<SourceStats> of(String source, Supplier<SourceStats> stats,
            ToLongFunction<String> delivered) {
        PartMeters<SourceStats> part = PartMeters.of("penstock.source.", stats);
        part.counter("delivered", "Recipients delivered to, by source", _ -> delivered.applyAsLong(source), "source",
                source);
        part.gauge("ready", "Destinations that wait for their turn, by source", SourceStats::ready, "source", source);
        part.gauge("sessions", "Delivery sessions that stand or come up, by source", SourceStats::sessions, "source",
                source);
        part.gauge("suspensions", "Why a source isn't used: suspensions of it, or of it towards some receiver",
                SourceStats::suspensions, "source", source);
        return part;
    }
}
