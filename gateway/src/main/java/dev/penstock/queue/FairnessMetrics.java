package dev.penstock.queue;

import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** Quotas and curfews, as metrics name them. Stateless. */
public final class FairnessMetrics {
    private static final String REFUSED = "Commands and messages refused because of a tenant's quota";

    private FairnessMetrics() {}

    public static PartMeters<TenantStats> ofTenants(Supplier<TenantStats> source) {
        PartMeters<TenantStats> part = PartMeters.of("penstock.tenants.", source);
        part.counter("refused", REFUSED, TenantStats::beyondLimit, "quota", "queue-limit");
        part.counter("refused", REFUSED, TenantStats::beyondOctets, "quota", "queue-octets");
        part.counter("refused", REFUSED, TenantStats::beyondRate, "quota", "accept-rate");
        part.gauge("known", "Tenants that have mail queued, or lately had", TenantStats::known);
        return part;
    }

    public static PartMeters<CurfewStats> ofCurfews(Supplier<CurfewStats> source) {
        PartMeters<CurfewStats> part = PartMeters.of("penstock.curfew.", source);
        part.gauge("in.force", "Curfews that are in force", CurfewStats::inForce);
        part.gauge("destinations", "Destinations that wait for the end of a curfew", CurfewStats::waiting);
        part.counter("outlasted",
                "Messages taken that wait for the end of a curfew until they are older than queue.max-age",
                CurfewStats::outlasted);
        return part;
    }
}
