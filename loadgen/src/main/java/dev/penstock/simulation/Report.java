package dev.penstock.simulation;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import tools.jackson.core.JsonGenerator;

import dev.penstock.loadgen.twin.TwinReport;
import dev.penstock.simulation.Simulation.Result;

/**
 * What came of several runs, as text, JSON and a page. Immutable.
 *
 * @param results       of each mode with each seed
 * @param settleMinutes after which a run counts as settled
 */
public record Report(List<Result> results, int settleMinutes) {
    private static final double SECOND = 1e9;
    private static final int PERCENT = 100;
    private static final int SECONDS_PER_MINUTE = 60;
    private static final String[] COLOURS = {"#0b6e4f", "#c1666b", "#1d4e89", "#8c5e00"};

    public Report {
        results = List.copyOf(results);
    }

    /** Of one mode at one receiver: the means over all seeds, and the worst where it says so. */
    private record Row(String twin, String mode, double delivered, double total, double bounced, double expired,
            double deferral, double worstDeferral, double ofOffer, double utilisation, double worstUtilisation,
            double attempts,
            double drainSeconds, int drained, int runs, double blocks, Map<String, Double> deferredFor,
            Map<String, Double> bouncedFor, List<Double> forecastErrors, long untold) {}

    private List<Row> rows() {
        Map<String, List<Result>> byMode = results.stream()
                .collect(Collectors.groupingBy(Result::mode, LinkedHashMap::new, Collectors.toList()));
        List<Row> rows = new ArrayList<>();
        for (String twin : twins()) {
            byMode.forEach((mode, runs) -> rows.add(row(twin, mode, runs)));
        }
        return rows;
    }

    private TreeSet<String> twins() {
        TreeSet<String> twins = new TreeSet<>();
        results.forEach(result -> twins.addAll(result.series().keySet()));
        return twins;
    }

    private Row row(String twin, String mode, List<Result> runs) {
        List<Figures.Series> all = runs.stream().map(run -> run.figures(twin)).toList();
        List<Double> used = runs.stream().map(run -> run.utilisation(twin, settleMinutes)).toList();
        List<Figures.Series> drained = all.stream().filter(Figures.Series::isDrained).toList();
        return new Row(twin, mode, mean(all, Figures.Series::delivered), mean(all, Figures.Series::total),
                mean(all, Figures.Series::bounced), mean(all, Figures.Series::expired),
                all.stream().mapToDouble(each -> each.deferralShareFrom(settleMinutes)).average().orElse(0),
                all.stream().mapToDouble(each -> each.deferralShareFrom(settleMinutes)).max().orElse(0),
                runs.stream().mapToDouble(run -> run.utilisationOfOffer(twin, settleMinutes)).average().orElse(0),
                used.stream().mapToDouble(Double::doubleValue).average().orElse(0),
                used.stream().mapToDouble(Double::doubleValue).min().orElse(0),
                mean(all, Figures.Series::attemptsPerDelivered),
                drained.stream().mapToDouble(each -> each.lastNanos / SECOND).average().orElse(-1), drained.size(),
                runs.size(), runs.stream().mapToInt(run -> run.blocks(twin)).average().orElse(0),
                means(all.stream().map(each -> each.deferredFor).toList()),
                means(all.stream().map(each -> each.bouncedFor).toList()),
                all.stream().flatMap(each -> each.forecastErrors().stream()).toList(),
                all.stream().mapToLong(Figures.Series::untold).sum());
    }

    private static double mean(List<Figures.Series> all, java.util.function.ToDoubleFunction<Figures.Series> of) {
        return all.stream().mapToDouble(of).average().orElse(0);
    }

    private static Map<String, Double> means(List<Map<String, Long>> all) {
        Map<String, Double> means = new TreeMap<>();
        all.forEach(one -> one.forEach((name, count) -> means.merge(name, (double) count / all.size(), Double::sum)));
        return means;
    }

