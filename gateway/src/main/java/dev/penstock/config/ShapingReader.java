package dev.penstock.config;

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

import dev.penstock.config.ValueType.Plain;
import dev.penstock.units.Rate;

/**
 * Reads a shaping file in KumoMTA's format. Confined to the thread that reads the configuration.
 *
 * <p>A file that is in production with KumoMTA is taken as it is: keys of its that Penstock doesn't honour yet are
 * named in a warning each, so are demands for TLS in sections that it doesn't honour, and sections that can match
 * nothing.
 */
final class ShapingReader {
    private static final String DEFAULT_SECTION = "default";
    static final String PROVIDER = "provider";
    private static final String ENABLE_TLS = "enable_tls";
    private static final String MX_ROLLUP = "mx_rollup";
    private static final String RECONNECT = "opportunistic_tls_reconnect_on_failed_handshake";
    static final String REPLACE_BASE = "replace_base";

    /** Its values of {@code enable_tls} (docs/reference/kumo/make_egress_path/enable_tls.md). */
    private static final List<String> KUMO_TLS = List.of("Opportunistic", "OpportunisticInsecure", "Required",
            "RequiredInsecure", "Disabled");

    /** Domains whose MX hosts take the mail of other domains too, and who runs them. */
    private static final Map<String, String> SHARED_PROVIDERS = sharedProviders();

    /** KumoMTA's other keys of a section (its EgressPathConfig and shaping.rs). */
    static final Set<String> NOT_SUPPORTED = Stream.concat(NoCounterpart.keys().stream(),
            Stream.of("additional_connection_limits", "additional_message_rate_throttles", "source_selection_rate",
                    "additional_source_selection_rates", "sources", "automation"))
            .collect(Collectors.toUnmodifiableSet());

    private ShapingReader() {}

    /** Whether a section may have it, honoured or not. */
    static boolean isKey(String key) {
        return NOT_SUPPORTED.contains(key)
                || Stream.of(TrafficLimits.TABLE, furtherKeys()).flatMap(table -> table.keys().stream())
                        .anyMatch(known -> known.name().equals(key));
    }

    /** Keys of a section that say how others are meant. */
    static Table<TrafficLimits> furtherKeys() {
        Table<TrafficLimits> table = Table.of(TrafficLimits.class, TrafficLimits::new, "");
        table.key(REPLACE_BASE, _ -> false, Types.flag(false),
                "The section starts from the built-in limits instead of [\"default\"].");
        table.key(MX_ROLLUP, _ -> false, Types.flag(false),
                "Only false is honoured: a section is for its own domain or site.");
        table.key(RECONNECT, _ -> false, Types.flag(false), "With it \"Opportunistic\" goes on in clear.");
        return table;
    }

