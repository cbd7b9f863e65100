package dev.penstock;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

import dev.penstock.delivery.DeliveryParts;
import dev.penstock.egress.WarmUpMetrics;
import dev.penstock.meters.PartMeters;
import dev.penstock.metrics.MetricsRegistry;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.shaping.control.ControlMetrics;

/** Which metrics there are, and which an expression names. Stateless. */
final class MetricNames {
    private static final Pattern NAME = Pattern.compile("\\b(?:penstock|jvm|process|system)_[a-z0-9_]+");

    private MetricNames() {}

    /** As Prometheus has them: with the ends of counters and of histograms. */
    static Set<String> known() throws IOException {
        Set<String> known = new TreeSet<>();
        try (InputStream in = MetricNames.class.getResourceAsStream("series.txt")) {
            new String(Objects.requireNonNull(in).readAllBytes(), UTF_8).lines()
                    .filter(line -> line.startsWith("penstock_"))
                    .map(line -> line.replaceFirst("[{].*", "")).forEach(known::add);
        }
        List<PartMeters<?>> parts = new ArrayList<>(DeliveryParts.meters());
        parts.add(WarmUpMetrics.of(List::of));
        parts.add(ControlMetrics.of(() -> new AdaptiveControl.Figures(Map.of(), List.of(), Set.of(), 0)));
        for (PartMeters<?> part : parts) {
            part.families().forEach(family -> known.add(family.name().replace('.', '_')
                    + (family.counts() ? "_total" : "")));
            part.histograms().forEach(histogram -> {
                for (String end : List.of("_bucket", "_count", "_sum")) {
                    known.add(histogram.name().replace('.', '_') + end);
                }
            });
        }
        try (MetricsRegistry process = new MetricsRegistry(List.of())) {
            process.scrape().lines().filter(line -> !line.startsWith("#"))
                    .map(line -> line.replaceFirst("[{ ].*", "")).forEach(known::add);
        }
        known.add("jvm_gc_pause_seconds_sum"); // there after the first collection (Micrometer's JvmGcMetrics)
        return known;
    }

    static Set<String> in(String expression) {
        Set<String> names = new TreeSet<>();
        NAME.matcher(expression).results().forEach(found -> names.add(found.group()));
        return names;
    }
}
