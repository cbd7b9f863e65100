package dev.penstock.shaping.control;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

import dev.penstock.meters.PartMeters;
import dev.penstock.shaping.control.AdaptiveControl.Figures;
import dev.penstock.shaping.control.AdaptiveControl.Standing;

/** Control, as metrics name it. Stateless. */
public final class ControlMetrics {
    /** Scopes that are shown; beyond it the first by name. */
    public static final int MAX_SHOWN = 500;
    private static final int PER_MINUTE = 60;
    private static final String NO_PROVIDER = "other";

    private ControlMetrics() {}

    public static PartMeters<Figures> of(Supplier<Figures> source) {
        PartMeters<Figures> part = PartMeters.of("penstock.control.", source);
        part.counters("decisions", "Decisions about how fast mail goes, by what was decided", List.of("decision"),
                figures -> {
                    Map<List<String>, Long> counts = new LinkedHashMap<>();
                    figures.decisions().forEach((what, count) -> counts.put(List.of(what), count));
                    return counts;
                });
        gauge(part, "rate", "Messages a minute that the source may send to the provider; -1 for no limit of its own",
                standing -> Double.isInfinite(standing.perSecond())
                        ? -1
                        : Math.max(1, Math.round(standing.perSecond() * PER_MINUTE)));
        gauge(part, "window", "Sessions that the source may have with the provider; -1 for no limit of its own",
                standing -> standing.window() == Integer.MAX_VALUE ? -1 : standing.window());
        gauge(part, "blocked", "Whether the provider has blocked the source",
                standing -> standing.mode().equals("blocked")
                        ? 1
                        : 0);
        part.gauge("incidents", "Providers to which bulk mail waits", figures -> figures.incidents().size());
        part.gauge("effects", "Effects of automation rules that are in force", Figures::effects);
        return part;
    }

    /** Of scopes of one provider; those of sites, which have no bound, are one. */
    private static void gauge(PartMeters<Figures> part, String name, String help, ToLongFunction<Standing> value) {
        part.gauges(name, help, List.of("source", "provider"), figures -> {
            Map<List<String>, Long> all = new LinkedHashMap<>();
            for (Standing standing : figures.standings()) {
                String provider = standing.scope().provider();
                all.merge(List.of(standing.scope().source(), provider.isEmpty() ? NO_PROVIDER : provider),
                        value.applyAsLong(standing), Math::max);
            }
            return all;
        });
    }
}
