package dev.penstock.config;

import java.util.Map;

/**
 * The shaping file: {@code [default]} and a section per domain or site.
 *
 * @param defaults what applies where nothing else is said
 * @param sections by domain, lower case, or by site name; a domain with a section of its own isn't rolled up with the
 *                 other domains of its hosts
 */
public record ShapingConfig(TrafficLimits defaults, Map<String, TrafficLimits> sections) {
    public static final ShapingConfig DEFAULT = new ShapingConfig(TrafficLimits.DEFAULT, Map.of());

    public ShapingConfig {
        sections = Map.copyOf(sections);
    }
}
