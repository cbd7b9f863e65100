package dev.penstock.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlTable;

import dev.penstock.config.ShapingLayer.Said;
import dev.penstock.config.ValueType.Plain;
import dev.penstock.units.Rate;

/**
 * Reads shaping files in KumoMTA's format, with the tables {@code [[limit]]} of our own, and puts them over one another
 * as KumoMTA does: of a key of a section the last file that says it holds. Confined to the thread that
 * reads the configuration.
 *
 * <p>A file that is in production with KumoMTA is taken as it is: keys of its that Penstock doesn't honour yet are
 * named in a warning each, and so are sections that can match nothing.
 */
public final class ShapingReader {
    private static final String DEFAULT_SECTION = "default";
    static final String PROVIDER = "provider";
    private static final String ENABLE_TLS = "enable_tls";
    private static final String MX_ROLLUP = "mx_rollup";
    static final String RECONNECT = "opportunistic_tls_reconnect_on_failed_handshake";
    static final String REPLACE_BASE = "replace_base";
    private static final String SOURCES = "sources";

    /** Its values of {@code enable_tls} (docs/reference/kumo/make_egress_path/enable_tls.md). */
    private static final List<String> KUMO_TLS = List.of("Opportunistic", "OpportunisticInsecure", "Required",
            "RequiredInsecure", "Disabled");

    /** KumoMTA's other keys of a section (its EgressPathConfig and shaping.rs), which are named and ignored. */
    static final Set<String> NOT_SUPPORTED = NoCounterpart.keys();

    /** Lowest first. */
    private final List<TableBinder> files;
    private final Map<String, RouteConfig> routes;
    private final Set<String> localDomains;
    private final Set<String> knownSources;
    /** Named limits of the file being read by key and name, as it has them first. */
    private final Map<String, Said> named = new HashMap<>();
    private final Written defaults = new Written();
    private final Map<String, Written> sections = new LinkedHashMap<>();
    private final Map<String, Written> providerSections = new LinkedHashMap<>();

    /** What the files say of one section, lowest first. */
    private static final class Written {
        private final List<ShapingSection> files = new ArrayList<>();

        /** @param replaces whether nothing that files below say counts */
        void add(int file, ShapingSection section, boolean replaces) {
            upTo(file);
            if (replaces) {
                files.replaceAll(_ -> ShapingSection.NONE);
            }
            files.add(section);
        }

        private void upTo(int count) {
            while (files.size() < count) {
                files.add(ShapingSection.NONE);
            }
        }

        /** What is said so far. */
        ShapingSection sofar() {
            return files.isEmpty() ? ShapingSection.NONE : ShapingSection.over(files);
        }

        ShapingSection of(int count) {
            upTo(count);
            return ShapingSection.over(files);
        }
    }

    private ShapingReader(List<TableBinder> files, Map<String, RouteConfig> routes, Set<String> localDomains,
            Set<String> knownSources) {
        this.files = files;
        this.routes = routes;
        this.localDomains = localDomains;
        this.knownSources = knownSources;
    }

    /** Keys of a section that say how others are meant. */
    static Table<TrafficLimits> furtherKeys() {
        Table<TrafficLimits> table = Table.of(TrafficLimits.class, TrafficLimits::new, "");
        table.key(REPLACE_BASE, _ -> false, Types.flag(false),
                "The section starts from the built-in limits instead of [\"default\"], the provider's section and what the "
                        + "files of gateway.shaping-base say of it.");
        table.key(MX_ROLLUP, _ -> true, Types.flag(true),
                "Whether the section is for all domains with the same MX hosts as its own, which are asked for in the "
                        + "DNS; else for its domain alone.");
        table.key(RECONNECT, _ -> false, Types.flag(false), "With it \"Opportunistic\" goes on in clear.");
        return table;
    }

    /** Whether it is a key of sections that an action can't set: it isn't of one path's {@link TrafficLimits}. */
    static boolean isOfSectionsAlone(String key) {
        return furtherKeys().keys().stream().anyMatch(each -> each.name().equals(key))
                || Stream.of(ShapingLimit.values()).anyMatch(each -> each.key().equals(key));
    }

