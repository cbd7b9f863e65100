package dev.penstock.delivery;

import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.BounceCategory;
import dev.penstock.meters.DurationHistogram;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.TopNames;
import dev.penstock.units.MailClass;

/**
 * What became of recipients, why, and how long it took, by the provider that takes their mail. Thread-safe; counting costs a
 * look-up. The providers that most mail goes to have figures of their own, all others and the domains of no known provider
 * are counted as {@link TopNames#OTHER}.
 */
public final class ProviderStats {
    /** More than are known without being told. */
    static final int MAX_PROVIDERS = 64;
    /** Coarser than those of all providers together: there are so many of them. */
    private static final Duration[] TIMES = {Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofSeconds(5),
        Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofMinutes(5), Duration.ofMinutes(15),
        Duration.ofHours(1), Duration.ofHours(4), Duration.ofHours(12), Duration.ofDays(1)};

    private final TopNames<Figures> providers;

    /** @param nanoTime {@link System#nanoTime()}, or a test's */
    ProviderStats(LongSupplier nanoTime) {
        providers = new TopNames<>(MAX_PROVIDERS, Figures::new, nanoTime);
    }

    /** Of one provider. */
    static final class Figures {
        final OutcomeCounts outcomes = new OutcomeCounts();
        private final Map<BounceCategory, LongAdder> reasons = new EnumMap<>(BounceCategory.class);
        private final Map<MailClass, DurationHistogram> firstAttempts = histograms();
        private final Map<MailClass, DurationHistogram> transits = histograms();

        Figures() {
            for (BounceCategory each : BounceCategory.values()) {
                reasons.put(each, new LongAdder());
            }
        }

        private static Map<MailClass, DurationHistogram> histograms() {
            Map<MailClass, DurationHistogram> all = new EnumMap<>(MailClass.class);
            for (MailClass each : MailClass.values()) {
                all.put(each, DurationHistogram.of(TIMES));
            }
            return all;
        }

        /** A recipient wasn't delivered to. */
        void failed(BounceCategory why) {
            LongAdder adder = reasons.get(why);
            if (adder != null) { // there is one of each category
                adder.increment();
            }
        }

        void firstAttempt(MailClass mailClass, long nanos) {
            record(firstAttempts.get(mailClass), nanos, 1);
        }

        void delivered(MailClass mailClass, long nanos, long recipients) {
            record(transits.get(mailClass), nanos, recipients);
        }

        private static void record(@Nullable DurationHistogram histogram, long nanos, long times) {
            if (histogram != null) { // there is one of each class
                histogram.record(nanos, times);
            }
        }
    }

    /** Counts one message more of it; of none that is known when that is empty. */
    Figures of(String provider) {
        return providers.of(provider);
    }

    /** Of each provider and of all others, by its name and the outcome. */
    Map<List<String>, Long> outcomes() {
        Map<List<String>, Long> all = new LinkedHashMap<>();
        providers.figures().forEach((name, figures) -> figures.outcomes.putInto(all, name));
        return all;
    }

    /** Likewise, by its name and PowerMTA's category, of those that came; of all others each. */
    Map<List<String>, Long> reasons() {
        Map<List<String>, Long> all = new LinkedHashMap<>();
        providers.figures().forEach((name, figures) -> {
            figures.reasons.forEach((category, counted) -> {
                long count = counted.sum();
                if (count > 0 || name.equals(TopNames.OTHER)) {
                    all.put(List.of(name, category.word()), count);
                }
            });
        });
        return all;
    }

    /** Likewise, by its name and the class, of what came; of all others each. */
    public Map<List<String>, HistogramSnapshot> firstAttempts() {
        return histograms(figures -> figures.firstAttempts);
    }

    /** As {@link #firstAttempts}. */
    public Map<List<String>, HistogramSnapshot> transits() {
        return histograms(figures -> figures.transits);
    }

    private Map<List<String>, HistogramSnapshot> histograms(
            Function<Figures, Map<MailClass, DurationHistogram>> which) {
        Map<List<String>, HistogramSnapshot> all = new LinkedHashMap<>();
        providers.figures().forEach((name, figures) -> which.apply(figures).forEach((mailClass, histogram) -> {
            HistogramSnapshot counted = histogram.snapshot();
            if (counted.count() > 0 || name.equals(TopNames.OTHER)) {
                all.put(List.of(name, mailClass.word()), counted);
            }
        }));
        return all;
    }
}