    /** For a terminal. */
    public String table() {
        StringBuilder text = new StringBuilder();
        Result any = results.getFirst();
        text.append(String.format(Locale.ROOT,
                "%d runs of %s virtual time, settled after %d min; means over the seeds, the worst seed in brackets%n",
                results.size(), hours(any.length()), settleMinutes));
        results.stream().filter(run -> !run.steering().isEmpty())
                .map(run -> "limits of " + run.mode() + ": " + run.steering()).distinct()
                .forEach(line -> text.append(line).append(System.lineSeparator()));
        text.append(String.format(Locale.ROOT, "%-22s %-10s %9s %10s %8s %17s %9s %17s %9s %12s %7s%n", "receiver",
                "sender",
                "messages", "delivered", "bounced", "deferral share", "of offer", "of capacity", "attempts", "drained",
                "blocks"));
        for (Row row : rows()) {
            text.append(String.format(Locale.ROOT,
                    "%-22s %-10s %9.0f %10.0f %8.0f %6.2f %% (%6.2f) %7.1f %% %6.1f %% (%6.1f) %9.3f %12s %7.1f%n",
                    row.twin,
                    row.mode, row.total, row.delivered, row.bounced, PERCENT * row.deferral,
                    PERCENT * row.worstDeferral, PERCENT * row.ofOffer, PERCENT * row.utilisation,
                    PERCENT * row.worstUtilisation,
                    row.attempts, drain(row), row.blocks));
            text.append(reasons("    deferred for ", row.deferredFor))
                    .append(reasons("    bounced for ", row.bouncedFor)).append(forecast(row));
        }
        return text.toString();
    }

    private static String forecast(Row row) {
        if (row.forecastErrors.isEmpty()) {
            return row.untold == 0 ? "" : "    when it goes: untold of " + row.untold + " waits\n";
        }
        return String.format(Locale.ROOT,
                "    when it goes: off by %.1f %% of the wait (p90; half by %.1f %%), %d waits, untold of %d%n",
                PERCENT * Figures.quantile(row.forecastErrors, 0.9),
                PERCENT * Figures.quantile(row.forecastErrors, 0.5),
                row.forecastErrors.size(), row.untold);
    }

    private static String reasons(String title, Map<String, Double> counts) {
        if (counts.isEmpty()) {
            return "";
        }
        return title + counts.entrySet().stream()
                .map(each -> (each.getKey().isEmpty() ? "nothing it said" : each.getKey())
                        + String.format(Locale.ROOT, " %.0f", each.getValue()))
                .collect(Collectors.joining(", ")) + "\n";
    }

    private static String drain(Row row) {
        if (row.drained == 0) {
            return "no";
        }
        String time = String.format(Locale.ROOT, "%.0f s", row.drainSeconds);
        return row.drained == row.runs ? time : time + " " + row.drained + "/" + row.runs;
    }

    private static String hours(Duration length) {
        return String.format(Locale.ROOT, "%.1f h", length.toMinutes() / 60.0);
    }

