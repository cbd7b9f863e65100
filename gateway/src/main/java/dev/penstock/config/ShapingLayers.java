package dev.penstock.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ShapingLayer.Said;

/**
 * Layers put over one another, and what comes of them: a key has the value of the last that says it. Confined to the
 * thread that puts them.
 */
public final class ShapingLayers {
    private final Map<String, List<Value>> values = new LinkedHashMap<>();
    private final List<String> names = new ArrayList<>();
    private boolean goesOnInClear;

    /**
     * What a layer said.
     *
     * @param layer its name
     */
    public record Value(Said said, String layer) {}

    /** The next, over all others. */
    public void put(ShapingLayer layer) {
        if (layer.replacesBase()) {
            values.clear();
            names.clear();
            goesOnInClear = false;
        }
        boolean says = !layer.said().isEmpty() || layer.replacesBase();
        if (says && (names.isEmpty() || !names.getLast().equals(layer.name()))) { // the same of the next file
            names.add(layer.name());
        }
        layer.said().forEach((key, said) -> values.computeIfAbsent(key, _ -> new ArrayList<>())
                .addFirst(new Value(said, layer.name())));
        Said remembers = layer.said().get(TrafficLimits.REMEMBER_BROKEN_TLS.name());
        goesOnInClear |= remembers != null && remembers.value() != null;
        Said reconnects = layer.said().get(ShapingReader.RECONNECT);
        if (reconnects != null) {
            goesOnInClear = Boolean.TRUE.equals(reconnects.value());
        }
    }

    /** By key: what holds, then what it overrode, the nearest first. */
    public Map<String, List<Value>> values() {
        return Collections.unmodifiableMap(values);
    }

    /** Of the layers that say something, lowest first. */
    public List<String> names() {
        return List.copyOf(names);
    }

    /** What holds of the keys that a path has of its own. */
    public TrafficLimits limits() {
        Map<String, @Nullable Object> changed = new HashMap<>();
        values.forEach((key, said) -> changed.put(key, said.getFirst().said().value()));
        changed.computeIfPresent(TrafficLimits.ENABLE_TLS.name(),
                (_, value) -> value instanceof String word ? ShapingReader.policy(word, goesOnInClear) : value);
        return TrafficLimits.TABLE.with(TrafficLimits.DEFAULT, changed);
    }
}
