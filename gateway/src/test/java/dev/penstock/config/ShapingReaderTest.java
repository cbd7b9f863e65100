package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.AutomationRule.Action;
import dev.penstock.config.AutomationRule.Trigger;
import dev.penstock.config.LimitConfig.Dimension;
import dev.penstock.config.ProviderMatch.Kind;
import dev.penstock.config.ShapingLayer.Said;
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
                action = [ "Suspend", {SetConfig={name="max_message_rate", value="1/minute"}} ]
                trigger = {Threshold="10/hr"}
                duration = "2 hours"
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
        ShapingSection section = section(shaping, "example.org");
        assertThat(section.rollsUp()).isFalse();
        assertThat(section.layer().said()).containsOnlyKeys("connection_limit",
                "additional_message_rate_throttles.daily");
        assertThat(section.sources()).containsOnlyKeys("ip-new");
        assertThat(texts(valid.warnings())).containsExactly(
                "shaping.toml:22:1: \"example.org\".sources.ip-new: there is no source of this name");
        assertThat(Objects.requireNonNull(shaping.rules().providers().get("yahoo")).automation())
                .containsExactly(new AutomationRule(List.of("\\[TS0[14]\\]", "temporarily deferred"),
                        List.of(new Action.Suspend(), new Action.Set("max_message_rate", "1/minute", false)),
                        new Trigger.Threshold(Rate.parse("10/h")), Duration.ofHours(2), false,
                        directory.resolve("shaping.toml") + ":27"));
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
                [provider."apple"]
                connection_limit = 3
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
        assertThat(messages(valid)).isEmpty();
    }

    @Test
    void aProvidersSectionThatReplacesItsBaseDoesWithoutWhatIsKnown() throws IOException {
        ConfigReader.Valid valid = valid("""
                [provider."apple"]
                replace_base = true
                connection_limit = 3
                """);
        assertThat(valid.config().shaping().providers()).startsWith(new ProviderConfig("apple", List.of()));
        assertThat(messages(valid)).singleElement().asString().contains("provider.apple: matches nothing");
    }

    @Test
    void theKnownProvidersAreThoseOfTheirFile() throws IOException {
        ConfigReader.Valid valid = valid(ProviderReader.shippedText());
        assertThat(valid.config().shaping().providers()).isEqualTo(ShapingConfig.DEFAULT.providers())
                .hasSizeGreaterThan(30).allMatch(provider -> !provider.match().isEmpty());
        assertThat(valid.warnings()).isEmpty();
    }

    @Test
    void limitsOfAProviderAndOfItsSourcesAreRead() throws IOException {
        ConfigReader.Valid valid = valid("""
                [provider."example"]
                match = [ {MXSuffix=".example.net"} ]
                provider_connection_limit = "local:5"
                provider_max_message_rate = "local:10/s,max_burst=3"
                connection_limit = 3
                additional_connection_limits = { "all of it" = 40 }
                [provider."example".sources."default"]
                provider_source_selection_rate = "500/d,max_burst=1"
                [provider."nobody"]
                """);
        ShapingSection section = Objects
                .requireNonNull(valid.config().shaping().rules().providers().get("example"));
        assertThat(section.layer().said()).containsOnlyKeys("connection_limit", "provider_connection_limit",
                "provider_max_message_rate", "additional_connection_limits.all of it");
        assertThat(Objects.requireNonNull(section.layer().said().get("provider_connection_limit")))
                .isEqualTo(new Said(5, "5", directory.resolve("shaping.toml") + ":3"));
        assertThat(Objects.requireNonNull(section.layer().said().get("provider_max_message_rate")).value())
                .isEqualTo(Rate.parse("10/s,max_burst=3"));
        assertThat(Objects.requireNonNull(section.sources().get("default")).said())
                .containsOnlyKeys("provider_source_selection_rate");
        assertThat(valid.warnings()).extracting(Problem::key).containsExactly("provider.nobody");
    }

    @Test
    void aProvidersLimitsHaveNoPlaceInADomainsSection() throws IOException {
        assertThat(errors("""
                ["a.example"]
                provider_connection_limit = 5
                connection_limit = "five"
                additional_connection_limits = 7
                additional_message_rate_throttles = { "daily" = "often" }
                """))
                .anyMatch(message -> message
                        .startsWith("shaping.toml:2:1: \"a.example\".provider_connection_limit: unknown key"))
                .anyMatch(message -> message.startsWith("shaping.toml:3:1: \"a.example\".connection_limit: \"five\": "
                        + "expected a whole number"))
                .anyMatch(message -> message.startsWith("shaping.toml:4:1: \"a.example\".additional_connection_limits: "
                        + "expected limits by name, like { \"daily\" = 100 }, found the number 7"))
                .anyMatch(message -> message.startsWith("shaping.toml:5:39: "
                        + "\"a.example\".additional_message_rate_throttles.daily: \"often\": expected a rate"))
                .hasSize(4);
    }

    @Test
    void oneNameWithTwoValuesIsAWarning() throws IOException {
        assertThat(messages(valid("""
                ["a.example"]
                additional_message_rate_throttles = { "daily" = "1000/day" }
                ["b.example"]
                additional_message_rate_throttles = { "daily" = "1,000/d" }
                ["c.example"]
                additional_message_rate_throttles = { "daily" = "2000/day" }
                """))).containsExactly("shaping.toml:6:39: \"c.example\".additional_message_rate_throttles.daily: is "
                + "\"2000/d\" here and \"1000/d\" at shaping.toml:2: what has the one limit and what has the other is "
                + "counted apart");
    }

    @Test
    void everyWrongAutomationBlockIsReported() throws IOException {
        assertThat(errors("""
                [["a.example".automation]]
                regex = "("
                action = "Suspned"
                trigger = {Treshold="10/hr"}
                duration = "2 ours"
                [["a.example".automation]]
                [["a.example".automation]]
                regex = [""]
                action = [ {SetConfig={name="max_mesage_rate", value="1/s"}}, {SetConfig={name="connection_limit", value=0}} ]
                trigger = {Threshold="often"}
                duration = "1h"
                match_internal = "yes"
                regexp = "x"
                """))
                .anyMatch(message -> message.contains("automation[0].regex: \"(\": not a regular expression"))
                .anyMatch(message -> message.contains("automation[0].action: \"Suspned\": unknown; did you mean "
                        + "\"Suspend\"?"))
                .anyMatch(message -> message.contains("automation[0].trigger: expected \"Immediate\" or "))
                .anyMatch(message -> message.contains("automation[0].duration: \"2 ours\": expected a duration"))
                .anyMatch(message -> message.contains("automation[1].regex: is missing"))
                .anyMatch(message -> message.contains("automation[1].action: is missing"))
                .anyMatch(message -> message.contains("automation[1].duration: is missing"))
                .anyMatch(message -> message.contains("automation[2].regex[0]: \"\": is found in every reply"))
                .anyMatch(message -> message.contains("automation[2].action: max_mesage_rate: unknown key; did you mean "
                        + "max_message_rate?"))
                .anyMatch(message -> message.contains("automation[2].action: connection_limit: 0 is out of range"))
                .anyMatch(message -> message.contains("automation[2].trigger: \"often\": expected a rate"))
                .anyMatch(message -> message.contains("automation[2].match_internal: expected true or false"))
                .anyMatch(message -> message.contains("automation[2].regexp: unknown key; did you mean regex?"))
                .hasSize(13);
    }

    @Test
    void anExpressionThatLooksAroundIsNamedAndTheOthersOfItsBlockHold() throws IOException {
        ConfigReader.Valid valid = valid("""
                [[default.automation]]
                regex = [ "busy(?! now)", "slow" ]
                action = {SetDomainConfig={name="connection_limit", value=1}}
                duration = "1 hr"
                match_internal = true
                [[default.automation]]
                regex = "b(?=usy)"
                action = "BounceTenant"
                duration = "1 week"
                [[default.automation]]
                regex = "x"
                action = {SetConfig={name="max_ready", value=5}}
                duration = "10 mins"
                """);
        assertThat(valid.config().shaping().rules().defaults().automation()).singleElement()
                .satisfies(rule -> {
                    assertThat(rule.regex()).containsExactly("slow");
                    assertThat(rule.actions()).containsExactly(new Action.Set("connection_limit", 1L, true));
                    assertThat(rule.trigger()).isEqualTo(new Trigger.Immediate());
                    assertThat(rule.duration()).isEqualTo(Duration.ofHours(1));
                    assertThat(rule.matchInternal()).isTrue();
                });
        assertThat(messages(valid)).hasSize(3)
                .anyMatch(message -> message.startsWith("shaping.toml:2:1:") && message.contains("looks around"))
                .anyMatch(message -> message.startsWith("shaping.toml:7:1:") && message.contains("looks around"))
                .anyMatch(message -> message.startsWith("shaping.toml:12:1:") && message.contains("max_ready"));
    }

    @Test
    void whatAnActionSetsHoldsForThatKeyAlone() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 7);
        assertThat(new Action.Set("max_message_rate", "1/minute", false).in(limits))
                .isEqualTo(limits.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("1/min")));
        assertThat(new Action.Set("connection_limit", 1L, false).in(limits).connectionLimit()).isEqualTo(1);
        assertThat(new Action.Set("enable_tls", "Required", false).in(limits).enableTls())
                .isEqualTo(TlsPolicy.VERIFIED);
    }

    @Test
    void limitsOfOurOwnAreRead() throws IOException {
        ConfigReader.Valid valid = valid("""
                [[limit]]
                name = "acme to google"
                by = ["source"]
                tenant = "acme"
                provider = "google"
                connection_limit = 20
                max_message_rate = "50/s,max_burst=5"
                max_recipient_rate = "100/s"
                max_octet_rate = "50 MB/s"
                daily_limit = 1_000_000
                time_zone = "Europe/Berlin"
                [[limit]]
                name = "all"
                max_connection_rate = "local:100/s"
                """);
        List<LimitConfig> limits = valid.config().shaping().limits();
        assertThat(limits).hasSize(2);
        LimitConfig acme = limits.getFirst();
        assertThat(acme.dimensions()).containsExactly(Dimension.SOURCE, Dimension.TENANT, Dimension.PROVIDER);
        assertThat(acme.isOfSender()).isTrue();
        assertThat(acme.maxOctetRate()).isEqualTo(new Rate(50 << 20, Duration.ofSeconds(1), 1));
        assertThat(acme.timeZone()).isEqualTo(ZoneId.of("Europe/Berlin"));
        assertThat(acme.place()).isEqualTo(directory.resolve("shaping.toml") + ":2");
        assertThat(limits.getLast().isOfSender()).isFalse();
        assertThat(limits.getLast().maxConnectionRate()).isEqualTo(Rate.parse("100/s"));
        assertThat(valid.warnings()).isEmpty();
    }

    @Test
    void limitsThatMakeNoSenseAreRefused() throws IOException {
        assertThat(errors("""
                [[limit]]
                by = ["tenant", "tennant"]
                [[limit]]
                name = "a"
                by = ["tenant", "tenant"]
                tenant = "acme"
                max_connection_rate = "1/s"
                [[limit]]
                name = "b"
                by = ["campaign"]
                daily_limit = 0
                [[limit]]
                name = "b"
                provider = "googel"
                time_zone = "Mars"
                max_octet_rate = "50 MB"
                max_recipients = 3
                """))
                .anyMatch(message -> message.contains("limit[0].by[1]: \"tennant\": unknown; allowed: source, pool"))
                .anyMatch(message -> message.contains("limit[0].name: is missing"))
                .anyMatch(message -> message.contains("limit[0].name: limits nothing; expected connection_limit"))
                .anyMatch(message -> message.contains("limit[1].by: says one thing twice"))
                .anyMatch(message -> message.contains("limit[1].by: says tenant, of which tenant = \"acme\" lets"))
                .anyMatch(message -> message.contains("limit[1].max_connection_rate: a session carries mail of many"))
                .anyMatch(message -> message.contains("limit[2].by: campaigns of two tenants may have one name"))
                .anyMatch(message -> message.contains("limit[2].daily_limit: 0 is out of range"))
                .anyMatch(message -> message.contains("limit[3].name: there is a limit of this name already"))
                .anyMatch(message -> message.contains("limit[3].provider: \"googel\": there is no such provider; did you "
                        + "mean \"google\"?"))
                .anyMatch(message -> message.contains("limit[3].time_zone: \"Mars\": no time zone"))
                .anyMatch(message -> message.contains("limit[3].max_octet_rate: \"50 MB\": expected octets in a time"))
                .anyMatch(message -> message.contains("limit[3].max_recipients: unknown key"));
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
    void aSectionIsForAllDomainsOfItsHostsUnlessItSaysOtherwise() throws IOException {
        ConfigReader.Valid valid = valid("""
                ["gmail.com"]
                connection_limit = 3
                ["outlook.com"]
                mx_rollup = false
                ["example.com"]
                mx_rollup = true
                ["(mx1|mx2).example.net"]
                mx_rollup = false
                """);
        ShapingConfig shaping = valid.config().shaping();
        assertThat(section(shaping, "gmail.com").rollsUp()).isTrue();
        assertThat(section(shaping, "outlook.com").rollsUp()).isFalse();
        assertThat(section(shaping, "example.com").rollsUp()).isTrue();
        assertThat(section(shaping, "(mx1|mx2).example.net").isDomain()).isFalse();
        assertThat(messages(valid)).containsExactly("shaping.toml:8:1: \"(mx1|mx2).example.net\".mx_rollup: has no "
                + "effect: the section is named by a site");
    }

    @Test
    void whatHasNoMeaningInTheDefaultSectionIsNamed() throws IOException {
        assertThat(messages(valid("""
                ["default"]
                mx_rollup = false
                replace_base = true
                ["default".sources."ip-1"]
                connection_limit = 3
                """))).hasSize(3).allMatch(message -> message.endsWith("has no meaning in [\"default\"], which is for all "
                + "domains and sources"));
    }

    private static ShapingSection section(ShapingConfig shaping, String name) {
        return Objects.requireNonNull(shaping.rules().sections().get(name));
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
