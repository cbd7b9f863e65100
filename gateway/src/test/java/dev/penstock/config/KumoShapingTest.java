package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import com.google.re2j.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.TestCertificates;

/** Files that are in production with KumoMTA: each key is honoured, or named as one that isn't. */
class KumoShapingTest {
    private static final Path COMMUNITY = Path.of("src/test/resources/dev/penstock/config/community-shaping.toml");

    @TempDir
    Path directory;

    private ShapingReader.Result read(String toml) throws IOException {
        return ShapingReader.read(Files.writeString(directory.resolve("shaping.toml"), toml));
    }

    @ParameterizedTest
    @ValueSource(strings = {"provider_connection_limit\", value=5", "additional_connection_limits\", value={a=5}",
        "source_selection_rate\", value=\"1/s\"", "provider_max_message_rate\", value=\"1/s\"",
        "opportunistic_tls_reconnect_on_failed_handshake\", value=true", "mx_rollup\", value=false"})
    void anActionForAKeyThatOnlySectionsHaveIsNamedAndIgnored(String set) throws IOException {
        ShapingReader.Result result = read("[[\"a.example\".automation]]\nregex = \"x\"\nduration = \"1h\"\n"
                + "action = [\"Suspend\", {SetConfig={name=\"" + set + "}}]\n");
        assertThat(result.errors()).isEmpty();
        assertThat(result.warnings()).singleElement().satisfies(warning -> assertThat(warning.message())
                .startsWith(set.substring(0, set.indexOf('"'))).contains("this action is ignored"));
    }

    /** Of docs/reference/kumo/make_egress_path/, one of each. */
    @ParameterizedTest
    @ValueSource(strings = {"connection_limit = 32", "connection_limit = \"local:32\"",
        "additional_connection_limits = { \"a\" = 1, \"b\" = \"local:2\" }", "max_connection_rate = \"100/min\"",
        "max_message_rate = \"local:1_000/30s,max_burst=5\"",
        "additional_message_rate_throttles = { \"a\" = \"1,000/hr\" }", "source_selection_rate = \"1/day\"",
        "additional_source_selection_rates = { \"a\" = \"1/second\" }", "max_deliveries_per_connection = 1024",
        "max_recipients_per_batch = 100", "max_ready = 1024", "consecutive_connection_failures_before_delay = 100",
        "enable_tls = \"OpportunisticInsecure\"", "enable_mta_sts = true", "enable_dane = false",
        "remember_broken_tls = \"3 days\"", "opportunistic_tls_reconnect_on_failed_handshake = true",
        "tls_prefer_openssl = true", "openssl_cipher_list = \"x\"", "openssl_cipher_suites = \"x\"",
        "openssl_options = \"x\"", "rustls_cipher_suites = [\"x\"]",
        "tls_certificate = \"CHAIN\"\ntls_private_key = \"KEY\"", "smtp_port = 25",
        "smtp_auth_plain_username = \"x\"\nsmtp_auth_plain_password = \"y\"",
        "allow_smtp_auth_plain_without_tls = false",
        "allow_smtp_auth_plain_without_valid_certificate = false", "ehlo_domain = \"mta.example.net\"",
        "enable_pipelining = true", "enable_rset = true", "use_lmtp = false",
        "reconnect_strategy = \"ConnectNextHost\"", "try_next_host_on_transport_error = false",
        "ip_lookup_strategy = \"Ipv4AndIpv6\"", "prohibited_hosts = [\"127.0.0.0/8\"]",
        "skip_hosts = [\"192.0.2.0/24\"]", "connect_timeout = \"60s\"", "banner_timeout = \"60s\"",
        "ehlo_timeout = \"300s\"", "mail_from_timeout = \"300s\"", "rcpt_to_timeout = \"300s\"",
        "data_timeout = \"300s\"", "data_dot_timeout = \"300s\"", "rset_timeout = \"5s\"", "idle_timeout = \"5s\"",
        "starttls_timeout = \"5s\"", "auth_timeout = \"60s\"", "system_shutdown_timeout = \"60s\"",
        "refresh_interval = \"60s\"", "refresh_strategy = \"Ttl\"", "dispatcher_wakeup_strategy = \"Aggressive\"",
        "maintainer_wakeup_strategy = \"Aggressive\"", "low_memory_reduction_policy = \"ShrinkDataAndMeta\"",
        "no_memory_reduction_policy = \"ShrinkDataAndMeta\"", "readyq_pool_name = \"x\"", "provider_name = \"x\"",
        "ignore_8bit_checks = false", "aggressive_connection_opening = false",
        "dispatcher_progress_watchdog_timeout = \"60s\""})
    void aKeyIsHonouredOrNamed(String line) throws IOException {
        String key = line.substring(0, line.indexOf(' '));
        TestCertificates.PemFiles pair = line.contains("CHAIN")
                ? TestCertificates.write(directory, "own", new TestCertificates().client("gateway"))
                : new TestCertificates.PemFiles(directory, directory);
        String written = line.replace("CHAIN", pair.chain().toString()).replace("KEY", pair.key().toString());
        for (String section : List.of("[\"default\"]", "[\"a.example\"]", "[\"a.example\".sources.\"ip-1\"]",
                "[provider.\"google\"]", "[provider.\"google\".sources.\"ip-1\"]")) {
            ShapingReader.Result result = read(section + "\n" + written + "\n");
            assertThat(result.errors()).as(section).isEmpty();
            boolean honoured = layers(result.config()).stream().flatMap(layer -> layer.said().keySet().stream())
                    .anyMatch(said -> said.equals(key) || said.startsWith(key + "."));
            boolean named = result.warnings().stream()
                    .anyMatch(problem -> problem.key().endsWith("." + key) && problem.line() == 2
                            && problem.message().startsWith("has no effect"));
            assertThat(honoured).as(section + " " + line + " is either honoured or named").isNotEqualTo(named);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"provider_connection_limit = 5", "provider_connection_limit = \"local:5\"",
        "provider_max_message_rate = \"5/s\"", "provider_source_selection_rate = \"5/d,max_burst=1\"",
        "provider_additional_source_selection_rates = { \"a\" = \"5/d\" }"})
    void aKeyOfAProviderIsHonoured(String line) throws IOException {
        for (String section : List.of("[provider.\"google\"]", "[provider.\"google\".sources.\"ip-1\"]")) {
            ShapingReader.Result result = read(section + "\n" + line + "\n");
            assertThat(result.errors()).isEmpty();
            assertThat(result.warnings()).isEmpty();
            assertThat(layers(result.config()).stream().flatMap(layer -> layer.said().keySet().stream()))
                    .anyMatch(said -> said.startsWith(line.substring(0, line.indexOf(' '))));
        }
    }

