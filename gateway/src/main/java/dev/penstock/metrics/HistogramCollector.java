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
        for (int i = 0; i < counted.counts().length; i++) {
            buckets.bucket(i < counted.bounds().length ? counted.bounds()[i] : Double.POSITIVE_INFINITY,
                    counted.counts()[i]);
        }
        return HistogramSnapshot.builder().name(getPrometheusName()).help(histogram.help())
                .gaugeHistogram(histogram.current())
                .dataPoint(HistogramDataPointSnapshot.builder().classicHistogramBuckets(buckets.build())
                        .sum(counted.sum()).build())
                .build();
    }

    @Override
    public String getPrometheusName() {
        return histogram.name().replace('.', '_');
    }
}
