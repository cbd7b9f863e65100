package dev.penstock.mtasts;

import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** MTA-STS, as metrics name it. Stateless. */
public final class StsMetrics {
    private StsMetrics() {}

    public static PartMeters<StsStats> of(Supplier<StsStats> source) {
        PartMeters<StsStats> part = PartMeters.of("penstock.mta.sts.", source);
        part.counter("fetched", "Policies fetched", StsStats::fetched);
        part.counter("failures", "Policies that could not be had; the ones from before hold",
                StsStats::failures);
        part.gauge("policies", "Domains with a policy that holds", StsStats::policies);
        return part;
    }
}
