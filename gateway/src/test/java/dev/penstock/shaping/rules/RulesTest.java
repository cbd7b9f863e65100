package dev.penstock.shaping.rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingReader;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Rate;

class RulesTest {
    private static final Site GOOGLE = Site.ofHosts(List.of("mx1.google.com", "mx2.google.com"));
    private static final Site ELSEWHERE = Site.ofHosts(List.of("mx.elsewhere.example"));
    private static final String LAYERS = """
            ["default"]
            connection_limit = 100
            max_deliveries_per_connection = 100
            max_connection_rate = "100/min"
            idle_timeout = "10s"
            max_connection_age = "100s"
            consecutive_connection_failures_before_delay = 100
            enable_mta_sts = false
            additional_connection_limits = { "all" = 1000, "default" = 1 }

            [provider."google"]
            match = [ {MXSuffix=".google.com"} ]
            connection_limit = 90
            max_deliveries_per_connection = 90
            max_connection_rate = "90/min"
            idle_timeout = "9s"
            max_connection_age = "90s"
            consecutive_connection_failures_before_delay = 90
            additional_connection_limits = { "provider" = 2 }

            [provider."google".sources."ip-1"]
            connection_limit = 80
            max_deliveries_per_connection = 80
            max_connection_rate = "80/min"
            idle_timeout = "8s"
            max_connection_age = "80s"

            ["gmail.com"]
            connection_limit = 70
            max_deliveries_per_connection = 70
            max_connection_rate = "70/min"
            idle_timeout = "7s"
            additional_connection_limits = { "site" = 3, "default" = 4 }

            ["gmail.com".sources."ip-1"]
            connection_limit = 50
            max_deliveries_per_connection = 50

            ["alone.example"]
            mx_rollup = false
            connection_limit = 60
            max_deliveries_per_connection = 60
            max_connection_rate = "60/min"

            ["alone.example".sources."ip-1"]
            connection_limit = 40
            """;

    @TempDir
    Path directory;
    private Map<String, Site> sites;

    @BeforeEach
    void sitesAreKnown() {
        sites = Map.of("gmail.com", GOOGLE, "alone.example", GOOGLE);
    }

    private ShapingConfig config(String toml) throws IOException {
        Path file = Files.writeString(directory.resolve("shaping.toml"), toml);
        ShapingReader.Result result = ShapingReader.read(file);
        assertThat(result.errors()).isEmpty();
        return result.config();
    }

    private Rules rules(String toml) throws IOException {
        return new Rules(config(toml), sites);
    }

    private static TrafficLimits own(Rules rules, String source, Site key, String provider) {
        return rules.of(new EgressPath(source, key), provider).own();
    }

    private List<SharedLimit> shared(Rules rules, String source, Site key, String provider) {
        return rules.of(new EgressPath(source, key), provider).shared();
    }

    private String at(int line) {
        return directory.resolve("shaping.toml") + ":" + line;
    }

