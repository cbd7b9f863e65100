package dev.penstock.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.meters.DurationHistogram;
import dev.penstock.meters.PartMeters;

class MetricsRegistryTest {
    private final MetricsRegistry metrics = new MetricsRegistry(List.of());

    @AfterEach
    void close() {
        metrics.close();
    }

    @Test
    void aPartIsAskedOncePerScrapeForAllOfItsMeters() {
        AtomicInteger asked = new AtomicInteger();
        PartMeters<Integer> part = PartMeters.of("penstock.part.", asked::incrementAndGet);
        part.gauge("one", "", Integer::doubleValue);
        part.counter("two", "", Integer::doubleValue, "by", "a");
        metrics.add(part);
        int before = asked.get();
        assertThat(metrics.scrape().lines()).contains("penstock_part_one " + (before + 1) + ".0",
                "penstock_part_two_total{by=\"a\"} " + (before + 1) + ".0");
        assertThat(asked.get()).isEqualTo(before + 1);
    }

    @Test
    void metersOfNamesThatComeLaterAreThereFromTheNextScrapeOn() {
        Map<List<String>, Long> figures = new HashMap<>(Map.of(List.of("a", "x"), 1L));
        PartMeters<Map<List<String>, Long>> part = PartMeters.of("penstock.part.", () -> Map.copyOf(figures));
        part.counters("sent", "", List.of("by", "kind"), now -> now);
        part.gauges("left", "", List.of("by", "kind"), now -> now);
        metrics.add(part);
        assertThat(metrics.scrape().lines()).contains("penstock_part_sent_total{by=\"a\",kind=\"x\"} 1.0",
                "penstock_part_left{by=\"a\",kind=\"x\"} 1.0").noneMatch(line -> line.contains("\"b\""));
        figures.put(List.of("b", "x"), 2L);
        figures.remove(List.of("a", "x"));
        assertThat(metrics.scrape().lines()).contains("penstock_part_sent_total{by=\"b\",kind=\"x\"} 2.0",
                "penstock_part_left{by=\"b\",kind=\"x\"} 2.0")
                .as("what is gone has no series").noneMatch(line -> line.contains("\"a\""));
        figures.clear();
        assertThat(metrics.scrape()).doesNotContain("penstock_part_");
    }

    @Test
    void aFamilyIsAskedOncePerScrapeForAllOfItsSeries() {
        Map<List<String>, Long> many = new HashMap<>();
        for (int i = 0; i < 100; i++) {
            many.put(List.of("n" + i), (long) i);
        }
        AtomicInteger asked = new AtomicInteger();
        PartMeters<Integer> part = PartMeters.of("penstock.part.", () -> 0);
        part.gauges("left", "", List.of("by"), _ -> {
            asked.incrementAndGet();
            return many;
        });
        metrics.add(part);
        asked.set(0);
        assertThat(metrics.scrape().lines().filter(line -> line.startsWith("penstock_part_left{"))).hasSize(100);
        assertThat(asked).hasValue(1);
    }

    @Test
    void histogramsOfSeveralNamesAreWrittenWithTheirLabels() {
        DurationHistogram bulk = DurationHistogram.of(Duration.ofSeconds(1));
        DurationHistogram urgent = DurationHistogram.of(Duration.ofSeconds(1));
        PartMeters<Integer> part = PartMeters.of("penstock.part.", () -> 0);
        part.histograms("wait.seconds", "How long it took", List.of("provider", "class"),
                _ -> Map.of(List.of("p", "bulk"), bulk.snapshot(), List.of("p", "urgent"), urgent.snapshot()));
        metrics.add(part);
        bulk.record(500_000_000);
        urgent.record(2_000_000_000);
        assertThat(metrics.scrape().lines()).contains(
                "penstock_part_wait_seconds_bucket{class=\"bulk\",provider=\"p\",le=\"1.0\"} 1",
                "penstock_part_wait_seconds_bucket{class=\"urgent\",provider=\"p\",le=\"1.0\"} 0",
                "penstock_part_wait_seconds_sum{class=\"urgent\",provider=\"p\"} 2.0");
    }

    @Test
    void aHistogramIsWrittenWithCumulativeBuckets() {
        DurationHistogram histogram = DurationHistogram.of(Duration.ofMillis(5), Duration.ofSeconds(2));
        PartMeters<Integer> part = PartMeters.of("penstock.part.", () -> 0);
        part.histogram("wait.seconds", "How long it took", histogram::snapshot);
        metrics.add(part);
        histogram.record(1_000_000);
        histogram.record(1_000_000_000);
        histogram.record(4_000_000_000L);
        assertThat(metrics.scrape()).contains("""
                # HELP penstock_part_wait_seconds How long it took
                # TYPE penstock_part_wait_seconds histogram
                penstock_part_wait_seconds_bucket{le="0.005"} 1
                penstock_part_wait_seconds_bucket{le="2.0"} 2
                penstock_part_wait_seconds_bucket{le="+Inf"} 3
                penstock_part_wait_seconds_count 3
                penstock_part_wait_seconds_sum 5.001
                """);
    }
}
