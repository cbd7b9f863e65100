package dev.penstock.delivery;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

import dev.penstock.meters.TopNames;

/**
 * What became of recipients, by whose mail it was and by the pool of sources that it went by. Thread-safe; counting costs a
 * look-up. Tenants and pools that most mail is of have figures of their own; all others, and mail of none, are counted as
 * {@link TopNames#OTHER}.
 */
public final class SenderStats {
    static final int MAX_TENANTS = 100;
    static final int MAX_POOLS = 64;

    private final TopNames<OutcomeCounts> tenants;
    private final TopNames<OutcomeCounts> pools;

    /** @param nanoTime {@link System#nanoTime()}, or a test's */
    SenderStats(LongSupplier nanoTime) {
        tenants = new TopNames<>(MAX_TENANTS, OutcomeCounts::new, nanoTime);
        pools = new TopNames<>(MAX_POOLS, OutcomeCounts::new, nanoTime);
    }

    /** Counts one message more of it. */
    OutcomeCounts ofTenant(String tenant) {
        return tenants.of(tenant);
    }

    /** Likewise. */
    OutcomeCounts ofPool(String pool) {
        return pools.of(pool);
    }

    /** Tenants that have figures of their own. */
    Set<String> tenants() {
        Set<String> names = tenants.figures().keySet();
        names.remove(TopNames.OTHER);
        return names;
    }

    /** By the tenant's name and the outcome. */
    Map<List<String>, Long> byTenant() {
        return outcomes(tenants);
    }

    /** By the pool's name and the outcome. */
    Map<List<String>, Long> byPool() {
        return outcomes(pools);
    }

    private static Map<List<String>, Long> outcomes(TopNames<OutcomeCounts> names) {
        Map<List<String>, Long> all = new LinkedHashMap<>();
        names.figures().forEach((name, counts) -> counts.putInto(all, name));
        return all;
    }
}
