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
    static final Table<ShapingConfig> TABLE = Table.of(ShapingConfig.class, ShapingConfig::new, "");
    static final Key<ShapingConfig, TrafficLimits> DEFAULTS = TABLE.key("default", ShapingConfig::defaults,
            Types.table(TrafficLimits.TABLE, TrafficLimits.DEFAULT), "What applies where no section says otherwise.");
    static final Key<ShapingConfig, Map<String, TrafficLimits>> SECTIONS = TABLE.key("", ShapingConfig::sections,
            Types.map(TrafficLimits.TABLE, (_, _) -> Map.of()),
            "A section for a domain, or for a site (domains with the same MX hosts). It starts from [\"default\"]. A "
                    + "domain with a section of its own is limited by itself, not together with the other domains of its "
                    + "hosts.");

    public static final ShapingConfig DEFAULT = new ShapingConfig(TrafficLimits.DEFAULT, Map.of());

    public ShapingConfig {
        sections = Map.copyOf(sections);
    }

    private ShapingConfig(Values<ShapingConfig> values) {
        this(values.get(DEFAULTS), values.get(SECTIONS));
    }
}
