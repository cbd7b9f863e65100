package dev.penstock.queue;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.meters.PartMeters;

/** A source, as metrics name it: one label per source that is configured. Stateless. */
public final class SourceMetrics {
    private static final List<String> OUTCOMES = List.of("delivered", "deferred", "bounced", "expired");

    private SourceMetrics() {}

    /** @param recipients what became of those whose mail went by it since the start, by the outcome's name */
    public static PartMeters<SourceStats> of(String source, Supplier<SourceStats> stats,
            Function<String, Map<String, Long>> recipients) {
        PartMeters<SourceStats> part = PartMeters.of("penstock.source.", stats);
        for (String outcome : OUTCOMES) {
            part.counter("recipients", "Outcomes per recipient, by the source that their mail went by",
                    _ -> recipients.apply(source).getOrDefault(outcome, 0L), "source", source, "outcome", outcome);
        }
        part.gauge("ready", "Destinations that wait for their turn, by source", SourceStats::ready, "source", source);
        part.gauge("sessions", "Delivery sessions that stand or come up, by source", SourceStats::sessions, "source",
                source);
        for (Cause cause : Cause.values()) {
            part.gauge("suspensions", "Suspensions of a source, or of it towards some receiver, by why",
                    now -> now.suspensions().getOrDefault(cause, 0L), "source", source, "cause",
                    PartMeters.label(cause));
        }
        return part;
    }
}
