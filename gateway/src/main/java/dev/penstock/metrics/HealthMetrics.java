package dev.penstock.metrics;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** Readiness, as metrics name it. Stateless. */
public final class HealthMetrics {
    private HealthMetrics() {}

    public static PartMeters<List<Health.Check>> of(Supplier<List<Health.Check>> source) {
        PartMeters<List<Health.Check>> part = PartMeters.of("penstock.", source);
        part.gauges("ready", "1 for each part that is ready to take mail, 0 for one that isn't", List.of("part"),
                checks -> {
                    Map<List<String>, Long> figures = new LinkedHashMap<>();
                    checks.forEach(check -> figures.put(List.of(check.name()), check.ready() ? 1L : 0L));
                    return figures;
                });
        return part;
    }
}