    /**
     * Keys of limits that are shared, for documents and schema.
     *
     * @param ofProvider those that only a provider's section has, or those that any has
     */
    static Table<TrafficLimits> sharedKeys(boolean ofProvider) {
        Table<TrafficLimits> table = Table.of(TrafficLimits.class, TrafficLimits::new, "");
        Stream.of(ShapingLimit.values()).filter(limit -> limit.isOfProvider() == ofProvider).forEach(limit -> {
            boolean counts = limit.of() == ShapingLimit.Of.CONNECTIONS;
            if (limit.isNamed()) {
                table.key(limit.key(), _ -> Map.<String, Object>of(), new Plain<Map<String, Object>>(Map.of(),
                        (_, _, otherwise) -> otherwise, value -> value,
                        () -> Types.schema("object", "additionalProperties",
                                counts ? connectionLimit(1).schema() : rate().schema()),
                        counts ? "numbers by name" : "rates by name", false), limit.text());
            } else if (counts) {
                table.key(limit.key(), _ -> 1, Types.orNone(connectionLimit(1)), limit.text());
            } else {
                table.key(limit.key(), TrafficLimits::maxMessageRate, rate(), limit.text());
            }
        });
        return table;
    }

    /** Reads the shaping file alone, as {@code penstock shaping check} does. */
    public static Result read(Path path) {
        return read(List.of(), path);
    }

    /**
     * Likewise, over other files.
     *
     * @param base lowest first
     */
    public static Result read(List<Path> base, Path path) {
        List<Problem> errors = new ArrayList<>();
        List<Problem> warnings = new ArrayList<>();
        ShapingConfig config = read(base, new ConfigSource(path, errors, warnings, null), Map.of(), Set.of(),
                Set.of());
        return new Result(config, ConfigSource.inOrder(errors), ConfigSource.inOrder(warnings));
    }

    /**
     * What a reading gave.
     *
     * @param errors with any the configuration is not to be used
     */
    public record Result(ShapingConfig config, List<Problem> errors, List<Problem> warnings) {}

    /**
     * @param base         files under that one, lowest first
     * @param routes       whose {@code tls} comes before a section's
     * @param localDomains to whose stores no section says how TLS is used
     * @param knownSources that are configured; empty when that isn't known
     */
    static ShapingConfig read(List<Path> base, ConfigSource source, Map<String, RouteConfig> routes,
            Set<String> localDomains, Set<String> knownSources) {
        List<TableBinder> files = Stream
                .concat(base.stream().map(file -> source.unplaced(file).parseWritten()),
                        Stream.of(source.parseWritten()))
                .toList();
        return new ShapingReader(files, routes, localDomains, knownSources).read(base);
    }

    private ShapingConfig read(List<Path> base) {
        List<ProviderConfig> shipped = ShapingConfig.DEFAULT.providers();
        List<ProviderConfig> ofFiles = List.of();
        for (int i = 0; i < files.size(); i++) {
            named.clear();
            ofFiles = read(i, ofFiles, shipped);
        }
        List<ProviderConfig> providers = ProviderReader.over(ofFiles, shipped);
        ShapingSection ofAll = defaults.of(files.size());
        Map<String, TrafficLimits> limits = new LinkedHashMap<>();
        Map<String, ShapingSection> merged = merged(sections);
        merged.forEach((name, section) -> limits.put(name,
                merged(Stream.concat(ofAll.layers().stream(), section.layers().stream()).toList())));
        ShapingRules rules = new ShapingRules(ofAll, merged, merged(providerSections));
        List<LimitConfig> shared = LimitReader.read(files, providers.stream().map(ProviderConfig::name).toList());
        below(rules);
        return new ShapingConfig(merged(ofAll.layers()), limits, providers, shared, rules, base);
    }

