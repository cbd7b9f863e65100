package dev.penstock.meters;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;

/**
 * The meters of one part of the gateway. The part counts for itself; here its figures are only read, all of them once per
 * scrape, so that they belong together, and nothing is registered or measured on the way of a message. Built on one
 * thread, then refreshed and read under the registry's lock.
 *
 * @param <T> the part's figures, an immutable snapshot
 */
public final class PartMeters<T> implements MeterBinder {
    private final String prefix;
    private final Supplier<T> source;
    private final List<Consumer<MeterRegistry>> meters = new ArrayList<>();
    private final List<NamedHistogram> histograms = new ArrayList<>();
    private final List<NamedFamily> families = new ArrayList<>();
    private volatile T figures;

    /**
     * Histograms of one name.
     *
     * @param name    with dots, its unit at the end
     * @param current whether its counts grow and shrink, because they are of what there is and not of what happened
     * @param tags    their names; none for one histogram
     * @param source  by the values of the tags, in their order
     */
    public record NamedHistogram(String name, String help, boolean current, List<String> tags,
            Supplier<Map<List<String>, HistogramSnapshot>> source) {
        public NamedHistogram {
            tags = List.copyOf(tags);
        }
    }

    /**
     * Counters or gauges of one name whose tags have values that aren't known from the start. What isn't among the figures
     * isn't shown.
     *
     * @param name    with dots
     * @param counts  whether they only grow
     * @param tags    their names
     * @param figures by the values of the tags, in their order
     */
    public record NamedFamily(String name, String help, boolean counts, List<String> tags,
            Supplier<Map<List<String>, Long>> figures) {
        public NamedFamily {
            tags = List.copyOf(tags);
        }
    }

    private PartMeters(String prefix, Supplier<T> source) {
        this.prefix = prefix;
        this.source = source;
        this.figures = source.get();
    }

    /**
     * @param prefix of all names, like {@code penstock.spool.}
     * @param source is asked once per scrape, on the thread that scrapes; must not block
     */
    public static <T> PartMeters<T> of(String prefix, Supplier<T> source) {
        return new PartMeters<>(prefix, source);
    }

    /**
     * What only grows.
     *
     * @param tags names and values by turns, of a number that doesn't depend on what clients or hosts say
     */
    public void counter(String name, String help, ToDoubleFunction<T> value, String... tags) {
        meters.add(registry -> FunctionCounter.builder(prefix + name, this, part -> value.applyAsDouble(part.figures))
                .description(help).tags(tags).register(registry));
    }

    /** What grows and shrinks. Tags as of {@link #counter}. */
    public void gauge(String name, String help, ToDoubleFunction<T> value, String... tags) {
        meters.add(registry -> Gauge.builder(prefix + name, this, part -> value.applyAsDouble(part.figures))
                .description(help).tags(tags).strongReference(true).register(registry));
    }

    /**
     * What only grows, for each of some values of tags that aren't known from the start.
     *
     * @param tags    their names
     * @param figuresOf by their values, of which whoever counts bounds how many there may be; a series that isn't there any
     *                more ends, and begins anew when it is there again
     */
    public void counters(String name, String help, List<String> tags, Function<T, Map<List<String>, Long>> figuresOf) {
        families.add(new NamedFamily(prefix + name, help, true, tags, () -> figuresOf.apply(figures)));
    }

    /** What grows and shrinks, likewise. */
    public void gauges(String name, String help, List<String> tags, Function<T, Map<List<String>, Long>> figuresOf) {
        families.add(new NamedFamily(prefix + name, help, false, tags, () -> figuresOf.apply(figures)));
    }

    /** What is measured as it happens. */
    public void histogram(String name, String help, Supplier<HistogramSnapshot> value) {
        histograms.add(new NamedHistogram(prefix + name, help, false, List.of(), () -> Map.of(List.of(), value.get())));
    }

    /** What is measured as it happens, for each of some values of tags, as {@link #counters}. */
    public void histograms(String name, String help, List<String> tags,
            Function<T, Map<List<String>, HistogramSnapshot>> values) {
        histograms.add(new NamedHistogram(prefix + name, help, false, tags, () -> values.apply(figures)));
    }

    /** What there is at the moment of the scrape, for each of some values of tags. */
    public void currentHistograms(String name, String help, List<String> tags,
            Supplier<Map<List<String>, HistogramSnapshot>> values) {
        histograms.add(new NamedHistogram(prefix + name, help, true, tags, values));
    }

    /** A constant's name as labels have it: {@code END_OF_DATA} is {@code end-of-data}. */
    public static String label(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Counters and gauges whose tags are known; {@link #histograms} and {@link #families} are the registry's to show. */
    @Override
    public void bindTo(MeterRegistry registry) {
        meters.forEach(meter -> meter.accept(registry));
    }

    public List<NamedHistogram> histograms() {
        return List.copyOf(histograms);
    }

    public List<NamedFamily> families() {
        return List.copyOf(families);
    }

    /** Figures of now for the scrape that begins. */
    public void refresh() {
        figures = source.get();
    }
}