    private static Map<String, String> sharedProviders() {
        Map<String, String> providers = new HashMap<>();
        Map.of("Google", List.of("gmail.com", "googlemail.com"),
                "Microsoft", List.of("outlook.com", "hotmail.com", "live.com", "msn.com"),
                "Yahoo", List.of("yahoo.com", "ymail.com", "rocketmail.com", "aol.com"),
                "Apple", List.of("icloud.com", "me.com", "mac.com"),
                "GMX", List.of("gmx.net", "gmx.de", "gmx.com"),
                "VK", List.of("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
                "Yandex", List.of("yandex.ru", "yandex.com"),
                "Tencent", List.of("qq.com", "foxmail.com"),
                "Zoho", List.of("zoho.com"),
                "Proton", List.of("proton.me", "protonmail.com"))
                .forEach((provider, domains) -> domains.forEach(domain -> providers.put(domain, provider)));
        return Map.copyOf(providers);
    }

    /**
     * @param routes       whose {@code tls} comes before a section's
     * @param localDomains to whose stores no section says how TLS is used
     */
    static ShapingConfig read(ConfigSource source, Map<String, RouteConfig> routes, Set<String> localDomains) {
        TableBinder file = source.parseWritten();
        Section defaults = section(file.table(DEFAULT_SECTION), Section.DEFAULT);
        List<ProviderConfig> providers = ProviderReader.read(file, ShapingConfig.DEFAULT.providers());
        Map<String, TrafficLimits> sections = new LinkedHashMap<>();
        for (String name : file.keys()) {
            if (name.equals(DEFAULT_SECTION) || name.equals(PROVIDER)) {
                continue;
            }
            if (!file.hasTable(name)) {
                String nearest = Nearest.to(name, Set.of(DEFAULT_SECTION, PROVIDER));
                file.reject(name, "keys belong into a section: [\"default\"] or [\"example.com\"]"
                        + (nearest == null ? "" : "; did you mean the section " + nearest + "?"));
                continue;
            }
            TableBinder table = file.table(name);
            if (!name.contains(".") && table.holdsOnlyTables()) {
                file.reject(name, "a domain as section name needs quotes: [\"" + name + "."
                        + table.keys().iterator().next() + "\"]");
                continue;
            }
            Section section = section(table, table.flag(REPLACE_BASE, false) ? Section.DEFAULT : defaults);
            SectionName meant = SectionName.of(name);
            if (!meant.doubt().isEmpty()) {
                file.warn(name, meant.doubt());
            }
            if (meant.matches().isEmpty()) {
                continue;
            }
            String key = meant.matches();
            file.means(name, key);
            coverage(file, name, key, table);
            tlsElsewhere(table, key, routes, localDomains);
            if (sections.put(key, section.limits()) != null) {
                file.reject(name, "there is a section of this name in another spelling already");
            }
        }
        return new ShapingConfig(defaults.limits(), sections, providers);
    }

    /** What a section says, or inherits: its limits, and of TLS what further sections start from. */
    private record Section(TrafficLimits limits, String enableTls, boolean goesOnInClear) {
        static final Section DEFAULT = new Section(TrafficLimits.DEFAULT, "", false);
    }

    /** A demand for TLS must not pass unseen among what is ignored. */
    static void warnOfTls(TableBinder ignored, String what) {
        String tls = ignored.text(ENABLE_TLS, "", "a text", text -> text);
        if (tls.startsWith("Required")) {
            ignored.warn(ENABLE_TLS, "in " + what + ", which is ignored, so \"" + tls + "\" isn't kept there; "
                    + "say it in [\"default\"] or in a section per domain");
        }
    }

    /** KumoMTA's section is for all domains with the same MX hosts, unless it says otherwise. */
    private static void coverage(TableBinder file, String name, String domain, TableBinder table) {
        boolean rollup = table.flag(MX_ROLLUP, false);
        String provider = SHARED_PROVIDERS.get(domain);
        if (rollup || !table.has(MX_ROLLUP) && provider != null) {
            String message = "covers " + domain + " alone; other domains with the same MX hosts"
                    + (provider == null ? "" : ", those of " + provider + "'s customers too,")
                    + " have the limits of [\"default\"] or of a section named by the site, as the delivery log names it";
            if (rollup) {
                table.warn(MX_ROLLUP, "true is not supported yet: the section " + message);
            } else {
                file.warn(name, message + "; mx_rollup = false says so without this warning");
            }
        }
    }

    private static void tlsElsewhere(TableBinder table, String domain, Map<String, RouteConfig> routes,
            Set<String> localDomains) {
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

    private static Section section(TableBinder section, Section base) {
        section.flag(REPLACE_BASE, false);
        section.flag(MX_ROLLUP, false);
        String enableTls = section.text(ENABLE_TLS, base.enableTls(), "a text in quotes", ShapingReader::kumoTls);
        boolean goesOnInClear = base.goesOnInClear();
        goesOnInClear |= section.says(TrafficLimits.REMEMBER_BROKEN_TLS.name());
        goesOnInClear = section.flag(RECONNECT, goesOnInClear);
        if (section.has(ENABLE_TLS) && policy(enableTls, goesOnInClear) == TlsPolicy.OPPORTUNISTIC_VERIFIED) {
            section.warn(ENABLE_TLS,
                    "means what it does to KumoMTA: a host that offers TLS and has no certificate for its "
                            + "name gets no mail; \"OpportunisticInsecure\" is what others call opportunistic");
        }
        if (section.hasTable("sources")) {
            TableBinder sources = section.table("sources");
            for (String name : sources.keys()) {
                if (sources.hasTable(name)) {
                    warnOfTls(sources.table(name), "a section of a source");
                }
            }
        }
        TrafficLimits limits = limits(section, base.limits(), policy(enableTls, goesOnInClear));
        return new Section(limits, enableTls, goesOnInClear);
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
    private static @Nullable TlsPolicy policy(String enableTls, boolean goesOnInClear) {
        return switch (enableTls) {
            case "Disabled" -> TlsPolicy.NONE;
            case "Opportunistic" -> goesOnInClear ? TlsPolicy.OPPORTUNISTIC : TlsPolicy.OPPORTUNISTIC_VERIFIED;
            case "OpportunisticInsecure" -> TlsPolicy.OPPORTUNISTIC;
            case "Required" -> TlsPolicy.VERIFIED;
            case "RequiredInsecure" -> TlsPolicy.REQUIRED;
            default -> null;
        };
    }

    private static TrafficLimits limits(TableBinder section, TrafficLimits base, @Nullable TlsPolicy tls) {
        TrafficLimits limits = TrafficLimits.TABLE.readKeys(section, base).with(TrafficLimits.ENABLE_TLS, tls);
        for (String key : section.keys()) {
            if (NOT_SUPPORTED.contains(key)) {
                section.ignore(key, NoCounterpart.keys().contains(key)
                        ? NoCounterpart.why(key)
                        : "KumoMTA's key is not supported yet and is ignored");
            }
        }
        PathTypes.check(section, limits);
        section.end();
        return limits;
    }

    /** Named by its path, which is in force as what the file says. */
    static Plain<ShapingConfig> file() {
        return new Plain<>(ShapingConfig.DEFAULT, (_, _, otherwise) -> otherwise, _ -> "", () -> Types.schema("string"),
                "",
                false);
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

    private static String withoutScope(String text) {
        return text.startsWith("local:") ? text.substring("local:".length()) : text;
    }
}