    /**
     * Reads one of the files.
     *
     * @param below providers of the files below
     * @return those and its own
     */
    private List<ProviderConfig> read(int index, List<ProviderConfig> below, List<ProviderConfig> shipped) {
        TableBinder file = files.get(index);
        TableBinder defaultTable = file.table(DEFAULT_SECTION);
        for (String key : index == 0 ? List.of(MX_ROLLUP, REPLACE_BASE, SOURCES) : List.of(MX_ROLLUP, SOURCES)) {
            defaultTable.ignore(key, "has no meaning in [\"default\"], which is for all domains and sources");
        }
        boolean replaces = index > 0 && defaultTable.flag(REPLACE_BASE, false);
        List<ShapingLayer> soFar = replaces ? List.of() : defaults.sofar().layers();
        defaults.add(index, section(defaultTable, DEFAULT_SECTION, false, true, soFar), replaces);
        List<ShapingLayer> base = defaults.sofar().layers();
        List<ProviderConfig> providers = ProviderReader.read(file, below, shipped, (table, name) -> {
            Written written = providerSections.computeIfAbsent(name, _ -> new Written());
            boolean alone = table.flag(REPLACE_BASE, false);
            written.add(index, section(table, name, true, true, alone ? base : over(base, written)), alone);
        });
        for (String name : file.keys()) {
            if (!name.equals(DEFAULT_SECTION) && !name.equals(PROVIDER) && !name.equals(LimitReader.LIMIT)) {
                named(index, name, base);
            }
        }
        return providers;
    }

    private static List<ShapingLayer> over(List<ShapingLayer> base, Written written) {
        return Stream.concat(base.stream(), written.sofar().layers().stream()).toList();
    }

    private Map<String, ShapingSection> merged(Map<String, Written> written) {
        Map<String, ShapingSection> merged = new LinkedHashMap<>();
        written.forEach((name, each) -> merged.put(name, each.of(files.size())));
        return merged;
    }

    /** Notes where what the files under the highest say is written. */
    private void below(ShapingRules rules) {
        if (files.size() > 1) {
            below(DEFAULT_SECTION, rules.defaults());
            rules.sections().forEach((name, section) -> below('"' + name + '"', section));
        }
    }

    private void below(String table, ShapingSection section) {
        ShapingLayer layer = section.layer();
        if (layer.replacesBase()) {
            files.getLast().isBelow(table, REPLACE_BASE, layer.place());
        }
        layer.said().forEach((key, said) -> files.getLast().isBelow(table, key, said.place()));
    }

    private void named(int index, String name, List<ShapingLayer> base) {
        TableBinder file = files.get(index);
        if (!file.hasTable(name)) {
            String nearest = Nearest.to(name, Set.of(DEFAULT_SECTION, PROVIDER));
            file.reject(name, "keys belong into a section: [\"default\"] or [\"example.com\"]"
                    + (nearest == null ? "" : "; did you mean the section " + nearest + "?"));
            return;
        }
        TableBinder table = file.table(name);
        if (!name.contains(".") && table.holdsOnlyTables() && table.isWithout(SOURCES)) {
            file.reject(name, "a domain as section name needs quotes: [\"" + name + "."
                    + table.keys().iterator().next() + "\"]");
            return;
        }
        SectionName meant = SectionName.of(name);
        String key = meant.matches();
        Written written = key.isEmpty() ? new Written() : sections.getOrDefault(key, new Written());
        boolean alone = table.flag(REPLACE_BASE, false);
        boolean rollsUp = alone || written.files.isEmpty() || written.sofar().rollsUp();
        ShapingSection section = section(table, key, false, rollsUp, alone ? base : over(base, written));
        if (!meant.doubt().isEmpty()) {
            file.warn(name, meant.doubt());
        }
        if (key.isEmpty()) {
            return;
        }
        file.means(name, key);
        tlsElsewhere(table, key);
        if (!section.isDomain() && table.has(MX_ROLLUP)) {
            table.warn(MX_ROLLUP, "has no effect: the section is named by a site");
        }
        if (!rollsUp && !table.has(MX_ROLLUP)) {
            file.warn(name, "is for its domain alone, as mx_rollup = false has it in the section at "
                    + written.sofar().layer().place() + "; KumoMTA wants that said in each file");
        }
        if (written.files.size() > index) {
            file.reject(name, "there is a section of this name in another spelling already");
            return;
        }
        written.add(index, section, alone);
        sections.put(key, written);
    }

    private static TrafficLimits merged(List<ShapingLayer> layers) {
        ShapingLayers merged = new ShapingLayers();
        layers.forEach(merged::put);
        return merged.limits();
    }

