package dev.penstock.metrics;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;

import dev.penstock.meters.PartMeters;

/** Shows a histogram of ours in Prometheus's form: Micrometer's own would have to be counted into. Thread-safe. */
record HistogramCollector(PartMeters.NamedHistogram histogram) implements Collector {
    @Override
    public MetricSnapshot collect() {
        dev.penstock.meters.HistogramSnapshot counted = histogram.source().get();
        ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
        counted.buckets().forEach(bucket -> buckets.bucket(bucket.upTo(), bucket.count()));
        return HistogramSnapshot.builder().name(name()).help(histogram.help())
                .gaugeHistogram(histogram.current())
                .dataPoint(HistogramDataPointSnapshot.builder().classicHistogramBuckets(buckets.build())
                        .sum(counted.sum()).build())
                .build();
    }

    private String name() {
        return histogram.name().replace('.', '_');
    }
}
