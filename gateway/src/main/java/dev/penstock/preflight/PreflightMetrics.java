package dev.penstock.preflight;

import java.util.function.IntSupplier;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** The preflight, as metrics name it. Stateless. */
public final class PreflightMetrics {
    private PreflightMetrics() {}

    public static PartMeters<PreflightStats> of(Supplier<PreflightStats> source, IntSupplier heldNow) {
        PartMeters<PreflightStats> part = PartMeters.of("penstock.preflight.", source);
        String messages = "Messages judged, by what became of them";
        part.counter("messages", messages, PreflightStats::passed, "verdict", "passed");
        part.counter("messages", messages, PreflightStats::tagged, "verdict", "tagged");
        part.counter("messages", messages, PreflightStats::held, "verdict", "held");
        part.counter("messages", messages, PreflightStats::refused, "verdict", "refused");
        part.counter("messages", messages, PreflightStats::unjudged, "verdict", "unjudged");
        part.counter("uncertain", "Of these, judged before all of DNS was known", PreflightStats::uncertain);
        part.counter("late", "Of these, because the deadline came first", PreflightStats::late);
        part.counter("released", "Held destinations let go on", PreflightStats::released);
        part.gauge("held", "Destinations that are held", _ -> heldNow.getAsInt());
        return part;
    }
}