    @Test
    void layersLieOverOneAnotherAsKumomtaHasThem() throws IOException {
        Rules rules = rules(LAYERS);
        Site alone = rules.key("alone.example", GOOGLE);
        assertThat(alone).isEqualTo(Site.ofDomain("alone.example"));
        assertThat(rules.key("gmail.com", GOOGLE)).isEqualTo(GOOGLE);
        assertThat(rules.key("customer.example", GOOGLE)).isEqualTo(GOOGLE);

        TrafficLimits domainAndSource = own(rules, "ip-1", alone, "google");
        assertThat(domainAndSource.connectionLimit()).as("the domain's, for the source").isEqualTo(40);
        assertThat(domainAndSource.maxDeliveriesPerConnection()).as("the site's, for the source").isEqualTo(50);
        assertThat(domainAndSource.maxConnectionRate()).as("the domain's").isEqualTo(Rate.parse("60/min"));
        assertThat(domainAndSource.idleTimeout()).as("the site's").isEqualTo(Duration.ofSeconds(7));
        assertThat(domainAndSource.maxConnectionAge()).as("the provider's, for the source")
                .isEqualTo(Duration.ofSeconds(80));
        assertThat(domainAndSource.consecutiveConnectionFailuresBeforeDelay()).as("the provider's").isEqualTo(90);
        assertThat(domainAndSource.enableMtaSts()).as("the default's").isFalse();
        assertThat(domainAndSource.enableDane()).as("built in").isFalse();

        assertThat(own(rules, "ip-1", GOOGLE, "google").connectionLimit()).isEqualTo(50);
        assertThat(own(rules, "ip-2", GOOGLE, "google").connectionLimit()).isEqualTo(70);
        assertThat(own(rules, "ip-2", alone, "google").connectionLimit()).isEqualTo(60);
        assertThat(own(rules, "ip-1", ELSEWHERE, "google").connectionLimit()).isEqualTo(80);
        assertThat(own(rules, "ip-2", ELSEWHERE, "google").connectionLimit()).isEqualTo(90);
        assertThat(own(rules, "ip-1", ELSEWHERE, "").connectionLimit()).isEqualTo(100);
    }

    @Test
    void namedLimitsMergeByTheirNames() throws IOException {
        assertThat(shared(rules(LAYERS), "ip-2", GOOGLE, "google")).containsExactlyInAnyOrder(
                named("all", "", 1000, 9), named("provider", "", 2, 19), named("site", "", 3, 33),
                named("default", "4", 4, 33));
    }

