package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.ProviderMatch.Kind;
import dev.penstock.units.Rate;

/** The shaping file, in KumoMTA's format. */
class ShapingReaderTest {
    @TempDir
    Path directory;

    @Test
    void kumomtasFileIsReadWithWarnings() throws IOException {
        ConfigReader.Valid valid = valid("""
                ["default"]
                connection_limit = 10
                max_connection_rate = "100/min"
                max_deliveries_per_connection = 100
                max_message_rate = "100/s"
                idle_timeout = "60s"
                data_timeout = "30s"
                enable_tls = "Opportunistic"
                consecutive_connection_failures_before_delay = 100
                remember_broken_tls = "3 days"

                [provider."google"]
                match = [ {MXSuffix=".google.com"}, {MXSuffix=".googlemail.com"} ]
                enable_tls = "Required"

                ["example.org"]
                mx_rollup = false
                replace_base = true
                connection_limit = 3
                additional_message_rate_throttles = { "daily" = "1000000/day" }

                ["example.org".sources."ip-new"]
                source_selection_rate = "100/day,max_burst=1"
                enable_tls = "RequiredInsecure"

                [[provider."yahoo".automation]]
                regex = ["\\\\[TS0[14]\\\\]", "temporarily deferred"]
                """);
        ShapingConfig shaping = valid.config().shaping();
        assertThat(shaping.defaults())
                .isEqualTo(TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("100/s"))
                        .with(TrafficLimits.MAX_CONNECTION_RATE, Rate.parse("100/min"))
                        .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 100)
                        .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1))
                        .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 100)
                        .with(TrafficLimits.ENABLE_TLS, TlsPolicy.OPPORTUNISTIC)
                        .with(TrafficLimits.DATA_TIMEOUT, Duration.ofSeconds(30))
                        .with(TrafficLimits.REMEMBER_BROKEN_TLS, Duration.ofDays(3)));
        assertThat(shaping.sections()).isEqualTo(Map.of("example.org",
                TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 3)));
        assertThat(valid.warnings()).extracting(Problem::key).containsExactly(
                "provider.google.enable_tls", "provider.google.enable_tls",
                "\"example.org\".additional_message_rate_throttles", "\"example.org\".sources",
                "\"example.org\".sources.ip-new.enable_tls", "provider.yahoo.automation");
        assertThat(messages(valid)).anyMatch(message -> message.contains("\"Required\" isn't kept there"));
    }

    @Test
    void providersOfTheFileComeBeforeThoseThatAreKnown() throws IOException {
        ConfigReader.Valid valid = valid("""
                [provider."zeta"]
                match = [ {MXSuffix=".Zeta.example."}, {HostName="mx.zeta.example"}, {DomainSuffix="zeta.example"} ]
                [provider."alpha"]
                match = [ {DomainSuffix=".alpha.example"} ]
                [provider."google"]
                match = [ {MXSuffix=".google.example"} ]
                [provider."yahoo"]
                match = []
                [[provider."apple".automation]]
                regex = "busy"
                """);
        List<ProviderConfig> providers = valid.config().shaping().providers();
        assertThat(providers).startsWith(
                new ProviderConfig("zeta", List.of(new ProviderMatch(Kind.MX_SUFFIX, ".zeta.example"),
                        new ProviderMatch(Kind.HOST_NAME, "mx.zeta.example"),
                        new ProviderMatch(Kind.DOMAIN_SUFFIX, "zeta.example"))),
                new ProviderConfig("alpha", List.of(new ProviderMatch(Kind.DOMAIN_SUFFIX, ".alpha.example"))),
                new ProviderConfig("google", List.of(new ProviderMatch(Kind.MX_SUFFIX, ".google.example"))),
                new ProviderConfig("yahoo", List.of()),
                new ProviderConfig("apple", List.of(new ProviderMatch(Kind.MX_SUFFIX, ".icloud.com"))));
        assertThat(providers).extracting(ProviderConfig::name).contains("outlook", "office365", "proofpoint")
                .doesNotHaveDuplicates();
        assertThat(messages(valid)).containsExactly("shaping.toml:9:1: provider.apple.automation: of a provider "
                + "section is not supported yet and is ignored; say it in [\"default\"], or in a section per domain or "
                + "site");
    }

    @Test
    void theKnownProvidersAreThoseOfTheirFile() throws IOException {
        ConfigReader.Valid valid = valid(ProviderReader.shippedText());
        assertThat(valid.config().shaping().providers()).isEqualTo(ShapingConfig.DEFAULT.providers())
                .hasSizeGreaterThan(30).allMatch(provider -> !provider.match().isEmpty());
        assertThat(valid.warnings()).isEmpty();
    }

    @Test
    void limitsOfAProviderAreNamedAsNotSupported() throws IOException {
        assertThat(valid("""
                [provider."example"]
                match = [ {MXSuffix=".example.net"} ]
                provider_connection_limit = 5
                provider_max_message_rate = "10/s"
                connection_limit = 3
                [provider."nobody"]
                """).warnings()).extracting(Problem::key).containsExactly(
                "provider.example.provider_connection_limit", "provider.example.provider_max_message_rate",
                "provider.example.connection_limit", "provider.nobody");
    }

    @Test
    void everyWrongMatchIsReported() throws IOException {
        assertThat(errors("""
                [provider."a"]
                match = [ {MXSuffix=".a b"}, {HostName=".example.net"}, {}, {MXSufix=".example.net"} ]
                [provider."b"]
                match = ".example.net"
                [provider."c"]
                match = [ {MXSuffix=".example.net", HostName="mx.example.net"}, {DomainSuffix=7}, ".example" ]
                matches = 1
                [provider]
                d = 1
                """.replace("[provider]\nd = 1", "[provider.\"d\"]\nmatch = [ {DomainSuffix=\"\"} ]")))
                .anyMatch(message -> message
                        .startsWith("shaping.toml:2:12: provider.a.match[0].MXSuffix: \".a b\": expected "
                                + "the end of a name in ASCII"))
                .anyMatch(message -> message.startsWith("shaping.toml:2:31: provider.a.match[1].HostName: "
                        + "\".example.net\": expected the name of a host"))
                .anyMatch(message -> message.startsWith("shaping.toml:2:1: provider.a.match: each item says one thing"))
                .anyMatch(
                        message -> message.contains("provider.a.match[3].MXSufix: unknown key; did you mean MXSuffix?"))
                .anyMatch(message -> message.startsWith("shaping.toml:4:1: provider.b.match: expected tables"))
                .anyMatch(message -> message.startsWith("shaping.toml:6:1: provider.c.match: each item says one thing"))
                .anyMatch(message -> message.contains("provider.c.match[1].DomainSuffix: expected a text in quotes"))
                .anyMatch(message -> message.contains("provider.c.match[2]: expected a table"))
                .anyMatch(message -> message.contains("provider.c.matches: unknown key; did you mean match?"))
                .anyMatch(message -> message.contains("provider.d.match[0].DomainSuffix: \"\": expected the end"))
                .hasSize(10);
    }

    @ParameterizedTest
    @CsvSource({"Disabled, NONE", "Opportunistic, OPPORTUNISTIC_VERIFIED", "OpportunisticInsecure, OPPORTUNISTIC",
        "Required, VERIFIED", "RequiredInsecure, REQUIRED"})
    void eachOfKumomtasWaysOfTlsIsHonouredPerSection(String kumo, TlsPolicy policy) throws IOException {
        ConfigReader.Valid valid = valid("""
                ["a.example"]
                enable_tls = "%s"
                ["b.example"]
                connection_limit = 3
                """.formatted(kumo));
        assertThat(tls(valid, "a.example")).isEqualTo(policy);
        assertThat(tls(valid, "b.example")).isNull();
        assertThat(messages(valid)).hasSize(policy == TlsPolicy.OPPORTUNISTIC_VERIFIED ? 1 : 0)
                .allMatch(message -> message.contains("\"OpportunisticInsecure\" is what others call opportunistic"));
    }

    @Test
    void aFileWithoutAnOctetIsAnErrorAndOneWithACommentIsNot() throws IOException {
        assertThat(valid("# no limits\n").warnings()).isEmpty();
        assertThat(errors("")).containsExactly(
                "shaping.toml: has nothing in it; a file without keys says so in a comment");
    }

    @Test
    void aSectionInheritsTlsKeyByKeyAndCanTakeItBack() throws IOException {
        ConfigReader.Valid valid = valid("""
                ["default"]
                enable_tls = "Opportunistic"
                opportunistic_tls_reconnect_on_failed_handshake = true
                ["a.example"]
                connection_limit = 3
                ["b.example"]
                opportunistic_tls_reconnect_on_failed_handshake = false
                ["c.example"]
                enable_tls = "Required"
                ["d.example"]
                enable_tls = ""
                ["e.example"]
                replace_base = true
                """);
        assertThat(tls(valid, "a.example")).isEqualTo(TlsPolicy.OPPORTUNISTIC);
        assertThat(tls(valid, "b.example")).isEqualTo(TlsPolicy.OPPORTUNISTIC_VERIFIED);
        assertThat(tls(valid, "c.example")).isEqualTo(TlsPolicy.VERIFIED);
        assertThat(tls(valid, "d.example")).isNull();
        assertThat(tls(valid, "e.example")).isNull();
    }

    @Test
    void tlsThatSomethingElseDecidesIsAWarning() throws IOException {
        assertThat(messages(valid("""
                ["a.example"]
                enable_tls = "Required"
                ["b.example"]
                enable_tls = "Required"
                """, """
                [routes."a.example"]
                hosts = ["192.0.2.1"]
                tls = "none"
                [local."b.example"]
                lmtp = ["unix:/run/lmtp"]
                """))).containsExactly(
                "shaping.toml:2:1: \"a.example\".enable_tls: has no effect: the domain's route says tls = \"none\"",
                "shaping.toml:4:1: \"b.example\".enable_tls: has no effect on a local domain; delivery.tls decides");
    }

    @Test
    void mistakenShapingIsRefused() throws IOException {
        assertThat(errors("""
                connection_limit = 5
                [gmail.com]
                connection_limit = 5
                ["a.example"]
                enable_tls = "Sometimes"
                ["A.example."]
                max_message_rate = "0/s"
                """)).containsExactly(
                "shaping.toml:1:1: connection_limit: keys belong into a section: [\"default\"] or [\"example.com\"]",
                "shaping.toml:2:1: gmail: a domain as section name needs quotes: [\"gmail.com\"]",
                "shaping.toml:5:1: \"a.example\".enable_tls: \"Sometimes\": unknown; allowed: Opportunistic, "
                        + "OpportunisticInsecure, Required, RequiredInsecure, Disabled, or \"\" for what delivery.tls says",
                "shaping.toml:6:1: \"A.example.\": there is a section of this name in another spelling already",
                "shaping.toml:7:1: \"A.example.\".max_message_rate: \"0/s\": a rate needs a count, a period and a burst "
                        + "of at least 1");
    }

    @Test
    void aSectionIsForItsDomainHoweverItIsSpeltOrForItsSite() throws IOException {
        ConfigReader.Valid valid = valid("""
                ["Example.COM."]
                ["b\u00fccher.example"]
                ["(alt1|alt2)?.mx.example.net"]
                ["mx1.example.net+59~0f1e2d3c4b"]
                ["mx.internal.example:2526,192.0.2.7"]
                """);
        assertThat(valid.config().shaping().sections()).containsOnlyKeys("example.com", "xn--bcher-kva.example",
                "(alt1|alt2)?.mx.example.net", "mx1.example.net+59~0f1e2d3c4b", "mx.internal.example:2526,192.0.2.7");
        assertThat(valid.warnings()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"*.google.com; did you mean [\"google.com\"]?",
        "default->(mx1|mx2).example.net; did you mean [\"(mx1|mx2).example.net\"]?",
        "default->mx.example.net (LMTP); did you mean [\"mx.example.net\"]?",
        "default->domain:example.com; did you mean [\"example.com\"]?",
        "domain:example.com; did you mean [\"example.com\"]?",
        "spring:shop@example.com; did you mean [\"example.com\"]?",
        "mx*.example.net; not for a pattern",
        "example com; expected a domain name like example.com",})
    void aSectionThatCanMatchNothingIsAWarningWithWhatWasProbablyMeant(String name, String meant) throws IOException {
        ConfigReader.Valid valid = valid("[\"" + name + "\"]\nconnection_limit = 3");
        assertThat(valid.config().shaping().sections()).isEmpty();
        assertThat(messages(valid)).singleElement().satisfies(message -> assertThat(message)
                .startsWith("shaping.toml:1:1: \"" + name + "\": matches nothing: ").contains(meant));
    }

    @Test
    void aSectionWithoutADotIsProbablyMeantForAll() throws IOException {
        assertThat(messages(valid("[defaults]\nconnection_limit = 3")))
                .containsExactly("shaping.toml:1:1: defaults: the "
                        + "section's name has no dot, so it matches no usual domain; did you mean [\"default\"]?");
    }

    @Test
    void aSectionForADomainOfASharedProviderSaysThatItCoversThatDomainAlone() throws IOException {
        String site = " have the limits of [\"default\"] or of a section named by the site, as the delivery log names it";
        assertThat(messages(valid("""
                ["gmail.com"]
                connection_limit = 3
                ["outlook.com"]
                mx_rollup = false
                ["example.com"]
                mx_rollup = true
                ["example.org"]
                connection_limit = 3
                """))).containsExactly(
                "shaping.toml:1:1: \"gmail.com\": covers gmail.com alone; other domains with the same MX hosts, those of "
                        + "Google's customers too," + site + "; mx_rollup = false says so without this warning",
                "shaping.toml:6:1: \"example.com\".mx_rollup: true is not supported yet: the section covers example.com "
                        + "alone; other domains with the same MX hosts" + site);
    }

    private static @Nullable TlsPolicy tls(ConfigReader.Valid valid, String section) {
        return Objects.requireNonNull(valid.config().shaping().sections().get(section)).enableTls();
    }

    private ConfigReader.Valid valid(String shaping) throws IOException {
        return valid(shaping, "");
    }

    private ConfigReader.Valid valid(String shaping, String config) throws IOException {
        ConfigReader.Result result = read(shaping, config);
        assertThat(result).isInstanceOf(ConfigReader.Valid.class);
        return (ConfigReader.Valid) result;
    }

    private List<String> errors(String shaping) throws IOException {
        return texts(((ConfigReader.Invalid) read(shaping, "")).problems());
    }

    private List<String> messages(ConfigReader.Valid valid) {
        return texts(valid.warnings());
    }

    private List<String> texts(List<Problem> problems) {
        return problems.stream().map(problem -> problem.toString().replace(directory + "/", "")).toList();
    }

    private ConfigReader.Result read(String shaping, String config) throws IOException {
        Path file = Files.writeString(directory.resolve("shaping.toml"), shaping);
        return Schemas.read(Files.writeString(directory.resolve("penstock.toml"),
                "gateway.shaping-file = '" + file + "'\n" + config));
    }
}
