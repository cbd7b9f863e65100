package dev.penstock.delivery;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** Deliveries per provider, as metrics name them. Stateless. */
public final class ProviderMetrics {
    private ProviderMetrics() {}

    public static PartMeters<ProviderStats> of(Supplier<ProviderStats> source) {
        PartMeters<ProviderStats> part = PartMeters.of("penstock.provider.", source);
        recipients(part, "delivered", ProviderStats.Counts::delivered);
        recipients(part, "deferred", ProviderStats.Counts::deferred);
        recipients(part, "bounced", ProviderStats.Counts::bounced);
        recipients(part, "expired", ProviderStats.Counts::expired);
        return part;
    }

    private static void recipients(PartMeters<ProviderStats> part, String outcome,
            Function<ProviderStats.Counts, LongAdder> figure) {
        part.counters("recipients", "Outcomes per recipient, by the provider that takes their mail", "provider",
                stats -> stats.of(figure), "outcome", outcome);
    }
}