    void write(JsonGenerator json) {
        json.writeStartObject();
        json.writeNumberProperty("settle_minutes", settleMinutes);
        json.writeArrayPropertyStart("runs");
        for (Result run : results) {
            json.writeStartObject();
            json.writeStringProperty("sender", run.mode());
            json.writeStringProperty("steering", run.steering());
            json.writeNumberProperty("seed", run.seed());
            json.writeNumberProperty("seconds", run.length().toSeconds());
            json.writeNumberProperty("queued", run.queued());
            json.writeObjectPropertyStart("receivers");
            run.series().forEach((twin, figures) -> write(json, run, twin, figures));
            json.writeEndObject();
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void write(JsonGenerator json, Result run, String twin, Figures.Series figures) {
        json.writeObjectPropertyStart(twin);
        json.writeNumberProperty("messages", figures.total());
        json.writeNumberProperty("delivered", figures.delivered());
        json.writeNumberProperty("deferred", figures.deferred());
        json.writeNumberProperty("bounced", figures.bounced());
        json.writeNumberProperty("expired", figures.expired());
        json.writeNumberProperty("queued", figures.queued());
        json.writeNumberProperty("deferral_share", figures.deferralShare());
        json.writeNumberProperty("deferral_share_settled", figures.deferralShareFrom(settleMinutes));
        json.writeNumberProperty("utilisation_of_offer_settled", run.utilisationOfOffer(twin, settleMinutes));
        json.writeNumberProperty("utilisation_settled", run.utilisation(twin, settleMinutes));
        json.writeNumberProperty("attempts_per_delivered", figures.attemptsPerDelivered());
        json.writeNumberProperty("drained_seconds", figures.isDrained() ? figures.lastNanos / SECOND : -1);
        json.writeNumberProperty("blocks", run.blocks(twin));
        json.writeNumberProperty("forecast_error_p90", figures.forecastError());
        json.writeNumberProperty("forecasts", figures.forecasts());
        json.writeNumberProperty("forecasts_untold", figures.untold());
        json.writeNumberProperty("sessions_failed", figures.sessionsFailed);
        json.writeNumberProperty("suspensions", figures.suspensions);
        json.writeArrayPropertyStart("minutes");
        for (int minute = 0; minute < (int) run.length().toMinutes(); minute++) {
            json.writeStartArray();
            json.writeNumber(figures.delivered(minute));
            json.writeNumber(figures.deferred(minute));
            json.writeNumber(figures.bounced(minute));
            json.writeNumber(Math.round(run.capacity(twin, minute)));
            json.writeEndArray();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /** A drawing for each receiver, by its name: what was delivered and deferred in each minute, of the first seed. */
    public Map<String, String> plots() {
        Map<String, String> plots = new TreeMap<>();
        Map<String, Result> first = new LinkedHashMap<>();
        results.forEach(result -> first.putIfAbsent(result.mode(), result));
        for (String twin : twins()) {
            List<Plot.Line> lines = new ArrayList<>();
            int minutes = (int) results.getFirst().length().toMinutes();
            lines.add(new Plot.Line("would take", "stroke=\"#888\" stroke-dasharray=\"6 4\"",
                    perSecond(minutes, minute -> bounded(first.values().iterator().next(), twin, minute)), true));
            int colour = 0;
            for (Result run : first.values()) {
                String stroke = "stroke=\"" + COLOURS[colour++ % COLOURS.length] + "\"";
                Figures.Series figures = run.figures(twin);
                lines.add(new Plot.Line(run.mode(), stroke + " stroke-width=\"1.6\"",
                        perSecond(minutes, figures::delivered), true));
                lines.add(new Plot.Line(run.mode() + " deferred", stroke + " stroke-dasharray=\"1 3\"",
                        perSecond(minutes, figures::deferred), false));
            }
            plots.put(twin, Plot.svg(twin, "messages a second", lines));
        }
        return plots;
    }

    /** What it would take; what nothing limits isn't drawn. */
    private static double bounded(Result run, String twin, int minute) {
        List<TwinReport> reports = run.twins().getOrDefault(twin, List.of());
        return reports.stream().anyMatch(TwinReport::isUnlimited) ? 0 : run.capacity(twin, minute);
    }

    private static List<Double> perSecond(int minutes, IntToDoubleFunction count) {
        return IntStream.range(0, minutes).mapToObj(minute -> count.applyAsDouble(minute) / SECONDS_PER_MINUTE)
                .toList();
    }

    /** A page that needs nothing from elsewhere. */
    public String html() {
        StringBuilder page = new StringBuilder("""
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8"><title>Penstock: simulation</title>
                <style>body{font-family:sans-serif;margin:2em;max-width:60em}pre{background:#f4f4f4;padding:1em;overflow:auto}</style>
                </head><body><h1>Simulation</h1>
                <p>Solid lines: delivered. Dotted: deferred. Dashed: what the receiver would have taken from one who never
                exceeds its limits. The lines are of the first seed, the table is of all.</p>
                """);
        page.append("<pre>").append(Plot.escaped(table())).append("</pre>\n");
        plots().values().forEach(plot -> page.append("<p>").append(plot).append("</p>\n"));
        return page.append("</body></html>\n").toString();
    }
}
