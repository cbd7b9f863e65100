package dev.penstock.delivery;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * What became of recipients, by the provider that takes their mail. Thread-safe; counting costs a look-up. The first
 * providers that mail goes to have figures of their own, all others and the domains of no known provider are counted as
 * {@link #OTHER}.
 */
public final class ProviderStats {
    /** More than are known without being told; a label each in four families. */
    static final int MAX_PROVIDERS = 64;
    public static final String OTHER = "other";

    private final ConcurrentHashMap<String, Counts> byName = new ConcurrentHashMap<>();
    private final Counts other = new Counts();

    ProviderStats() {}

    /** Recipients of one provider. */
    public record Counts(LongAdder delivered, LongAdder deferred, LongAdder bounced, LongAdder expired) {
        Counts() {
            this(new LongAdder(), new LongAdder(), new LongAdder(), new LongAdder());
        }
    }

    /** @param provider empty for none that is known */
    Counts of(String provider) {
        if (provider.isEmpty() || provider.equals(OTHER)) {
            return other;
        }
        Counts known = byName.get(provider);
        return known != null ? known : first(provider);
    }

    private synchronized Counts first(String provider) {
        Counts known = byName.get(provider);
        if (known == null) {
            if (byName.size() >= MAX_PROVIDERS) {
                return other;
            }
            known = new Counts();
            byName.put(provider, known);
        }
        return known;
    }

    /** Of each provider and of all others, by its name and the outcome. */
    Map<List<String>, Long> figures() {
        Map<List<String>, Long> figures = new LinkedHashMap<>();
        byName.forEach((name, counts) -> put(figures, name, counts));
        put(figures, OTHER, other);
        return figures;
    }

    private static void put(Map<List<String>, Long> figures, String name, Counts counts) {
        figures.put(List.of(name, "delivered"), counts.delivered.sum());
        figures.put(List.of(name, "deferred"), counts.deferred.sum());
        figures.put(List.of(name, "bounced"), counts.bounced.sum());
        figures.put(List.of(name, "expired"), counts.expired.sum());
    }
}
