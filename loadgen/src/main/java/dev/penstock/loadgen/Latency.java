package dev.penstock.loadgen;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.HdrHistogram.SingleWriterRecorder;
import tools.jackson.core.JsonGenerator;

/**
 * Percentiles of durations in microseconds. Immutable.
 *
 * @param buckets how many there were up to which duration, each bucket √2 times as wide as the one before; empty ones are
 *                left out
 */
public record Latency(long count, long p50, long p90, long p99, long p999, long max, double mean,
        List<Bucket> buckets) {
    private static final long FIRST_BUCKET = 64;
    private static final double BUCKET_GROWTH = Math.sqrt(2);
    private static final long HIGHEST = TimeUnit.HOURS.toMicros(1);
    private static final int DIGITS = 3;

    public Latency {
        buckets = List.copyOf(buckets);
    }

    /**
     * @param upTo  microseconds, included
     * @param count of those beyond the bucket before
     */
    public record Bucket(long upTo, long count) {}

    /** Records one thread's samples and lets others take them. */
    static final class Samples {
        private final SingleWriterRecorder recorder = new SingleWriterRecorder(HIGHEST, DIGITS);
        private final Histogram total = new Histogram(HIGHEST, DIGITS);

        void recordNanos(long nanos) {
            recordMicros(nanos / 1000);
        }

        /** Clocks of two processes may differ: what seems negative counts as zero. */
        void recordMicros(long micros) {
            recorder.recordValue(Math.clamp(micros, 0, HIGHEST));
        }

        synchronized void addTo(Histogram sum) {
            total.add(recorder.getIntervalHistogram());
            sum.add(total);
        }
    }

    static Latency of(Iterable<Samples> samples) {
        return of(sum(samples));
    }

    /** All samples so far. */
    static Histogram sum(Iterable<Samples> samples) {
        Histogram sum = new Histogram(HIGHEST, DIGITS);
        samples.forEach(each -> each.addTo(sum));
        return sum;
    }

    static Latency of(Histogram sum) {
        List<Bucket> buckets = new ArrayList<>();
        if (sum.getTotalCount() > 0) {
            for (HistogramIterationValue step : sum.logarithmicBucketValues(FIRST_BUCKET, BUCKET_GROWTH)) {
                if (step.getCountAddedInThisIterationStep() > 0) {
                    buckets.add(new Bucket(step.getValueIteratedTo(), step.getCountAddedInThisIterationStep()));
                }
            }
        }
        return new Latency(sum.getTotalCount(), sum.getValueAtPercentile(50), sum.getValueAtPercentile(90),
                sum.getValueAtPercentile(99), sum.getValueAtPercentile(99.9), sum.getMaxValue(), sum.getMean(),
                buckets);
    }

    void write(String name, JsonGenerator json) {
        json.writeObjectPropertyStart(name);
        json.writeNumberProperty("count", count);
        json.writeNumberProperty("p50", p50);
        json.writeNumberProperty("p90", p90);
        json.writeNumberProperty("p99", p99);
        json.writeNumberProperty("p999", p999);
        json.writeNumberProperty("max", max);
        json.writeNumberProperty("mean", Math.round(mean));
        json.writeArrayPropertyStart("buckets");
        for (Bucket bucket : buckets) {
            json.writeStartObject();
            json.writeNumberProperty("up_to", bucket.upTo);
            json.writeNumberProperty("count", bucket.count);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    @Override
    public String toString() {
        return "p50 " + millis(p50) + "  p90 " + millis(p90) + "  p99 " + millis(p99) + "  p99.9 " + millis(p999)
                + "  max " + millis(max) + " ms";
    }

    private static String millis(long micros) {
        return String.format(Locale.ROOT, micros < 10_000 ? "%.2f" : "%.0f", micros / 1000.0);
    }
}
