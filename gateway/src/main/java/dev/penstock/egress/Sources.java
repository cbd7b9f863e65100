package dev.penstock.egress;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.SourceConfig;

/**
 * All sources by name, replaced as a whole at a reload; there always is one called
 * {@link SourceConfig#DEFAULT_NAME}. Thread-safe.
 */
public final class Sources {
    private volatile Map<String, Source> byName;

    private Sources(Map<String, Source> byName) {
        this.byName = byName;
    }

    /** @throws IllegalArgumentException when a file that the configuration names can't be read any more */
    public static Sources of(GatewayConfig config) {
        return new Sources(read(config));
    }

    /**
     * The one alone that is configured nowhere.
     *
     * @param address empty for whatever the system chooses
     */
    public static Sources ofDefault(String address, String hostname) {
        return new Sources(Map.of(SourceConfig.DEFAULT_NAME, Source.ofDefault(address, hostname)));
    }

    private static Map<String, Source> read(GatewayConfig config) {
        Map<String, Source> sources = new HashMap<>();
        sources.put(SourceConfig.DEFAULT_NAME,
                Source.ofDefault(config.delivery().sourceAddress(), config.hostname()));
        config.sources().forEach((name, source) -> sources.put(name, Source.of(name, source, config.hostname())));
        return Map.copyOf(sources);
    }

    /** What another configuration has, read and ready. */
    @FunctionalInterface
    public interface Change {
        /** From now on; sessions that stand keep what they have. */
        void apply();
    }

    /** @throws IllegalArgumentException when a file that it names can't be read any more */
    public Change prepare(GatewayConfig config) {
        Map<String, Source> read = read(config);
        return () -> byName = read;
    }

    /** Null when there is none of this name, or no more. */
    public @Nullable Source find(String name) {
        return byName.get(name);
    }

    /** In no order. */
    public Collection<Source> all() {
        return byName.values();
    }
}