    /**
     * @param rollUp unless the table says otherwise
     * @param base   what it is put over, to judge TLS by
     */
    private ShapingSection section(TableBinder table, String name, boolean ofProvider, boolean rollUp,
            List<ShapingLayer> base) {
        boolean replaces = !ofProvider && !name.equals(DEFAULT_SECTION) && table.flag(REPLACE_BASE, false);
        boolean rollsUp = table.flag(MX_ROLLUP, rollUp);
        if (ofProvider) {
            table.ignore(MX_ROLLUP, "has no meaning in a provider's section");
        }
        ShapingLayer layer = layer(table, "[" + table.path() + "]", replaces, ofProvider, base);
        Map<String, ShapingLayer> sources = new LinkedHashMap<>();
        if (table.hasTable(SOURCES) && !name.equals(DEFAULT_SECTION)) {
            TableBinder each = table.table(SOURCES);
            for (String source : each.keys()) {
                if (!each.hasTable(source)) {
                    each.reject(source, "expected a section per source: [" + table.path() + ".sources.\"ip-1\"]");
                    continue;
                }
                TableBinder overlay = each.table(source);
                sources.put(source,
                        layer(overlay, "[" + overlay.path() + "]", false, ofProvider,
                                Stream.concat(base.stream(), Stream.of(layer)).toList()));
                overlay.end();
                if (!knownSources.isEmpty() && !knownSources.contains(source)) {
                    String nearest = Nearest.to(source, knownSources);
                    each.warn(source, "there is no source of this name" + (nearest == null
                            ? ""
                            : "; did you mean \"" + nearest + "\"?"));
                }
            }
        } else if (table.has(SOURCES) && !name.equals(DEFAULT_SECTION)) {
            table.reject(SOURCES, "expected a section per source: [" + table.path() + ".sources.\"ip-1\"]");
        }
        List<AutomationRule> automation = AutomationReader.read(table);
        if (!ofProvider) {
            table.end();
        }
        return new ShapingSection(name, !ofProvider && isDomain(name), rollsUp, layer, sources, automation);
    }

    static boolean isDomain(String name) {
        try {
            return !name.isEmpty() && Syntax.domain(name).equals(name);
        } catch (IllegalArgumentException _) {
            return false;
        }
    }

    /** What a table says, key by key; its keys but these are asked for by others. */
    private ShapingLayer layer(TableBinder table, String name, boolean replaces, boolean ofProvider,
            List<ShapingLayer> base) {
        Map<String, Said> said = new LinkedHashMap<>();
        TrafficLimits.TABLE.keys().stream().filter(key -> key != TrafficLimits.ENABLE_TLS)
                .forEach(key -> say(table, key, said));
        String tls = table.text(ENABLE_TLS, "", "a text in quotes", ShapingReader::kumoTls);
        if (table.has(ENABLE_TLS)) {
            said.put(ENABLE_TLS, new Said(tls, TomlText.of(tls), table.place(ENABLE_TLS)));
        }
        boolean reconnects = table.flag(RECONNECT, false);
        if (table.has(RECONNECT)) {
            said.put(RECONNECT, new Said(reconnects, String.valueOf(reconnects), table.place(RECONNECT)));
        }
        for (ShapingLimit limit : ShapingLimit.values()) {
            if (ofProvider || !limit.isOfProvider()) {
                limit(table, limit, said);
            }
        }
        for (String key : table.keys()) {
            if (NOT_SUPPORTED.contains(key)) {
                table.ignore(key, NoCounterpart.why(key));
            }
        }
        ShapingLayer layer = new ShapingLayer(name, table.place(), replaces, said);
        checkMerged(table, base, layer);
        return layer;
    }

    /** Rules across keys, of which some may be of the layers below. */
    private static void checkMerged(TableBinder table, List<ShapingLayer> base, ShapingLayer layer) {
        ShapingLayers merged = new ShapingLayers();
        base.forEach(merged::put);
        merged.put(layer);
        PathTypes.check(table, merged.limits());
        if (table.has(ENABLE_TLS) && merged.limits().enableTls() == TlsPolicy.OPPORTUNISTIC_VERIFIED) {
            table.warn(ENABLE_TLS,
                    "means what it does to KumoMTA: a host that offers TLS and has no certificate for its "
                            + "name gets no mail; \"OpportunisticInsecure\" is what others call opportunistic");
        }
    }

