package dev.penstock.delivery;

import java.util.List;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** Deliveries per provider, as metrics name them. Stateless. */
public final class ProviderMetrics {
    private ProviderMetrics() {}

    public static PartMeters<ProviderStats> of(Supplier<ProviderStats> source) {
        PartMeters<ProviderStats> part = PartMeters.of("penstock.provider.", source);
        part.counters("recipients", "Outcomes per recipient, by the provider that takes their mail",
                List.of("provider", "outcome"), ProviderStats::figures);
        return part;
    }
}