    private static List<ShapingLayer> layers(ShapingConfig config) {
        List<ShapingSection> sections = new ArrayList<>(config.rules().sections().values());
        sections.add(config.rules().defaults());
        sections.addAll(config.rules().providers().values());
        List<ShapingLayer> layers = new ArrayList<>();
        sections.forEach(section -> {
            layers.add(section.layer());
            layers.addAll(section.sources().values());
        });
        return layers;
    }

    @Test
    void aFileAsOperatorsShareItIsTakenWithoutAMessage() throws IOException {
        ShapingReader.Result result = ShapingReader.read(COMMUNITY);
        assertThat(result.errors()).isEmpty();
        assertThat(result.warnings()).isEmpty();
        assertThat(Schemas.shapingErrors(Files.readString(COMMUNITY))).isEmpty();
        assertThat(rules(result.config())).hasSizeGreaterThan(40);
    }

    @Test
    void eachOfItsBlocksIsForTheReplyAboveIt() throws IOException {
        List<String> lines = Files.readAllLines(COMMUNITY);
        for (AutomationRule rule : rules(ShapingReader.read(COMMUNITY).config())) {
            int line = Integer.parseInt(rule.place().substring(rule.place().lastIndexOf(':') + 1));
            String reply = lines.get(line - 3).substring(2); // above it the header, above that the reply
            assertThat(rule.regex()).as(rule.place()).anyMatch(regex -> Pattern.compile(regex).matcher(reply).find());
        }
    }

    private static List<AutomationRule> rules(ShapingConfig config) {
        List<AutomationRule> rules = new ArrayList<>(config.rules().defaults().automation());
        config.rules().sections().values().forEach(section -> rules.addAll(section.automation()));
        config.rules().providers().values().forEach(section -> rules.addAll(section.automation()));
        return rules;
    }

    @Test
    void aCertificateForHostsThatDoesNotFitItsKeyIsAnErrorOfItsLine() throws IOException {
        TestCertificates authority = new TestCertificates();
        TestCertificates.PemFiles one = TestCertificates.write(directory, "one", authority.client("one"));
        TestCertificates.PemFiles two = TestCertificates.write(directory, "two", authority.client("two"));
        assertThat(read("[\"a.example\"]\ntls_certificate = \"%s\"\ntls_private_key = \"%s\"\n".formatted(one.chain(),
                two.key())).errors()).singleElement().asString().contains("shaping.toml:2:", two.key().toString(),
                        "isn't the key of the certificate in " + one.chain());
        assertThat(read("[\"a.example\"]\ntls_certificate = \"" + one.chain() + "\"\n").errors()).singleElement()
                .asString().contains("shaping.toml:2:", "needs tls_private_key as well");
        assertThat(read("[\"a.example\"]\ntls_certificate = \"/nowhere\"\ntls_private_key = \"" + one.key() + "\"\n")
                .errors()).singleElement().asString().contains("shaping.toml:2:", "there is no file /nowhere");
    }

    @Test
    void aDottedNameWithoutQuotesIsAnErrorWithTheNameThatWasMeant() throws IOException {
        assertThat(read("[example.com]\nconnection_limit = 3\n").errors()).singleElement()
                .satisfies(problem -> assertThat(Objects.requireNonNull(problem).message())
                        .contains("needs quotes: [\"example.com\"]"));
    }
}
