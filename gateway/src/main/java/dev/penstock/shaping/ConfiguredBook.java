package dev.penstock.shaping;

import java.util.List;
import java.util.function.Supplier;

import dev.penstock.config.ShapingConfig;

/** Limits as the shaping file's sections have them: each path's own, none shared. Thread-safe. */
public final class ConfiguredBook implements LimitBook {
    private final Supplier<ShapingConfig> config;

    /** @param config what is in force */
    public ConfiguredBook(Supplier<ShapingConfig> config) {
        this.config = config;
    }

    @Override
    public PathLimits of(EgressPath path, String provider) {
        ShapingConfig now = config.get();
        return new PathLimits(now.sections().getOrDefault(path.site().section(), now.defaults()), List.of());
    }

    @Override
    public boolean limitsSenders() {
        return false;
    }

    @Override
    public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
        return List.of();
    }
}
