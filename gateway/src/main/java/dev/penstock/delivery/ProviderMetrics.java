package dev.penstock.delivery;

import java.util.List;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** Deliveries per provider, as metrics name them. Stateless. */
public final class ProviderMetrics {
    private static final List<String> BY_CLASS = List.of("provider", "class");

    private ProviderMetrics() {}

    public static PartMeters<ProviderStats> of(Supplier<ProviderStats> source) {
        PartMeters<ProviderStats> part = PartMeters.of("penstock.provider.", source);
        part.counters("recipients", "Outcomes per recipient, by the provider that takes their mail",
                List.of("provider", "outcome"), ProviderStats::outcomes);
        part.counters("reasons", "Recipients deferred, bounced or expired, by provider and PowerMTA's category of why",
                List.of("provider", "reason"), ProviderStats::reasons);
        part.histograms("first.attempt.delay.seconds", "From acceptance to the first attempt at a destination",
                BY_CLASS, ProviderStats::firstAttempts);
        part.histograms("transit.seconds", "From acceptance to delivery, for each recipient", BY_CLASS,
                ProviderStats::transits);
        return part;
    }
}
