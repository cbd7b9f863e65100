package dev.penstock.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Plain;

/**
 * What one table of the shaping file says, and no more than that: several layers over one another are what holds for a
 * path. Immutable.
 *
 * @param name         for people, as the file has it: {@code ["example.com"]}
 * @param place        {@code FILE:LINE}; empty when it isn't of a file
 * @param replacesBase whether nothing below it counts
 * @param said         by key, in the file's order; of keys that hold named limits with the name behind it:
 *                     {@code additional_connection_limits.daily}
 */
public record ShapingLayer(String name, String place, boolean replacesBase, Map<String, Said> said) {
    public static final ShapingLayer NONE = new ShapingLayer("", "", false, Map.of());

    public ShapingLayer {
        said = Collections.unmodifiableMap(new LinkedHashMap<>(said));
    }

    /**
     * One value.
     *
     * @param value as the key's type has it; null for a limit that is lifted
     * @param text  as a file could have it
     * @param place {@code FILE:LINE}; empty when it isn't of a file
     */
    public record Said(@Nullable Object value, String text, String place) {}

    /** What comes of it under what a later file says in the same table. */
    ShapingLayer under(ShapingLayer later) {
        Map<String, Said> merged = new LinkedHashMap<>(said);
        merged.putAll(later.said);
        return new ShapingLayer(later.name, later.place, replacesBase || later.replacesBase, merged);
    }

    /** What holds where no file says anything. */
    public static ShapingLayer builtIn() {
        return of("", TrafficLimits.DEFAULT);
    }

    /** Which says every key of the limits. */
    static ShapingLayer of(String name, TrafficLimits limits) {
        Map<String, Said> said = new LinkedHashMap<>();
        TrafficLimits.TABLE.keys()
                .forEach(key -> said.put(key.name(), new Said(key.in(limits), text(key, limits), "")));
        return new ShapingLayer(name, "", false, said);
    }

    static <T> String text(Key<TrafficLimits, T> key, TrafficLimits limits) {
        return text(key, key.in(limits));
    }

    /** As a file could have it; of a secret only that there is one. */
    static <T> String text(Key<TrafficLimits, T> key, T value) {
        if (!(key.type() instanceof Plain<T> plain)) {
            return "";
        }
        Object written = plain.written().apply(value);
        return TomlText
                .of(written == null || written.equals("") ? "" : plain.secret() ? EffectiveConfig.MASK : written);
    }
}
