package dev.penstock.meters;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.jspecify.annotations.Nullable;

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
    private final List<Family<T>> families = new ArrayList<>();
    private volatile T figures;
    private @Nullable MeterRegistry bound;

    /**
     * A histogram and what it is called.
     *
     * @param name    with dots, its unit at the end
     * @param current whether its counts grow and shrink, because they are of what there is and not of what happened
     */
    public record NamedHistogram(String name, String help, boolean current, Supplier<HistogramSnapshot> source) {}

    /**
     * Meters that come into being one by one.
     *
     * @param shown for which values of the tags the registry has one already
     */
    private record Family<T>(String name, String help, boolean counts, List<String> tags,
            Function<T, Map<List<String>, Long>> figures, Set<List<String>> shown) {}

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
     * @param figuresOf by their values; those don't go away, and how many there may be is bounded by whoever counts
     */
    public void counters(String name, String help, List<String> tags, Function<T, Map<List<String>, Long>> figuresOf) {
        families.add(new Family<>(name, help, true, tags, figuresOf, new HashSet<>()));
    }

    /** What grows and shrinks, likewise; what is gone counts nothing. */
    public void gauges(String name, String help, List<String> tags, Function<T, Map<List<String>, Long>> figuresOf) {
        families.add(new Family<>(name, help, false, tags, figuresOf, new HashSet<>()));
    }

    /** What is measured as it happens. */
    public void histogram(String name, String help, Supplier<HistogramSnapshot> value) {
        histograms.add(new NamedHistogram(prefix + name, help, false, value));
    }

    /** What there is at the moment of the scrape. */
    public void currentHistogram(String name, String help, Supplier<HistogramSnapshot> value) {
        histograms.add(new NamedHistogram(prefix + name, help, true, value));
    }

    /** A constant's name as labels have it: {@code END_OF_DATA} is {@code end-of-data}. */
    public static String label(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Counters and gauges; {@link #histograms} are the registry's to show. */
    @Override
    public void bindTo(MeterRegistry registry) {
        meters.forEach(meter -> meter.accept(registry));
        bound = registry;
        bindNew(registry);
    }

    private void bindNew(MeterRegistry registry) {
        for (Family<T> family : families) {
            for (List<String> values : family.figures().apply(figures).keySet()) {
                if (family.shown().add(values)) {
                    bind(registry, family, values);
                }
            }
        }
    }

    private void bind(MeterRegistry registry, Family<T> family, List<String> values) {
        List<Tag> tags = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            tags.add(Tag.of(family.tags().get(i), values.get(i)));
        }
        ToDoubleFunction<PartMeters<T>> value = part -> family.figures().apply(part.figures).getOrDefault(values, 0L);
        if (family.counts()) {
            FunctionCounter.builder(prefix + family.name(), this, value).description(family.help()).tags(tags)
                    .register(registry);
        } else {
            Gauge.builder(prefix + family.name(), this, value).description(family.help()).tags(tags)
                    .strongReference(true).register(registry);
        }
    }

    public List<NamedHistogram> histograms() {
        return List.copyOf(histograms);
    }

    /** Figures of now for the scrape that begins. */
    public void refresh() {
        figures = source.get();
        MeterRegistry registry = bound;
        if (registry != null) {
            bindNew(registry);
        }
    }
}
