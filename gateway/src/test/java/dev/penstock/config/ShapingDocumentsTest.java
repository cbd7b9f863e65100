package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tomlj.Toml;
import org.tomlj.TomlTable;

import dev.penstock.config.ConfigReader.Valid;

/**
 * The files and documents that tell of providers and of KumoMTA's keys against what the code knows. With the system
 * property {@code penstock.write-documents} the documents are written anew instead.
 */
class ShapingDocumentsTest {
    private static final Path LIMITS = Path.of("..", "config", "shaping-providers.toml");
    private static final Path PROVIDERS = Path.of("docs", "providers.md");
    private static final Path KUMOMTA = Path.of("docs", "migrating-from-kumomta.md");
    /** Of its documentation (docs/reference/kumo/make_egress_path), as of 2026-08, and of its shaping files. */
    private static final Set<String> KUMO_KEYS = Set.of("additional_connection_limits",
            "additional_message_rate_throttles", "additional_source_selection_rates",
            "allow_smtp_auth_plain_without_tls", "allow_smtp_auth_plain_without_valid_certificate", "banner_timeout",
            "connect_timeout", "connection_limit", "consecutive_connection_failures_before_delay", "data_dot_timeout",
            "data_timeout", "dispatcher_progress_watchdog_timeout", "dispatcher_wakeup_strategy", "ehlo_domain",
            "ehlo_timeout", "enable_dane", "enable_mta_sts", "enable_pipelining", "enable_rset", "enable_tls",
            "idle_timeout", "ignore_8bit_checks", "ip_lookup_strategy", "low_memory_reduction_policy",
            "mail_from_timeout", "maintainer_wakeup_strategy", "max_connection_rate", "max_deliveries_per_connection",
            "max_message_rate", "max_mx_addresses_per_host", "max_mx_plan_size", "max_ready",
            "max_recipients_per_batch", "no_memory_reduction_policy", "openssl_cipher_list", "openssl_cipher_suites",
            "openssl_options", "opportunistic_tls_reconnect_on_failed_handshake", "prohibited_hosts", "provider_name",
            "rcpt_to_timeout", "readyq_pool_name", "reconnect_strategy", "refresh_interval", "refresh_strategy",
            "remember_broken_tls", "rset_timeout", "rustls_cipher_suites", "skip_hosts", "smtp_auth_plain_password",
            "smtp_auth_plain_username", "smtp_port", "source_selection_rate", "starttls_timeout", "suspended",
            "system_shutdown_timeout", "tls_certificate", "tls_handshake_timeout", "tls_prefer_openssl",
            "tls_private_key", "try_next_host_on_transport_error", "use_lmtp", "auth_timeout", "mx_rollup",
            "replace_base", "sources", "automation", "aggressive_connection_opening");
    /** Of limits that paths share, and of what isn't a value. */
    private static final Map<String, String> SHARED = new TreeMap<>(Map.of(
            "additional_connection_limits", "Named limits of sessions, which whoever names them shares.",
            "additional_message_rate_throttles", "Named rates, which whoever names them shares.",
            "source_selection_rate", "How often a source is chosen for mail there.",
            "additional_source_selection_rates", "Named ones of these.",
            "sources", "Sections of the section, each for one source.",
            "automation", "What is done when replies match, and for how long."));

    @TempDir
    Path directory;

    // The offered limits

    @Test
    void theOfferedLimitsLoadAndAreOfKnownProviders() throws IOException {
        Path config = Files.writeString(directory.resolve("penstock.toml"),
                "[gateway]\nshaping-file = '" + LIMITS.toAbsolutePath() + "'\n");
        assertThat(Schemas.read(config)).isInstanceOf(Valid.class);
        assertThat(((Valid) Schemas.read(config)).warnings()).isEmpty();
        assertThat(((Valid) Schemas.read(config)).config().shaping().providers())
                .containsExactlyInAnyOrderElementsOf(ShapingConfig.DEFAULT.providers());
        Set<String> known = ShapingConfig.DEFAULT.providers().stream().map(ProviderConfig::name)
                .collect(Collectors.toSet());
        assertThat(known).containsAll(limits().keySet());
    }

