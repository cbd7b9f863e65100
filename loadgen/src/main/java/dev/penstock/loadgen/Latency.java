package dev.penstock.loadgen;

import java.util.Locale;
import java.util.concurrent.TimeUnit;

import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;
import tools.jackson.core.JsonGenerator;

/** Percentiles of durations in microseconds. Immutable. */
public record Latency(long count, long p50, long p90, long p99, long p999, long max, double mean) {
    private static final long HIGHEST = TimeUnit.HOURS.toMicros(1);
    private static final int DIGITS = 3;

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
        Histogram sum = new Histogram(HIGHEST, DIGITS);
        samples.forEach(each -> each.addTo(sum));
        return new Latency(sum.getTotalCount(), sum.getValueAtPercentile(50), sum.getValueAtPercentile(90),
                sum.getValueAtPercentile(99), sum.getValueAtPercentile(99.9), sum.getMaxValue(), sum.getMean());
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
