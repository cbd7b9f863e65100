package dev.penstock.config;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import dev.penstock.config.ValueType.Nested;

/**
 * The shaping file, put over those under it: {@code [default]}, a section per domain or site, and the providers.
 *
 * @param defaults what applies where nothing else is said
 * @param sections by domain, lower case, or by site name: what each says over {@code defaults}
 * @param providers in the order in which they are tried: the file's own, then the known ones
 * @param limits    that mail of a kind shares
 * @param rules     the same sections as they are written, and those of providers and sources
 * @param base      the files under it, lowest first
 */
public record ShapingConfig(TrafficLimits defaults, Map<String, TrafficLimits> sections,
        List<ProviderConfig> providers, List<LimitConfig> limits, ShapingRules rules, List<Path> base) {
    static final Table<ShapingConfig> TABLE = Table.of(ShapingConfig.class, ShapingConfig::new, "");
    static final Key<ShapingConfig, TrafficLimits> DEFAULTS = TABLE.key("default", ShapingConfig::defaults,
            Types.table(TrafficLimits.TABLE, TrafficLimits.DEFAULT), "What applies where no section says otherwise.");
    static final Key<ShapingConfig, Map<String, TrafficLimits>> SECTIONS = TABLE.key("", ShapingConfig::sections,
            Types.map(TrafficLimits.TABLE, (_, _) -> Map.of()),
            "A section for a domain and all others with the same MX hosts, or, with mx_rollup = false, for the domain "
                    + "alone; or for a site by its name. What it doesn't say is said by the section of its provider, then "
                    + "by [\"default\"]. Under sources.\"name\" it may say something else for one source.");
    static final Key<ShapingConfig, List<ProviderConfig>> PROVIDERS = TABLE.key("provider", ShapingConfig::providers,
            knownProviders(),
            "Who runs the hosts of many domains. Those that are known without being told are in providers.toml; a section "
                    + "of the same name takes the place of a known one.");

    static final Key<ShapingConfig, List<LimitConfig>> LIMITS = TABLE.key(LimitReader.LIMIT, ShapingConfig::limits,
            Types.list(LimitConfig.TABLE, List.of(), (file, _) -> LimitReader.read(List.of(file), List.of())),
            "A limit that all mail of a kind shares, told apart by any of source, pool, tenant, campaign, domain, site, "
                    + "provider and host.");

    public static final ShapingConfig DEFAULT = new ShapingConfig(TrafficLimits.DEFAULT, Map.of());

    /** With the providers that are known without being told. */
    public ShapingConfig(TrafficLimits defaults, Map<String, TrafficLimits> sections) {
        this(defaults, sections, PROVIDERS.fallback());
    }

    /** Of limits that are merged already; each section is for its domain alone, or for the site of its name. */
    public ShapingConfig(TrafficLimits defaults, Map<String, TrafficLimits> sections, List<ProviderConfig> providers) {
        this(defaults, sections, providers, List.of(), ShapingRules.of(defaults, sections), List.of());
    }

    public ShapingConfig {
        sections = Map.copyOf(sections);
        providers = List.copyOf(providers);
        limits = List.copyOf(limits);
        base = List.copyOf(base);
    }

    private static Nested<List<ProviderConfig>, ProviderConfig> knownProviders() {
        return new Nested<>(ProviderReader.shipped(), ProviderConfig.TABLE, ValueType.Nesting.MAP,
                (file, _, otherwise) -> ProviderReader.read(file, otherwise, (_, _) -> {}),
                providers -> providers.stream().collect(Collectors.toMap(provider -> ".\"" + provider.name() + "\"",
                        provider -> provider, (first, _) -> first, LinkedHashMap::new)));
    }

    private ShapingConfig(Values<ShapingConfig> values) {
        this(values.get(DEFAULTS), values.get(SECTIONS), values.get(PROVIDERS), values.get(LIMITS),
                ShapingRules.of(values.get(DEFAULTS), values.get(SECTIONS)), List.of());
    }
}