    private static <T> void say(TableBinder table, Key<TrafficLimits, T> key, Map<String, Said> said) {
        T value = key.read(table, key.fallback());
        if (table.has(key.name())) {
            said.put(key.name(), new Said(value, ShapingLayer.text(key, value), table.place(key.name())));
        }
    }

    private void limit(TableBinder table, ShapingLimit limit, Map<String, Said> said) {
        if (!limit.isNamed()) {
            limit(table, limit.key(), limit, said, limit.key());
            return;
        }
        Object written = table.written(limit.key());
        if (written == null || !table.hasTable(limit.key())) {
            if (written != null) {
                table.reject(limit.key(), "expected limits by name, like { \"daily\" = "
                        + (limit.of() == ShapingLimit.Of.CONNECTIONS ? "100" : "\"1000/day\"") + " }, found "
                        + TableBinder.typeName(written));
            }
            return;
        }
        TableBinder limits = table.table(limit.key());
        for (String name : limits.keys()) {
            String key = limit.key() + "." + name;
            limit(limits, name, limit, said, key);
            Said now = said.get(key);
            Said first = now == null ? null : named.putIfAbsent(key, now);
            if (now != null && first != null && !first.text().equals(now.text())) {
                limits.warn(name, "is " + now.text() + " here and " + first.text() + " at " + first.place()
                        + ": what has the one limit and what has the other is counted apart");
            }
        }
    }

    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    private static void limit(TableBinder table, String key, ShapingLimit limit, Map<String, Said> said, String as) {
        if (table.written(key) == null) {
            return;
        }
        if (limit.of() == ShapingLimit.Of.CONNECTIONS) {
            int count = readConnectionLimit(table, key, 0);
            if (count > 0) {
                said.put(as, new Said(count, String.valueOf(count), table.place(key)));
            }
            return;
        }
        Rate rate = rate().read(table, key, null);
        said.put(as, new Said(rate, rate == null ? "\"none\"" : TomlText.of(rate.toString()), table.place(key)));
    }

    private void tlsElsewhere(TableBinder table, String domain) {
        RouteConfig route = routes.get(domain);
        if (!table.has(ENABLE_TLS)) {
            return;
        }
        if (route != null && route.tls() != null) {
            table.warn(ENABLE_TLS, "has no effect: the domain's route says tls = \"" + route.tls() + '"');
        } else if (localDomains.contains(domain)) {
            table.warn(ENABLE_TLS, "has no effect on a local domain; delivery.tls decides");
        }
    }

    /** Why {@code name} can't be set to that value by an automation rule; empty when it can. */
    static String wrongWith(String name, Object value) {
        if (value instanceof TomlTable || value instanceof TomlArray) {
            return name + ": expected a text, a number, true or false, found " + TableBinder.typeName(value);
        }
        List<Problem> errors = new ArrayList<>();
        set(TrafficLimits.DEFAULT, name, value, errors);
        return errors.stream().findFirst().map(problem -> problem.key() + ": " + problem.message()).orElse("");
    }

    /** As {@link AutomationRule.Action.Set#in} does. */
    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    static TrafficLimits set(TrafficLimits limits, String name, Object value, List<Problem> errors) {
        ConfigSource source = new ConfigSource(Path.of(""), errors, new ArrayList<>(), null);
        TableBinder table = source.parse(TomlText.of(name) + " = " + TomlText.of(value));
        if (name.equals(ENABLE_TLS)) {
            TlsPolicy policy = enableTls().read(table, name, null);
            table.end();
            return limits.with(TrafficLimits.ENABLE_TLS, policy);
        }
        TrafficLimits changed = TrafficLimits.TABLE.readKeys(table, limits);
        table.end();
        return changed;
    }

    private static String kumoTls(String text) {
        if (!text.isEmpty() && !KUMO_TLS.contains(text)) {
            throw new IllegalArgumentException("unknown; allowed: " + String.join(", ", KUMO_TLS)
                    + ", or \"\" for what delivery.tls says");
        }
        return text;
    }

