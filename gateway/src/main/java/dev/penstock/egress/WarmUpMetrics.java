package dev.penstock.egress;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

import dev.penstock.config.WarmUpConfig;
import dev.penstock.config.WarmUpSchedule;
import dev.penstock.egress.WarmUp.Progress;
import dev.penstock.meters.PartMeters;

/** Warm-up, as metrics name it. Stateless. */
public final class WarmUpMetrics {
    /** Sources times providers that are shown; beyond it the first by name. */
    static final int MAX_SHOWN = 500;

    private WarmUpMetrics() {}

    public static PartMeters<List<Progress>> of(Supplier<List<Progress>> source) {
        PartMeters<List<Progress>> part = PartMeters.of("penstock.warm.up.", source);
        gauge(part, "day", "Day of the source's life by its warm-up's schedule, 1 for the first", Progress::day);
        gauge(part, "allowance", "Messages that the source may send to the provider today; -1 when it is warm",
                progress -> progress.allowance() == WarmUpSchedule.UNLIMITED ? -1 : progress.allowance());
        gauge(part, "sent", "Messages taken today for sending from the source to the provider", Progress::sent);
        return part;
    }

    private static void gauge(PartMeters<List<Progress>> part, String name, String help,
            ToLongFunction<Progress> value) {
        part.gauges(name, help, List.of("source", "provider"), all -> {
            Map<List<String>, Long> figures = new LinkedHashMap<>();
            all.stream().limit(MAX_SHOWN).forEach(progress -> figures.put(List.of(progress.source(),
                    progress.provider().isEmpty() ? WarmUpConfig.OTHER : progress.provider()),
                    value.applyAsLong(progress)));
            return figures;
        });
    }
}