    private SharedLimit named(String name, String scope, int most, int line) {
        return new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, name, scope), new Bound.Count(most), at(line));
    }

    @Test
    void aLimitOfOneNameIsOneForEveryPathAndSourceThatHasIt() throws IOException {
        Rules rules = rules("""
                ["default"]
                additional_message_rate_throttles = { "everything" = "4,000/s" }
                ["gmail.com"]
                connection_limit = 3
                """);
        SharedLimit one = new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "everything", ""),
                new Bound.Spaced(Rate.parse("4000/s")), at(2));
        assertThat(shared(rules, "ip-1", GOOGLE, "")).containsExactly(one);
        assertThat(shared(rules, "ip-2", ELSEWHERE, "google")).containsExactly(one);
    }

    @Test
    void aProvidersLimitsAreOneForEachSource() throws IOException {
        Rules rules = rules("""
                [provider."google"]
                provider_connection_limit = 20
                provider_max_message_rate = "50/s"
                [provider."google".sources."ip-2"]
                provider_connection_limit = 2
                provider_source_selection_rate = "500/d,max_burst=1"
                """);
        assertThat(shared(rules, "ip-1", GOOGLE, "google")).containsExactly(
                new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, "provider_connection_limit", "ip-1->google"),
                        new Bound.Count(20), at(2)),
                new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "provider_max_message_rate", "ip-1->google"),
                        new Bound.Spaced(Rate.parse("50/s")), at(3)));
        assertThat(shared(rules, "ip-1", ELSEWHERE, "google")).isEqualTo(shared(rules, "ip-1", GOOGLE, "google"));
        assertThat(shared(rules, "ip-2", GOOGLE, "google")).contains(
                new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, "provider_connection_limit", "ip-2->google"),
                        new Bound.Count(2), at(5)),
                new SharedLimit(new SharedLimit.Id(Measure.SOURCE_SELECTION_RATE, "provider_source_selection_rate",
                        "ip-2->google"), new Bound.Spaced(Rate.parse("500/d")), at(6)))
                .hasSize(3);
        assertThat(shared(rules, "ip-1", GOOGLE, "")).isEmpty();
    }

    @Test
    void theRateOfChoosingASourceIsThePathsAlone() throws IOException {
        Rules rules = rules("""
                ["gmail.com".sources."ip-1"]
                source_selection_rate = "100/day,max_burst=1"
                additional_source_selection_rates = { "warm" = "10,000/day" }
                """);
        assertThat(shared(rules, "ip-1", GOOGLE, "")).extracting(SharedLimit::id).containsExactly(
                new SharedLimit.Id(Measure.SOURCE_SELECTION_RATE, "warm", ""),
                new SharedLimit.Id(Measure.SOURCE_SELECTION_RATE, "source_selection_rate", "ip-1->" + GOOGLE));
        assertThat(shared(rules, "ip-2", GOOGLE, "")).isEmpty();
    }

    @Test
    void aLimitThatIsLiftedBindsNobody() throws IOException {
        Rules rules = rules("""
                ["default"]
                max_message_rate = "5/s"
                additional_message_rate_throttles = { "everything" = "4/s" }
                ["gmail.com"]
                max_message_rate = "none"
                additional_message_rate_throttles = { "everything" = "none" }
                """);
        assertThat(shared(rules, "ip-1", GOOGLE, "")).isEmpty();
        assertThat(own(rules, "ip-1", GOOGLE, "").maxMessageRate()).isNull();
        assertThat(shared(rules, "ip-1", ELSEWHERE, "")).hasSize(1);
    }

    @Test
    void aSectionThatReplacesItsBaseStartsAnew() throws IOException {
        Rules rules = rules("""
                ["default"]
                connection_limit = 3
                enable_tls = "Required"
                additional_connection_limits = { "all" = 5 }
                [provider."google"]
                idle_timeout = "9s"
                provider_connection_limit = 20
                ["gmail.com"]
                replace_base = true
                max_deliveries_per_connection = 7
                """);
        assertThat(own(rules, "ip-1", GOOGLE, "google"))
                .isEqualTo(TrafficLimits.DEFAULT.with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 7));
        assertThat(shared(rules, "ip-1", GOOGLE, "google")).isEmpty();
        assertThat(own(rules, "ip-1", ELSEWHERE, "google").connectionLimit()).isEqualTo(3);
    }

    @Test
    void ofSectionsForOneSiteTheLastSaysWhatBothSay() throws IOException {
        sites = Map.of("gmail.com", GOOGLE, "googlemail.com", GOOGLE);
        Rules rules = rules("""
                ["gmail.com"]
                connection_limit = 3
                idle_timeout = "3s"
                ["googlemail.com"]
                connection_limit = 4
                """);
        assertThat(own(rules, "ip-1", GOOGLE, "").connectionLimit()).isEqualTo(4);
        assertThat(own(rules, "ip-1", GOOGLE, "").idleTimeout()).isEqualTo(Duration.ofSeconds(3));
        assertThat(rules.doubts(Map.of())).singleElement().asString().isEqualTo("aliased_site: " + at(2)
                + " [\"gmail.com\"], " + at(5) + " [\"googlemail.com\"] are for one site, " + GOOGLE
                + ": of what they say differently the last counts");
    }

    @Test
    void whatIsDoubtfulAboutSitesIsNamed() throws IOException {
        Rules rules = rules("""
                ["gmail.com"]
                connection_limit = 3
                ["none.example"]
                connection_limit = 3
                ["alone.example"]
                mx_rollup = false
                [provider."google"]
                connection_limit = 5
                """);
        assertThat(rules.doubts(Map.of("none.example", "none.example takes no mail"))).containsExactly(
                "no site: " + at(4) + " [\"none.example\"] is for its domain alone, because its hosts aren't known: "
                        + "none.example takes no mail",
                "provider_overlap: " + at(2)
                        + " [\"gmail.com\"] is over [provider.\"google\"], which its domain is matched by, too",
                "provider_overlap: " + at(6)
                        + " [\"alone.example\"] is over [provider.\"google\"], which its domain is matched by, too");
    }

    @Test
    void aDomainWhoseSiteIsNotKnownIsShapedByItselfByItsSection() throws IOException {
        sites = Map.of();
        Rules rules = rules(LAYERS);
        Site key = rules.key("gmail.com", GOOGLE);
        assertThat(key).isEqualTo(Site.ofDomain("gmail.com"));
        assertThat(own(rules, "ip-2", key, "google").connectionLimit()).isEqualTo(70);
        assertThat(own(rules, "ip-1", key, "google").connectionLimit()).isEqualTo(50);
    }

    @Test
    void aDomainThatGoesElsewhereThanItsSectionIsKnownToIsShapedByItself() throws IOException {
        Rules rules = rules(LAYERS);
        Site key = rules.key("gmail.com", ELSEWHERE);
        assertThat(key).isEqualTo(Site.ofDomain("gmail.com"));
        assertThat(own(rules, "ip-2", key, "").connectionLimit()).isEqualTo(70);
        assertThat(rules.key("customer.example", ELSEWHERE)).isEqualTo(ELSEWHERE);
    }

    @Test
    void aDomainThatItsEndMakesAnothersThanItsHostsIsShapedByItself() throws IOException {
        Rules rules = rules("""
                [provider."gov"]
                match = [ {DomainSuffix=".gov"} ]
                connection_limit = 2
                [provider."google"]
                connection_limit = 9
                """);
        Site key = rules.key("agency.gov", GOOGLE);
        assertThat(key).isEqualTo(Site.ofDomain("agency.gov"));
        assertThat(rules.provider("agency.gov", GOOGLE)).isEqualTo("gov");
        assertThat(own(rules, "ip-1", key, "gov").connectionLimit()).isEqualTo(2);
        assertThat(rules.key("customer.example", GOOGLE)).isEqualTo(GOOGLE);
        assertThat(own(rules, "ip-1", GOOGLE, "google").connectionLimit()).isEqualTo(9);
    }

    @Test
    void aSectionNamedByASiteIsForIt() throws IOException {
        Rules rules = rules("[\"" + GOOGLE.section() + "\"]\nconnection_limit = 4\n");
        assertThat(own(rules, "ip-1", GOOGLE, "").connectionLimit()).isEqualTo(4);
        assertThat(rules.key("gmail.com", GOOGLE)).isEqualTo(GOOGLE);
    }

    @Test
    void tlsIsPutTogetherFromWhatEachLayerSays() throws IOException {
        Rules rules = rules("""
                ["default"]
                enable_tls = "Opportunistic"
                [provider."google"]
                remember_broken_tls = "3 days"
                ["gmail.com".sources."ip-1"]
                opportunistic_tls_reconnect_on_failed_handshake = false
                ["gmail.com".sources."ip-3"]
                enable_tls = "Required"
                """);
        assertThat(own(rules, "ip-1", ELSEWHERE, "").enableTls()).isEqualTo(TlsPolicy.OPPORTUNISTIC_VERIFIED);
        assertThat(own(rules, "ip-2", GOOGLE, "google").enableTls()).isEqualTo(TlsPolicy.OPPORTUNISTIC);
        assertThat(own(rules, "ip-1", GOOGLE, "google").enableTls()).isEqualTo(TlsPolicy.OPPORTUNISTIC_VERIFIED);
        assertThat(own(rules, "ip-3", GOOGLE, "google").enableTls()).isEqualTo(TlsPolicy.VERIFIED);
    }

    @Test
    void limitsByWayAreOfThePath() throws IOException {
        Rules rules = rules("""
                [[limit]]
                name = "each"
                by = ["source", "provider"]
                max_octet_rate = "1 KB/s"
                [[limit]]
                name = "hosts"
                by = ["host"]
                source = "ip-1"
                connection_limit = 3
                [[limit]]
                name = "one host"
                host = "MX2.google.com"
                max_connection_rate = "2/s"
                """);
        assertThat(rules.limitsSenders()).isFalse();
        assertThat(shared(rules, "ip-1", GOOGLE, "google")).containsExactly(
                new SharedLimit(
                        new SharedLimit.Id(Measure.OCTET_RATE, "each.max_octet_rate", "source=ip-1 provider=google"),
                        new Bound.Spaced(Rate.parse("1024/s")), at(2)),
                new SharedLimit(
                        new SharedLimit.Id(Measure.CONNECTIONS, "hosts.connection_limit", "host=mx1.google.com"),
                        new Bound.Count(3), at(6)),
                new SharedLimit(
                        new SharedLimit.Id(Measure.CONNECTIONS, "hosts.connection_limit", "host=mx2.google.com"),
                        new Bound.Count(3), at(6)),
                new SharedLimit(new SharedLimit.Id(Measure.CONNECTION_RATE, "one host.max_connection_rate", ""),
                        new Bound.Spaced(Rate.parse("2/s")), at(11)));
        assertThat(shared(rules, "ip-2", ELSEWHERE, "")).as("nobody's provider shares nothing").isEmpty();
    }

    @Test
    void limitsBySenderAreOfTheSender() throws IOException {
        Rules rules = rules("""
                [[limit]]
                name = "shares"
                by = ["tenant", "provider"]
                daily_limit = 1000
                time_zone = "Europe/Berlin"
                [[limit]]
                name = "spring"
                tenant = "acme"
                campaign = "spring sale"
                by = ["domain"]
                max_message_rate = "1/s"
                """);
        EgressPath path = new EgressPath("ip-1", GOOGLE);
        assertThat(rules.limitsSenders()).isTrue();
        assertThat(rules.of(path, "google").shared()).isEmpty();
        SharedLimit acme = new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "shares.daily_limit",
                "tenant=acme provider=google"), new Bound.Daily(1000, ZoneId.of("Europe/Berlin")), at(2));
        assertThat(rules.of(path, "google", new Sender("acme", "spring sale", "pool", "gmail.com"))).containsExactly(
                acme,
                new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "spring.max_message_rate", "domain=gmail.com"),
                        new Bound.Spaced(Rate.parse("1/s")), at(7)));
        assertThat(rules.of(path, "google", new Sender("acme", "autumn", "pool", "gmail.com"))).containsExactly(acme);
        assertThat(rules.of(path, "google", new Sender("a c provider=x", "", "", "gmail.com")))
                .extracting(limit -> limit.id().scope())
                .containsExactly("tenant=a%20c%20provider=x provider=google");
        assertThat(rules.of(path, "", new Sender("acme", "", "", "gmail.com"))).isEmpty();
    }

    @Test
    void automationIsThatOfTheDefaultTheProviderTheSiteAndTheDomain() throws IOException {
        String block = "regex = \"%s\"\naction = \"Suspend\"\nduration = \"1h\"\n";
        Rules rules = rules("[[default.automation]]\n" + block.formatted("a") + "[[provider.google.automation]]\n"
                + block.formatted("b") + "[[\"gmail.com\".automation]]\n" + block.formatted("c")
                + "[\"alone.example\"]\nmx_rollup = false\n[[\"alone.example\".automation]]\n" + block.formatted("d"));
        assertThat(rules.automation(GOOGLE, "google"))
                .extracting(automation -> automation.rule().regex().getFirst()).containsExactly("a", "b", "c");
        assertThat(rules.automation(Site.ofDomain("alone.example"), "google"))
                .extracting(automation -> automation.rule().regex().getFirst() + automation.site())
                .containsExactly("atrue", "btrue", "ctrue", "dfalse");
        assertThat(rules.automation(ELSEWHERE, ""))
                .extracting(automation -> automation.rule().regex().getFirst()).containsExactly("a");
    }

    @Test
    void anExplanationNamesEachValuesPlaceAndWhatItOverrode() throws IOException {
        Explanation explained = Explanation.of(rules(LAYERS), "alone.example", GOOGLE, "ip-1",
                new Sender("", "", "", "alone.example"));
        assertThat(explained.layers()).containsExactly("[default]", "[provider.google]",
                "[provider.google.sources.ip-1]", "[\"gmail.com\"]", "[\"alone.example\"]",
                "[\"gmail.com\".sources.ip-1]", "[\"alone.example\".sources.ip-1]");
        assertThat(explained.settings()).extracting(Explanation.Setting::text).contains(
                "connection_limit = 40  # " + at(46) + " [\"alone.example\".sources.ip-1], over 50 at " + at(36)
                        + " [\"gmail.com\".sources.ip-1], over 60 at " + at(41) + " [\"alone.example\"], over 70 at "
                        + at(29) + " [\"gmail.com\"], over 80 at " + at(22)
                        + " [provider.google.sources.ip-1], over 90 at "
                        + at(13) + " [provider.google], over 100 at " + at(2) + " [default]",
                "enable_dane = false  # built in");
        assertThat(explained.provider()).isEqualTo("google");
        assertThat(explained.providerMatch()).isEqualTo("{MXSuffix = \".google.com\"}");
    }

    @Test
    void theCeilingThatBindsIsNamed() throws IOException {
        Rules rules = rules("""
                ["default"]
                connection_limit = 4
                max_message_rate = "100/s"
                max_connection_rate = "60/min"
                max_deliveries_per_connection = 20
                additional_connection_limits = { "few" = 2 }
                """);
        Explanation explained = Explanation.of(rules, "a.example", ELSEWHERE, "default",
                new Sender("", "", "", "a.example"));
        assertThat(explained.bounds().getFirst()).isEqualTo("binds: max_connection_rate 60/min × "
                + "max_deliveries_per_connection 20 (" + at(4)
                + "), 20.0 messages/s; its 2 sessions come to that while a "
                + "message takes 100 ms at most, and bind themselves when it takes longer: few 2 (" + at(6) + ")");
        assertThat(explained.bounds()).contains("then: max_message_rate 100/s (" + at(3) + "), 100.0 messages/s",
                "then: connection_limit 4 (" + at(2) + ")");
    }

    @Test
    void aDifferenceSaysWhatGetsFasterAndSlower() throws IOException {
        ShapingConfig old = config("""
                ["default"]
                connection_limit = 10
                max_message_rate = "100/s"
                ["a.example"]
                idle_timeout = "5s"
                [provider."google"]
                provider_connection_limit = 5
                """);
        ShapingConfig next = config("""
                ["default"]
                connection_limit = 5
                max_message_rate = "none"
                ["a.example"]
                mx_rollup = false
                idle_timeout = "6s"
                ["b.example"]
                connection_limit = 3
                [[limit]]
                name = "all"
                daily_limit = 5
                [[default.automation]]
                regex = "x"
                action = "Suspend"
                duration = "1h"
                """);
        assertThat(RuleChange.between(old, old)).isEmpty();
        assertThat(RuleChange.between(old, next)).extracting(RuleChange::toString).contains(
                "[\"default\"] connection_limit: 10 -> 5, slower",
                "[\"default\"] max_message_rate: \"100/s\" -> \"none\", faster",
                "[provider.\"google\"] provider_connection_limit: 5 -> nothing",
                "[\"a.example\"] idle_timeout: \"5s\" -> \"6s\"", "[\"a.example\"] mx_rollup: true -> false",
                "[\"b.example\"] connection_limit: nothing -> 3", "[[limit]] \"all\" daily_limit: nothing -> 5")
                .anyMatch(change -> change.startsWith("[\"default\"] automation: nothing -> [x]")).hasSize(9);
        Sender sender = new Sender("", "", "", "b.example");
        Rules oldRules = new Rules(old);
        Rules nextRules = new Rules(next);
        assertThat(RuleChange.between("b.example", Explanation.of(oldRules, "b.example", GOOGLE, "default", sender),
                Explanation.of(nextRules, "b.example", GOOGLE, "default", sender), oldRules, nextRules))
                .extracting(RuleChange::toString).contains("b.example connection_limit: 10 -> 3, slower",
                        "b.example max_message_rate: \"100/s\" -> \"none\", faster",
                        "b.example provider_connection_limit of default->google: 5 -> nothing, faster",
                        "b.example all.daily_limit: nothing -> 5/day in UTC, slower");
    }
}
