package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.delivery.DeliveryParts;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.WarmUp.Progress;
import dev.penstock.egress.WarmUpMetrics;
import dev.penstock.meters.PartMeters;
import dev.penstock.metrics.MetricsRegistry;
import dev.penstock.queue.SourceMetrics;
import dev.penstock.queue.SourceStats;
import dev.penstock.shaping.control.AdaptiveControl.Figures;
import dev.penstock.shaping.control.AdaptiveControl.Standing;
import dev.penstock.shaping.control.ControlMetrics;
import dev.penstock.shaping.control.Scope;

/** What a scrape takes when every family of series is as large as it can be. */
@Timeout(120)
class FullScrapeTest {
    private static final int SOURCES = 100;
    private static final int MAX_SHOWN = 500; // of control, and of warm-up
    private static final int WARM_UP_SCRAPES = 50;
    private static final int SCRAPES = 30;
    private static final double NANOS_PER_MILLI = 1e6;
    /** A scrape keeps one event loop, of the port for operators, so long at most. */
    private static final double MOST_MILLIS = 50;

    private static List<PartMeters<?>> full() {
        List<PartMeters<?>> parts = new ArrayList<>(DeliveryParts.full());
        for (int i = 0; i < SOURCES; i++) {
            parts.add(SourceMetrics.of("source-" + i, () -> new SourceStats(12, 34, Map.of(Cause.BLOCKED, 1L)),
                    _ -> Map.of("delivered", 123_456L, "deferred", 1_234L, "bounced", 12L, "expired", 1L)));
        }
        List<Standing> standings = new ArrayList<>();
        List<Progress> progress = new ArrayList<>();
        for (int i = 0; i < MAX_SHOWN; i++) {
            standings.add(new Standing(new Scope("source-" + i % SOURCES, "provider-" + i, "", "", ""), "paced", 1.5,
                    7));
            progress.add(new Progress("source-" + i % SOURCES, "provider-" + i, "gentle", 3, 200, 50, 0));
        }
        Figures figures = new Figures(Map.of("decrease", 5L), standings, Set.of(), 0);
        parts.add(ControlMetrics.of(() -> figures));
        parts.add(WarmUpMetrics.of(() -> progress));
        return parts;
    }

    @Test
    void aScrapeOfEverythingThatThereCanBeTakesLessThanFiftyMilliseconds() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        try (MetricsRegistry metrics = new MetricsRegistry(full())) {
            String text = metrics.scrape();
            for (int i = 0; i < WARM_UP_SCRAPES; i++) {
                text = metrics.scrape();
            }
            long series = text.lines().filter(line -> !line.startsWith("#")).count();
            long best = Long.MAX_VALUE; // of CPU: others want the cores too
            for (int i = 0; i < SCRAPES; i++) {
                long before = threads.getCurrentThreadCpuTime();
                metrics.scrape();
                best = Math.min(best, threads.getCurrentThreadCpuTime() - before);
            }
            System.out.printf("%d series, %d KB, %.1f ms of CPU%n", series, text.length() >> 10,
                    best / NANOS_PER_MILLI);
            assertThat(series).as("bounded").isBetween(5_000L, 15_000L);
            assertThat(best / NANOS_PER_MILLI).isLessThan(MOST_MILLIS);
        }
    }
}
