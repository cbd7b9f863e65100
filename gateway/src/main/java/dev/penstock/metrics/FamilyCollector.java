package dev.penstock.metrics;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;

import dev.penstock.meters.PartMeters;

/**
 * Shows a family of counters or gauges in Prometheus's form, whose figures are asked once per scrape and whose series come
 * and go with them: Micrometer's meters are there for good. Thread-safe.
 */
record FamilyCollector(PartMeters.NamedFamily family) implements Collector {
    @Override
    public MetricSnapshot collect() {
        String name = family.name().replace('.', '_');
        if (family.counts()) {
            CounterSnapshot.Builder all = CounterSnapshot.builder().name(name).help(family.help());
            family.figures().get().forEach((values, figure) -> all.dataPoint(CounterDataPointSnapshot.builder()
                    .labels(Labels.of(family.tags(), values)).value(figure).build()));
            return all.build();
        }
        GaugeSnapshot.Builder all = GaugeSnapshot.builder().name(name).help(family.help());
        family.figures().get().forEach((values, figure) -> all.dataPoint(
                GaugeDataPointSnapshot.builder().labels(Labels.of(family.tags(), values)).value(figure).build()));
        return all.build();
    }
}
