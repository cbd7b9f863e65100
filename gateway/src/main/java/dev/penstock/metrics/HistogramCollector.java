package dev.penstock.metrics;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;

import dev.penstock.meters.PartMeters;

/** Shows histograms of ours in Prometheus's form: Micrometer's own would have to be counted into. Thread-safe. */
record HistogramCollector(PartMeters.NamedHistogram histogram) implements Collector {
    @Override
    public MetricSnapshot collect() {
        HistogramSnapshot.Builder all = HistogramSnapshot.builder().name(histogram.name().replace('.', '_'))
                .help(histogram.help()).gaugeHistogram(histogram.current());
        histogram.source().get().forEach((values, counted) -> all
                .dataPoint(point(counted, Labels.of(histogram.tags(), values))));
        return all.build();
    }

    private static HistogramDataPointSnapshot point(dev.penstock.meters.HistogramSnapshot counted, Labels labels) {
        ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
        counted.buckets().forEach(bucket -> buckets.bucket(bucket.upTo(), bucket.count()));
        return HistogramDataPointSnapshot.builder().labels(labels).classicHistogramBuckets(buckets.build())
                .sum(counted.sum()).build();
    }
}
