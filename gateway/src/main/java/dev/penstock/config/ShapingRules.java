package dev.penstock.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The sections of the shaping files as they are written, so that what holds for a path can be put together from them.
 * Immutable.
 *
 * @param defaults  what holds where nothing else is said
 * @param sections  for domains and sites, by name, in the file's order
 * @param providers by name
 */
public record ShapingRules(ShapingSection defaults, Map<String, ShapingSection> sections,
        Map<String, ShapingSection> providers) {
    public ShapingRules {
        sections = Collections.unmodifiableMap(new LinkedHashMap<>(sections));
        providers = Collections.unmodifiableMap(new LinkedHashMap<>(providers));
    }

    /** How many files lie over one another in it. */
    public int files() {
        return Math.max(1, defaults.files().size());
    }

    /** Of limits that are merged already; each section is for its domain alone, or for the site of its name. */
    static ShapingRules of(TrafficLimits defaults, Map<String, TrafficLimits> sections) {
        Map<String, ShapingSection> each = new LinkedHashMap<>();
        sections.forEach((name, limits) -> each.put(name, ShapingSection.of(name, limits)));
        return new ShapingRules(ShapingSection.of("default", defaults), each, Map.of());
    }
}