    /**
     * KumoMTA's words in ours. Its Opportunistic never goes on in clear with a host that offers TLS, unless one of the
     * two keys is there that have it do so.
     */
    static @Nullable TlsPolicy policy(String enableTls, boolean goesOnInClear) {
        return switch (enableTls) {
            case "Disabled" -> TlsPolicy.NONE;
            case "Opportunistic" -> goesOnInClear ? TlsPolicy.OPPORTUNISTIC : TlsPolicy.OPPORTUNISTIC_VERIFIED;
            case "OpportunisticInsecure" -> TlsPolicy.OPPORTUNISTIC;
            case "Required" -> TlsPolicy.VERIFIED;
            case "RequiredInsecure" -> TlsPolicy.REQUIRED;
            default -> null;
        };
    }

    /** Named by its path, which is in force as what the file says. */
    static Plain<ShapingConfig> file() {
        return new Plain<>(ShapingConfig.DEFAULT, (_, _, otherwise) -> otherwise, _ -> "", () -> Types.schema("string"),
                "",
                false);
    }

    static Plain<List<Path>> base() {
        return new Plain<>(List.of(), (table, key, otherwise) -> table.list(key, otherwise, TableBinder::existingFile),
                files -> files.stream().map(Path::toString).toList(),
                () -> Types.schema("array", "items", Types.schema("string", "minLength", 1), "uniqueItems", true),
                "array of paths", false);
    }

    static Plain<Integer> connectionLimit(int fallback) {
        return new Plain<>(fallback, ShapingReader::readConnectionLimit, Integer::longValue,
                () -> Types.schema("integer", "minimum", 1, "maximum", TrafficLimits.MAX_COUNT),
                "1 to " + TrafficLimits.MAX_COUNT, false)
                .allowing("1 to " + TrafficLimits.MAX_COUNT, "type", List.of("integer", "string"))
                .allowing("1 to " + TrafficLimits.MAX_COUNT, "pattern", "^(local:)?[1-9]\\d{0,5}$");
    }

    /** A number, or KumoMTA's {@code "local:10"}: every limit here is this node's own. */
    private static int readConnectionLimit(TableBinder section, String key, int fallback) {
        if (!section.isText(key)) {
            return section.integer(key, fallback, 1, TrafficLimits.MAX_COUNT);
        }
        return section.text(key, fallback, "a number", text -> {
            String number = withoutScope(text);
            if (!number.matches("[1-9]\\d{0,5}")) {
                throw new IllegalArgumentException("expected a whole number from 1 to " + TrafficLimits.MAX_COUNT);
            }
            return Integer.parseInt(number);
        });
    }

    /** A rate, or {@code "none"}, which lifts the limit of {@code [default]} (KumoMTA has no word for that). */
    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    static Plain<@Nullable Rate> rate() {
        return new Plain<>(null, (section, key, fallback) -> section.text(key, Optional.ofNullable(fallback),
                "a rate in quotes, like \"100/s\", or \"none\"",
                text -> text.equals("none") ? Optional.<Rate>empty() : Optional.of(Rate.parse(withoutScope(text))))
                .orElse(null), rate -> rate == null ? "none" : rate.toString(),
                () -> Types.schema("string", "pattern", Patterns.rate("(local:\\s*)?")), "a rate or \"none\"", false);
    }

    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    static Plain<@Nullable TlsPolicy> enableTls() {
        List<String> words = new ArrayList<>(KUMO_TLS);
        words.addFirst("");
        return new Plain<>(null, (section, key, fallback) -> section.text(key, Optional.ofNullable(fallback),
                "a text in quotes", text -> Optional.ofNullable(policy(kumoTls(text), false))).orElse(null),
                ShapingReader::kumoWord, () -> Types.schema("string", "enum", words), Types.quoted(words), false);
    }

    private static String kumoWord(@Nullable TlsPolicy policy) {
        return switch (policy) {
            case null -> "";
            case NONE -> "Disabled";
            case OPPORTUNISTIC, DANE -> "OpportunisticInsecure"; // no file says DANE here
            case OPPORTUNISTIC_VERIFIED -> "Opportunistic";
            case REQUIRED -> "RequiredInsecure";
            case VERIFIED -> "Required";
        };
    }

    static String withoutScope(String text) {
        return text.startsWith("local:") ? text.substring("local:".length()) : text;
    }
}
