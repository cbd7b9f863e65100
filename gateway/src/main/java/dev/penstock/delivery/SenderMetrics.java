package dev.penstock.delivery;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

import dev.penstock.meters.PartMeters;

/** Deliveries per tenant and per pool, as metrics name them. Stateless. */
public final class SenderMetrics {
    private static final String HELP = "Outcomes per recipient, by ";

    private SenderMetrics() {}

    /** @param queued destinations of a tenant that are queued */
    public static PartMeters<SenderStats> ofTenants(Supplier<SenderStats> source, ToLongFunction<String> queued) {
        PartMeters<SenderStats> part = PartMeters.of("penstock.tenant.", source);
        part.counters("recipients", HELP + "whose mail it is", List.of("tenant", "outcome"), SenderStats::byTenant);
        part.gauges("queued", "Destinations in the queue, of tenants that have figures of their own", List.of("tenant"),
                stats -> {
                    Map<List<String>, Long> all = new LinkedHashMap<>();
                    stats.tenants().forEach(tenant -> all.put(List.of(tenant), queued.applyAsLong(tenant)));
                    return all;
                });
        return part;
    }

    public static PartMeters<SenderStats> ofPools(Supplier<SenderStats> source) {
        PartMeters<SenderStats> part = PartMeters.of("penstock.pool.", source);
        part.counters("recipients", HELP + "the pool of sources that it went by", List.of("pool", "outcome"),
                SenderStats::byPool);
        return part;
    }
}
