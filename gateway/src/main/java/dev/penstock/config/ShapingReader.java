package dev.penstock.config;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * Reads a shaping file in KumoMTA's format. Confined to the thread that reads the configuration.
 *
 * <p>A file that is in production with KumoMTA is taken as it is: keys of its that Penstock doesn't honour yet are
 * named in a warning each. What would be dangerous to ignore, a demand for TLS, is an error.
 */
final class ShapingReader {
    private static final String DEFAULT_SECTION = "default";
    private static final int MAX_COUNT = 1_000_000;

    /** KumoMTA's other keys of a section (its EgressPathConfig and shaping.rs). */
    private static final Set<String> NOT_SUPPORTED = Set.of("additional_connection_limits",
            "additional_message_rate_throttles", "source_selection_rate", "additional_source_selection_rates",
            "max_recipients_per_batch", "max_ready", "enable_mta_sts", "enable_dane", "remember_broken_tls",
            "opportunistic_tls_reconnect_on_failed_handshake", "tls_prefer_openssl", "openssl_cipher_list",
            "openssl_cipher_suites", "openssl_options", "rustls_cipher_suites", "tls_certificate", "tls_private_key",
            "smtp_port", "smtp_auth_plain_username", "smtp_auth_plain_password", "allow_smtp_auth_plain_without_tls",
            "allow_smtp_auth_plain_without_valid_certificate", "ehlo_domain", "enable_pipelining", "enable_rset",
            "use_lmtp", "reconnect_strategy", "try_next_host_on_transport_error", "ip_lookup_strategy",
            "prohibited_hosts", "skip_hosts", "connect_timeout", "banner_timeout", "ehlo_timeout",
            "mail_from_timeout", "rcpt_to_timeout", "data_timeout", "data_dot_timeout", "rset_timeout",
            "starttls_timeout", "auth_timeout", "system_shutdown_timeout", "refresh_interval", "refresh_strategy",
            "dispatcher_wakeup_strategy", "maintainer_wakeup_strategy", "low_memory_reduction_policy",
            "no_memory_reduction_policy", "readyq_pool_name", "provider_name", "ignore_8bit_checks",
            "aggressive_connection_opening", "dispatcher_progress_watchdog_timeout", "sources", "automation");

    private ShapingReader() {}

    static ShapingConfig read(ConfigSource source) {
        TableBinder file = source.parse();
        TrafficLimits defaults = limits(file.table(DEFAULT_SECTION), TrafficLimits.DEFAULT);
        file.ignore("provider", "provider sections are not supported yet and are ignored; "
                + "domains that share their MX hosts are grouped by themselves, and a section may be named after a domain");
        Map<String, TrafficLimits> sections = new LinkedHashMap<>();
        for (String name : file.keys()) {
            if (name.equals(DEFAULT_SECTION) || name.equals("provider")) {
                continue;
            }
            if (!file.hasTable(name)) {
                String nearest = Nearest.to(name, Set.of(DEFAULT_SECTION, "provider"));
                file.reject(name, "keys belong into a section: [\"default\"] or [\"example.com\"]"
                        + (nearest == null ? "" : "; did you mean the section " + nearest + "?"));
                continue;
            }
            TableBinder section = file.table(name);
            if (!name.contains(".") && section.holdsOnlyTables()) {
                file.reject(name, "a domain as section name needs quotes: [\"" + name + "."
                        + section.keys().iterator().next() + "\"]");
                continue;
            }
            if (!name.contains(".")) {
                file.warn(name, "the section's name has no dot, so it matches no usual domain; is a domain meant?");
            }
            TrafficLimits limits = limits(section,
                    section.flag("replace_base", false) ? TrafficLimits.DEFAULT : defaults);
            if (sections.put(name.toLowerCase(Locale.ROOT), limits) != null) {
                file.reject(name, "there is a section of this name in other letter case already");
            }
        }
        return new ShapingConfig(defaults, sections);
    }

    private static TrafficLimits limits(TableBinder section, TrafficLimits base) {
        section.flag("replace_base", false);
        if (section.flag("mx_rollup", false)) {
            section.warn("mx_rollup", "a section applies to its own domain or site only; true is not supported yet");
        }
        String tls = section.text("enable_tls", "", "a text", text -> text);
        switch (tls) {
            case "" -> {
            }
            case "Disabled" -> {
            }
            case "Opportunistic", "OpportunisticInsecure" ->
                section.warn("enable_tls", "TLS to other hosts is not supported yet; mail is sent without it");
            case "Required", "RequiredInsecure" ->
                section.reject("enable_tls", "TLS to other hosts is not supported yet, so \"" + tls
                        + "\" can't be kept; allowed: \"Opportunistic\", \"Disabled\"");
            default -> section.reject("enable_tls", '"' + tls + "\" is unknown; allowed: Opportunistic, "
                    + "OpportunisticInsecure, Required, RequiredInsecure, Disabled");
        }
        TrafficLimits limits = new TrafficLimits(
                connectionLimit(section, base.connectionLimit()),
                rate(section, "max_message_rate", base.maxMessageRate()),
                rate(section, "max_connection_rate", base.maxConnectionRate()),
                section.integer("max_deliveries_per_connection", base.maxDeliveriesPerConnection(), 1, MAX_COUNT),
                section.duration("idle_timeout", base.idleTimeout(), Duration.ZERO, Duration.ofHours(1)),
                section.duration("max_connection_age", base.maxConnectionAge(), Duration.ofSeconds(1),
                        Duration.ofDays(1)),
                section.integer("consecutive_connection_failures_before_delay",
                        base.consecutiveConnectionFailuresBeforeDelay(), 1, MAX_COUNT));
        for (String key : section.keys()) {
            if (NOT_SUPPORTED.contains(key)) {
                section.ignore(key, "KumoMTA's key is not supported yet and is ignored");
            }
        }
        section.end();
        return limits;
    }

    /** A number, or KumoMTA's {@code "local:10"}: every limit here is this node's own. */
    private static int connectionLimit(TableBinder section, int fallback) {
        String key = "connection_limit";
        if (!section.isText(key)) {
            return section.integer(key, fallback, 1, MAX_COUNT);
        }
        return section.text(key, fallback, "a number", text -> {
            String number = withoutScope(text);
            if (!number.matches("[1-9]\\d{0,5}")) {
                throw new IllegalArgumentException("expected a whole number from 1 to " + MAX_COUNT);
            }
            return Integer.parseInt(number);
        });
    }

    /** A rate, or {@code "none"}, which lifts the limit of {@code [default]} (KumoMTA has no word for that). */
    private static @Nullable Rate rate(TableBinder section, String key, @Nullable Rate fallback) {
        Optional<Rate> rate = section.text(key, Optional.ofNullable(fallback),
                "a rate in quotes, like \"100/s\", or \"none\"",
                text -> text.equals("none") ? Optional.empty() : Optional.of(Rate.parse(withoutScope(text))));
        return rate.orElse(null);
    }

    private static String withoutScope(String text) {
        return text.startsWith("local:") ? text.substring("local:".length()) : text;
    }
}