    private static Map<String, TomlTable> limits() throws IOException {
        TomlTable providers = Toml.parse(LIMITS).getTable("provider");
        Map<String, TomlTable> limits = new LinkedHashMap<>();
        if (providers != null) {
            providers.keySet().forEach(name -> limits.put(name, providers.getTable(List.of(name))));
        }
        assertThat(limits).isNotEmpty();
        return limits;
    }

    @Test
    void theDocumentHasEachProviderAndItsLimits() throws IOException {
        Map<String, TomlTable> limits = limits();
        List<String> rows = new ArrayList<>(List.of("| provider | hosts | limits to start with |", "|---|---|---|"));
        for (ProviderConfig provider : ShapingConfig.DEFAULT.providers()) {
            TomlTable own = limits.get(provider.name());
            rows.add("| " + provider.name() + " | " + provider.match().stream()
                    .map(match -> "`" + (match.kind() == ProviderMatch.Kind.HOST_NAME ? "" : "*") + match.text() + "`")
                    .collect(Collectors.joining(", ")) + " | "
                    + (own == null
                            ? "those of all"
                            : own.keySet().stream().sorted().map(key -> key + " " + own.get(List.of(key)))
                                    .collect(Collectors.joining(", ")))
                    + " |");
        }
        check(PROVIDERS, "providers", rows);
    }

    // KumoMTA's keys

    @Test
    void everyKeyOfKumoMtaIsHonouredOrHasAReason() {
        Set<String> honoured = Stream.of(TrafficLimits.TABLE, ShapingReader.furtherKeys())
                .flatMap(table -> table.keys().stream()).map(Key::name).collect(Collectors.toSet());
        assertThat(KUMO_KEYS).allMatch(key -> honoured.contains(key) || SHARED.containsKey(key)
                || NoCounterpart.keys().contains(key));
        assertThat(NoCounterpart.keys()).isSubsetOf(KUMO_KEYS).doesNotContainAnyElementsOf(honoured)
                .allMatch(key -> NoCounterpart.why(key).startsWith("has no effect"));
    }

    @Test
    void theDocumentHasEveryKey() throws IOException {
        List<String> rows = new ArrayList<>(List.of("| key | | |", "|---|---|---|"));
        Map<String, String> sorted = new TreeMap<>();
        Stream.of(TrafficLimits.TABLE, ShapingReader.furtherKeys()).flatMap(table -> table.keys().stream())
                .forEach(key -> sorted.put(key.name(), (KUMO_KEYS.contains(key.name()) ? "honoured" : "ours alone")
                        + " | " + key.text()));
        SHARED.forEach((key, text) -> {
            String page = key.equals("automation") ? "adaptive-control.md" : "throttling.md";
            sorted.put(key, "honoured | " + text + " See [" + page + "](" + page + ").");
        });
        NoCounterpart.keys().forEach(key -> sorted.put(key, "none | " + NoCounterpart.why(key)));
        sorted.forEach((key, text) -> rows.add("| `" + key + "` | " + text + " |"));
        check(KUMOMTA, "kumomta keys", rows);
    }

    private static void check(Path document, String mark, List<String> rows) throws IOException {
        List<String> lines = Files.readAllLines(document);
        List<String> expected = new ArrayList<>(lines.subList(0, lines.indexOf("<!-- " + mark + " -->") + 1));
        expected.addAll(rows);
        expected.addAll(lines.subList(lines.indexOf("<!-- end of " + mark + " -->"), lines.size()));
        if (System.getProperty("penstock.write-documents") != null) {
            Files.write(document, expected);
        }
        assertThat(Files.readAllLines(document)).isEqualTo(expected);
    }
}
