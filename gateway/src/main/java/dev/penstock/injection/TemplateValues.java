package dev.penstock.injection;

import java.util.AbstractMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.injection.InjectionRequest.Rcpt;

/**
 * What the names in a template mean for one recipient, looked up where they stand: nothing is copied for each message.
 * Confined to the thread that renders.
 */
final class TemplateValues extends AbstractMap<String, @Nullable Object> {
    /** Pebble's own, which would be found where a request has none of the name. */
    private static final Set<String> HIDDEN = Set.of("template", "locale", "_context");
    private static final Map<String, Object> CONSTANTS = Map.of("True", true, "False", false); // Jinja's other spelling

    private final Map<String, @Nullable Object> set = new HashMap<>();
    private final List<Map<String, @Nullable Object>> layers;

    /** @param forAll the request's */
    TemplateValues(Rcpt recipient, Map<String, @Nullable Object> forAll) {
        Map<String, @Nullable Object> own = new HashMap<>();
        own.put("email", recipient.email());
        if (!recipient.name().isEmpty()) {
            own.put("name", recipient.name());
        }
        layers = List.of(set, recipient.substitutions(), own, forAll);
    }

    /** Of nobody in particular. */
    TemplateValues(Map<String, @Nullable Object> values) {
        layers = List.of(set, values);
    }

    @Override
    public @Nullable Object get(@Nullable Object name) {
        for (Map<String, @Nullable Object> layer : layers) {
            Object value = layer.get(name);
            if (value != null || layer.containsKey(name)) {
                return value;
            }
        }
        return name instanceof String text ? CONSTANTS.get(text) : null;
    }

    @Override
    public boolean containsKey(@Nullable Object name) {
        return name instanceof String text && (HIDDEN.contains(text) || CONSTANTS.containsKey(text))
                || layers.stream().anyMatch(layer -> layer.containsKey(name));
    }

    /** What {@code set} gives a new value that had one before. */
    @Override
    public @Nullable Object put(String name, @Nullable Object value) {
        return set.put(name, value);
    }

    @Override
    public Set<Map.Entry<String, @Nullable Object>> entrySet() {
        Map<String, @Nullable Object> all = new HashMap<>();
        layers.reversed().forEach(all::putAll);
        return all.entrySet();
    }
}
