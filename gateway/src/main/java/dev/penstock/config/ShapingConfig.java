package dev.penstock.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import dev.penstock.config.ValueType.Nested;

/**
 * The shaping file: {@code [default]}, a section per domain or site, and the providers.
 *
 * @param defaults what applies where nothing else is said
 * @param sections by domain, lower case, or by site name; a domain with a section of its own isn't rolled up with the
 *                 other domains of its hosts
 * @param providers in the order in which they are tried: the file's own, then the known ones
 */
public record ShapingConfig(TrafficLimits defaults, Map<String, TrafficLimits> sections,
        List<ProviderConfig> providers) {
    static final Table<ShapingConfig> TABLE = Table.of(ShapingConfig.class, ShapingConfig::new, "");
    static final Key<ShapingConfig, TrafficLimits> DEFAULTS = TABLE.key("default", ShapingConfig::defaults,
            Types.table(TrafficLimits.TABLE, TrafficLimits.DEFAULT), "What applies where no section says otherwise.");
    static final Key<ShapingConfig, Map<String, TrafficLimits>> SECTIONS = TABLE.key("", ShapingConfig::sections,
            Types.map(TrafficLimits.TABLE, (_, _) -> Map.of()),
            "A section for a domain, or for a site (domains with the same MX hosts). It starts from [\"default\"]. A "
                    + "domain with a section of its own is limited by itself, not together with the other domains of its "
                    + "hosts.");
    static final Key<ShapingConfig, List<ProviderConfig>> PROVIDERS = TABLE.key("provider", ShapingConfig::providers,
            knownProviders(),
            "Who runs the hosts of many domains. Those that are known without being told are in providers.toml; a section "
                    + "of the same name takes the place of a known one.");

    public static final ShapingConfig DEFAULT = new ShapingConfig(TrafficLimits.DEFAULT, Map.of());

    /** With the providers that are known without being told. */
    public ShapingConfig(TrafficLimits defaults, Map<String, TrafficLimits> sections) {
        this(defaults, sections, PROVIDERS.fallback());
    }

    public ShapingConfig {
        sections = Map.copyOf(sections);
        providers = List.copyOf(providers);
    }

    private static Nested<List<ProviderConfig>, ProviderConfig> knownProviders() {
        return new Nested<>(ProviderReader.shipped(), ProviderConfig.TABLE, ValueType.Nesting.MAP,
                (file, _, otherwise) -> ProviderReader.read(file, otherwise),
                providers -> providers.stream().collect(Collectors.toMap(provider -> ".\"" + provider.name() + "\"",
                        provider -> provider, (first, _) -> first, LinkedHashMap::new)));
    }

    private ShapingConfig(Values<ShapingConfig> values) {
        this(values.get(DEFAULTS), values.get(SECTIONS), values.get(PROVIDERS));
    }
}
