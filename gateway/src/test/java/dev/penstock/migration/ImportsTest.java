package dev.penstock.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.PoolConfig;
import dev.penstock.config.Problem;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.SourceConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.migration.Finding.Kind;
import dev.penstock.units.Rate;

/** What other servers' files become, that it loads, and that nothing of them goes unsaid. */
class ImportsTest {
    @TempDir
    Path directory;

    @BeforeEach
    void copySamples() throws IOException {
        for (String name : List.of("pmta.conf", "backoff.conf", "main.cf", "transport")) {
            try (InputStream in = Objects.requireNonNull(ImportsTest.class.getResourceAsStream(name))) {
                Files.copy(in, directory.resolve(name));
            }
        }
    }

    private static Conversion.Done done(Conversion conversion) {
        assertThat(conversion).isInstanceOf(Conversion.Done.class);
        return (Conversion.Done) conversion;
    }

    private List<String> refused(Conversion conversion) {
        assertThat(conversion).isInstanceOf(Conversion.Refused.class);
        return ((Conversion.Refused) conversion).problems().stream()
                .map(problem -> problem.toString().replace(directory + "/", "")).toList();
    }

    private Conversion pmta(String text) throws IOException {
        return PowerMtaImport.of(Files.writeString(directory.resolve("config"), text));
    }

    /** The three files, each as Penstock reads it. */
    private GatewayConfig loaded(Conversion.Done done) throws IOException {
        Path shaping = Files.writeString(directory.resolve("shaping.toml"), done.shaping());
        Path rules = Files.writeString(directory.resolve("rules.toml"), done.rules() + "# nothing more\n");
        GatewayConfig limits = config(Files.writeString(directory.resolve("limits.toml"),
                "[gateway]\nshaping-file = '" + shaping + "'\n[delivery]\nclassification-files = ['" + rules + "']\n"));
        GatewayConfig tables = config(Files.writeString(directory.resolve("tables.toml"), done.tables()));
        return tables.with(GatewayConfig.SHAPING, limits.shaping()).with(GatewayConfig.DELIVERY,
                tables.delivery().with(DeliveryConfig.CLASSIFICATION_FILES,
                        limits.delivery().classificationFiles()));
    }

    private static GatewayConfig config(Path file) {
        return switch (ConfigReader.read(file)) {
            case Valid(GatewayConfig config, List<Problem> _) -> config;
            case ConfigReader.Invalid(List<Problem> problems) -> throw new AssertionError(problems.toString());
        };
    }

    private static List<String> report(Conversion.Done done, Kind kind) {
        return done.report().stream().filter(finding -> finding.kind() == kind)
                .map(finding -> finding.file().getFileName() + ":" + finding.line() + " " + finding.key()).toList();
    }

    // PowerMTA

    @Test
    void aSendersPowerMtaBecomesSectionsSourcesPoolsAndRules() throws IOException {
        Conversion.Done done = done(PowerMtaImport.of(directory.resolve("pmta.conf")));
        GatewayConfig config = loaded(done);
        TrafficLimits defaults = config.shaping().defaults();
        assertThat(defaults.connectionLimit()).isEqualTo(20);
        assertThat(defaults.maxMessageRate()).isNull();
        assertThat(defaults.maxDeliveriesPerConnection()).isEqualTo(1_000_000);
        assertThat(defaults.enableTls()).isEqualTo(TlsPolicy.OPPORTUNISTIC);
        assertThat(defaults.connectTimeout()).isEqualTo(Duration.ofMinutes(1));
        assertThat(defaults.bannerTimeout()).isEqualTo(Duration.ofMinutes(5));
        Map<String, TrafficLimits> sections = config.shaping().sections();
        assertThat(sections).containsKeys("hotmail.com", "live.com", "msn.com", "partner.example");
        TrafficLimits live = Objects.requireNonNull(sections.get("live.com"));
        assertThat(live.connectionLimit()).isEqualTo(8);
        assertThat(live.maxMessageRate()).isEqualTo(Rate.parse("10000/h"));
        assertThat(live.maxRecipientsPerBatch()).isEqualTo(10);
        TrafficLimits partner = Objects.requireNonNull(sections.get("partner.example"));
        assertThat(partner.enableTls()).isEqualTo(TlsPolicy.NONE);
        assertThat(partner.smtpAuthPlainUsername()).isEqualTo("user");
        assertThat(config.hostname()).isEqualTo("mta.sender.example");
    }

    @Test
    void whatIsOfSourcesProvidersAndBackOffStandsWhereKumoMtaHasIt() throws IOException {
        TomlParseResult shaping = Toml.parse(done(PowerMtaImport.of(directory.resolve("pmta.conf"))).shaping());
        assertThat(shaping.errors()).isEmpty();
        assertThat(shaping.getLong(List.of("provider", "yahoo.rollup", "provider_connection_limit"))).isEqualTo(5);
        assertThat(shaping.getString(List.of("provider", "yahoo.rollup", "provider_max_message_rate")))
                .isEqualTo("600/600s");
        assertThat(shaping.getLong(List.of("provider", "yahoo.rollup", "max_deliveries_per_connection"))).isEqualTo(20);
        assertThat(matches(shaping, "yahoo.rollup")).containsExactly("MXSuffix=.yahoodns.net");
        assertThat(matches(shaping, "other.rollup")).containsExactly("HostName=mx1.mailhost.example",
                "HostName=mx2.mailhost.example");
        assertThat(matches(shaping, "below.gov.example")).containsExactly("DomainSuffix=.gov.example");
        assertThat(shaping.getString(List.of("provider", "below.gov.example", "enable_tls")))
                .isEqualTo("RequiredInsecure");
        assertThat(shaping.getLong(List.of("provider", "mx.narrow.example", "provider_connection_limit"))).isEqualTo(3);
        assertThat(shaping.getString(List.of("live.com", "sources", "mta1", "max_message_rate"))).isEqualTo("100/h");
        assertThat(shaping.getLong(List.of("partner.example", "sources", "mta1", "connection_limit"))).isEqualTo(1);
        assertThat(shaping.getBoolean(List.of("msn.com", "mx_rollup"))).isFalse();

        assertThat(automation(shaping, "default")).containsExactly(
                "generating high volumes SetConfig max_message_rate 60/h for 1h",
                "mail/troubleshooting SetConfig max_message_rate 60/h for 1h");
        assertThat(automation(shaping, "msn.com")).containsExactly(
                "421 .*rate SetConfig connection_limit 1, SetConfig max_message_rate 60/h for 2h",
                "S3150 Suspend for 6h", "queue is closed Bounce for 1m", "come back Suspend for 10m");
        TomlArray ofYahoo = shaping.getArray(List.of("provider", "yahoo.rollup", "automation"));
        assertThat(Objects.requireNonNull(ofYahoo).size()).isEqualTo(4);
    }

    private static List<String> matches(TomlParseResult shaping, String provider) {
        List<String> matches = new ArrayList<>();
        TomlArray array = Objects.requireNonNull(shaping.getArray(List.of("provider", provider, "match")));
        for (int i = 0; i < array.size(); i++) {
            array.getTable(i).toMap().forEach((kind, text) -> matches.add(kind + "=" + text));
        }
        return matches;
    }

    private static List<String> automation(TomlParseResult shaping, String section) {
        List<String> rules = new ArrayList<>();
        TomlArray array = Objects.requireNonNull(shaping.getArray(List.of(section, "automation")));
        for (int i = 0; i < array.size(); i++) {
            Map<String, Object> rule = array.getTable(i).toMap();
            Object action = rule.get("action");
            List<String> actions = new ArrayList<>();
            if (action instanceof TomlArray several) {
                for (int j = 0; j < several.size(); j++) {
                    var change = Objects.requireNonNull(several.getTable(j).getTable("SetConfig"));
                    actions.add("SetConfig " + change.get("name") + " " + change.get("value"));
                }
            } else {
                actions.add(String.valueOf(action));
            }
            rules.add(rule.get("regex") + " " + String.join(", ", actions) + " for " + rule.get("duration"));
        }
        return rules;
    }

    @Test
    void virtualMtasBecomeSourcesAndPools() throws IOException {
        GatewayConfig config = loaded(done(PowerMtaImport.of(directory.resolve("pmta.conf"))));
        SourceConfig source = Objects.requireNonNull(config.sources().get("mta1"));
        assertThat(source.sourceAddress()).containsExactly("192.0.2.17");
        assertThat(source.ehloName()).isEqualTo("mta17.sender.example");
        assertThat(config.sources()).containsOnlyKeys("mta1", "mta-2");
        Map<String, Map<String, Integer>> pools = new HashMap<>();
        config.pools().forEach((name, pool) -> pools.put(name, pool.with(PoolConfig.STICKY, true).sources()));
        assertThat(pools).isEqualTo(
                Map.of("mta1", Map.of("mta1", 1), "mta-2", Map.of("mta-2", 1), "shared", Map.of("mta1", 1)));
        assertThat(config.delivery().pool()).isEqualTo("shared");
        assertThat(config.delivery().maxSessions()).isEqualTo(1_200);
        assertThat(config.inbound().relayNetworks()).containsExactly("10.1.0.0/16");
        assertThat(config.policy().poolHeader()).isEqualTo("X-Virtual-MTA");
        assertThat(config.queue().retryIntervals()).containsExactly(Duration.ofMinutes(10), Duration.ofMinutes(20),
                Duration.ofHours(1));
        assertThat(config.queue().maxAge()).isEqualTo(Duration.ofHours(108));
        assertThat(config.listeners()).hasSize(2);
    }

    @Test
    void aVirtualMtaOfSeveralAddressesBecomesSourcesOfOnePool() throws IOException {
        GatewayConfig config = loaded(done(pmta("""
                <domain a.example>
                    max-smtp-out 9
                </domain>
                <virtual-mta-pool all>
                    virtual-mta many
                </virtual-mta-pool>
                <virtual-mta many-2>
                    smtp-source-host 192.0.2.9 nine.example
                </virtual-mta>
                <virtual-mta many>
                    smtp-source-host 192.0.2.1 one.example
                    smtp-source-host 192.0.2.2 two.example
                    smtp-source-host 2001:db8::1 one.example
                    <domain a.example>
                        max-smtp-out 3
                    </domain>
                </virtual-mta>
                """)));
        assertThat(Objects.requireNonNull(config.sources().get("many")).sourceAddress()).containsExactly("192.0.2.1",
                "2001:db8::1");
        assertThat(Objects.requireNonNull(config.sources().get("many-3")).ehloName()).isEqualTo("two.example");
        assertThat(Objects.requireNonNull(config.sources().get("many-2")).sourceAddress())
                .containsExactly("192.0.2.9");
        for (String pool : List.of("many", "all")) {
            assertThat(Objects.requireNonNull(config.pools().get(pool)).sources())
                    .isEqualTo(Map.of("many", 1, "many-3", 1));
        }
        assertThat(Files.readString(directory.resolve("shaping.toml")))
                .contains("[\"a.example\".sources.\"many\"]", "[\"a.example\".sources.\"many-3\"]");
    }

    @Test
    void patternsBecomeRules() throws IOException {
        List<ReplyRule> rules = loaded(done(PowerMtaImport.of(directory.resolve("pmta.conf")))).delivery()
                .classificationFiles().rules();
        assertThat(rules).filteredOn(rule -> rule.action() == ReplyAction.BOUNCE).singleElement()
                .satisfies(rule -> {
                    assertThat(rule.codes()).containsExactly(550);
                    assertThat(rule.enhanced()).containsExactly(new ReplyRule.StatusPattern(5, 1, 1));
                    assertThat(rule.texts()).isEmpty();
                });
        assertThat(rules).filteredOn(ReplyRule::classOnly).extracting(ReplyRule::bounceClass).containsExactly(
                "SpamRelated", "SpamRelated", "InvalidRecipient", "PolicyRelated");
        assertThat(rules).filteredOn(rule -> rule.bounceClass().equals("InvalidRecipient") && rule.classOnly())
                .singleElement()
                .satisfies(rule -> assertThat(rule.texts()).containsExactly("^[0-9]{3}[ -][45]\\.1\\.1 "));
    }

    @Test
    void everyKeyOfPowerMtaIsReported() throws IOException {
        Conversion.Done done = done(PowerMtaImport.of(directory.resolve("pmta.conf")));
        assertThat(report(done, Kind.UNKNOWN)).containsExactly("pmta.conf:13 frobnicate", "pmta.conf:84 strange-key");
        assertThat(report(done, Kind.NONE)).contains("pmta.conf:3 postmaster", "pmta.conf:10 ip-connection-limit",
                "pmta.conf:12 sync-msg-create", "pmta.conf:16 min-free-space", "pmta.conf:19 <acct-file>",
                "pmta.conf:20 records", "pmta.conf:30 always-allow-relaying", "backoff.conf:9 reply",
                "backoff.conf:12 reply", "backoff.conf:15 reply");
        for (String file : List.of("pmta.conf", "backoff.conf")) {
            List<String> lines = Files.readAllLines(directory.resolve(file));
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i).strip();
                int number = i + 1;
                boolean isKey = !line.isEmpty() && !line.startsWith("#") && !line.startsWith("<")
                        && !line.startsWith("include ");
                if (isKey) {
                    assertThat(done.report()).as(file + ":" + number + ": " + line)
                            .anyMatch(finding -> finding.line() == number && finding.file().endsWith(file));
                }
            }
        }
    }

    @Test
    void everyDirectiveThatIsKnownIsReadWithoutAFault() throws IOException {
        Map<String, String> values = Map.of("COUNT", "7", "RATE", "10/m", "TIME", "30s", "FLAG", "yes", "TEXT", "x");
        Map<String, String> own = Map.ofEntries(Map.entry("use-starttls", "yes"), Map.entry("require-starttls", "yes"),
                Map.entry("smtp-pattern-list", "p"), Map.entry("backoff-max-smtp-out", "1"),
                Map.entry("backoff-max-msg-rate", "1/m"), Map.entry("backoff-max-connect-rate", "1/m"),
                Map.entry("backoff-retry-after", "1h"), Map.entry("backoff-to-normal-after", "never"),
                Map.entry("reenable-source-ip-after", "never"), Map.entry("retry-after", "10m"),
                Map.entry("bounce-after", "4d"), Map.entry("notify-of-delay-every", "4h"),
                Map.entry("disable-mx-rollup", "yes"), Map.entry("host-name", "a.example"),
                Map.entry("smtp-listener", "0/0:25"), Map.entry("smtp-source-host", "192.0.2.1 b.example"),
                Map.entry("smtp-source-ip", "192.0.2.2"), Map.entry("total-max-smtp-out", "10"),
                Map.entry("total-max-smtp-in", "10"), Map.entry("mx-connection-limit", "mx.example 3"),
                Map.entry("default-smtp-port", "25"), Map.entry("spool", "/var/spool"),
                Map.entry("domain-macro", "m a.example"), Map.entry("always-allow-relaying", "yes"),
                Map.entry("process-x-virtual-mta", "yes"), Map.entry("default-virtual-mta", "v"));
        StringBuilder text = new StringBuilder("<smtp-pattern-list p>\nreply /x/ mode=backoff\n</smtp-pattern-list>\n");
        PowerMtaKeys.GLOBAL.forEach((name, known) -> text.append(line(name, known, values, own)));
        text.append("<virtual-mta v>\n");
        PowerMtaKeys.VIRTUAL_MTA.forEach((name, known) -> {
            if (!name.equals("virtual-mta")) {
                text.append(line(name, known, values, own));
            }
        });
        text.append("</virtual-mta>\n<source 10.0.0.0/8>\n");
        PowerMtaKeys.SOURCE.forEach((name, known) -> text.append(line(name, known, values, own)));
        text.append("</source>\n<domain a.example>\n");
        PowerMtaKeys.DOMAIN.forEach((name, known) -> text.append(line(name, known, values, own)));
        text.append("</domain>\n");
        Conversion.Done done = done(pmta(text.toString()));
        loaded(done);
        assertThat(report(done, Kind.UNKNOWN)).isEmpty();
        assertThat(done.report()).filteredOn(finding -> finding.kind() == Kind.NONE)
                .allMatch(finding -> !finding.text().isEmpty());
    }

    private static String line(String name, PowerMtaKeys.Counterpart known, Map<String, String> values,
            Map<String, String> own) {
        return name + " " + (known.form() == PowerMtaKeys.Form.OWN
                ? Objects.requireNonNull(own.get(name), name)
                : values.get(known.form().name())) + "\n";
    }

    @Test
    void everyErrorOfAPowerMtaFileIsNamed() throws IOException {
        assertThat(refused(pmta("""
                <domain a.example>
                    max-smtp-out many
                    max-msg-rate 10/fortnight
                    connect-timeout 2h
                    smtp-pattern-list nowhere
                </source>
                </domain>
                <domain $nobody>
                </domain>
                <domain not a domain>
                    max-smtp-out 1
                </domain>
                <domain x.rollup>
                </domain>
                <virtual-mta-pool p>
                    virtual-mta ghost
                </virtual-mta-pool>
                <smtp-pattern-list q>
                    reply /x/ mode=sideways
                    reply /open
                </smtp-pattern-list>
                <bounce-category-patterns>
                    /x/ no-such-category
                </bounce-category-patterns>
                include nowhere.conf
                domain-macro empty
                <domain open.example>
                """))).containsExactly(
                "config:2:5: max-smtp-out: \"many\": expected a whole number, or \"unlimited\"",
                "config:3:5: max-msg-rate: \"10/fortnight\": expected a rate like 100/s, 6000/min, 10/30s or "
                        + "100/s,max_burst=20",
                "config:4:5: connect-timeout: \"2h\": is too long; allowed: 1h at most",
                "config:5:5: smtp-pattern-list: there is no <smtp-pattern-list nowhere>",
                "config:6:1: </source>: expected </domain>, which line 1 opens",
                "config:8:1: <domain>: there is no domain-macro nobody",
                "config:10:1: <domain>: \"not a domain\": expected a domain, *, *.example.com, a roll-up or $ and a macro",
                "config:13:1: <domain>: no <mx-rollup-list> makes the roll-up x.rollup",
                "config:16:5: virtual-mta: there is no <virtual-mta ghost>",
                "config:19:5: reply: mode=sideways: unknown; allowed: mode=normal, mode=backoff",
                "config:20:5: reply: the regular expression has no end; expected a / behind it",
                "config:23:5: /x/: \"no-such-category\": unknown; allowed: bad-configuration, bad-connection, bad-domain, "
                        + "bad-mailbox, content-related, inactive-mailbox, invalid-sender, message-expired, "
                        + "no-answer-from-host, other, policy-related, protocol-errors, quota-issues, relaying-issues, "
                        + "routing-errors, spam-related, virus-related",
                "config:25:1: include: there is no file nowhere.conf",
                "config:26:1: domain-macro: expected a name and domains, like hotmail hotmail.com,live.com",
                "config:27:1: <domain>: isn't closed; expected </domain> before the end of the file");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# nothing\n", "include config\n"})
    void aFileOfNothingIsRefused(String text) throws IOException {
        assertThat(refused(pmta(text))).hasSize(1);
    }

    @Test
    void aFileThatIsntThereIsRefused() {
        assertThat(refused(PowerMtaImport.of(directory.resolve("none")))).singleElement().asString()
                .contains("there is no file");
        assertThat(refused(PostfixImport.of(directory.resolve("none"), null))).singleElement().asString()
                .contains("there is no such file");
    }

    // Postfix

    @Test
    void aTransportsLimitsAreThoseOfItsDomains() throws IOException {
        Conversion.Done done = done(PostfixImport.of(directory.resolve("main.cf"), directory.resolve("transport")));
        GatewayConfig config = loaded(done);
        TrafficLimits defaults = config.shaping().defaults();
        assertThat(defaults.connectionLimit()).isEqualTo(10);
        assertThat(defaults.maxRecipientsPerBatch()).isEqualTo(50);
        assertThat(defaults.connectTimeout()).isEqualTo(Duration.ofSeconds(10));
        assertThat(defaults.dataDotTimeout()).isEqualTo(Duration.ofMinutes(10));
        assertThat(defaults.idleTimeout()).isEqualTo(Duration.ofSeconds(2));
        assertThat(defaults.enableTls()).isEqualTo(TlsPolicy.OPPORTUNISTIC);
        for (String domain : List.of("orange.example", "wanadoo.example")) {
            TrafficLimits slow = Objects.requireNonNull(config.shaping().sections().get(domain));
            assertThat(slow.connectionLimit()).as(domain).isEqualTo(1);
            assertThat(slow.maxMessageRate()).isEqualTo(Rate.parse("1/3s"));
            assertThat(slow.maxRecipientsPerBatch()).isEqualTo(1);
        }
        TomlParseResult shaping = Toml.parse(done.shaping());
        assertThat(shaping.getString(List.of("provider", "below.customer.example", "max_message_rate")))
                .isEqualTo("1/3s");
        Map<String, RouteConfig> routes = config.routes();
        assertThat(Objects.requireNonNull(routes.get("partner.example")).hosts())
                .containsExactly("relay.partner.example:2525");
        assertThat(Objects.requireNonNull(routes.get("store.example")).lmtp()).isTrue();
        assertThat(config.queue().retryInterval()).isEqualTo(Duration.ofMinutes(5));
        assertThat(config.queue().maxRetryInterval()).isEqualTo(Duration.ofSeconds(4_000));
        assertThat(config.queue().maxAge()).isEqualTo(Duration.ofDays(5));
        assertThat(config.inbound().relayNetworks()).containsExactly("127.0.0.0/8", "::1/128", "192.0.2.0/24");
        assertThat(config.delivery().dataBlockTimeout()).isEqualTo(Duration.ofMinutes(3));
    }

    @Test
    void everyKeyOfPostfixIsReported() {
        Conversion.Done done = done(PostfixImport.of(directory.resolve("main.cf"), directory.resolve("transport")));
        assertThat(report(done, Kind.UNKNOWN)).containsExactly("main.cf:12 polite", "main.cf:27 smtpd_banner");
        assertThat(report(done, Kind.NONE)).containsExactlyInAnyOrder("main.cf:17 unused_destination_concurrency_limit",
                "main.cf:18 slow_destination_concurrency_negative_feedback", "main.cf:25 default_process_limit",
                "main.cf:26 transport_maps", "transport:6 someone@dest.example", "transport:7 gone.example");
        assertThat(done.report()).filteredOn(finding -> finding.key().equals("slow_destination_concurrency_limit"))
                .singleElement().satisfies(finding -> assertThat(finding.text()).contains("by recipient there"));
        assertThat(done.report()).hasSize(25 + 7);
    }

    @Test
    void debiansOwnMainCfIsImported() throws IOException {
        Path main = Files.writeString(directory.resolve("debian.cf"), """
                # See /usr/share/postfix/main.cf.dist for a commented, more complete version
                smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
                biff = no
                append_dot_mydomain = no
                readme_directory = no
                compatibility_level = 3.6
                smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem
                smtp_tls_CApath=/etc/ssl/certs
                smtp_tls_security_level=
                smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
                smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
                myhostname = mx.sender.example
                mydestination = $myhostname, localhost
                relayhost =
                smtp_bind_address =
                transport_maps =
                mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 ::FFFF:192.0.2.1
                mailbox_size_limit = 0
                inet_interfaces = all
                """);
        Conversion.Done done = done(PostfixImport.of(main, null));
        GatewayConfig config = loaded(done);
        assertThat(config.inbound().relayNetworks()).containsExactly("127.0.0.0/8", "::1/128", "192.0.2.1");
        assertThat(config.routes()).isEmpty();
        assertThat(config.hostname()).isEqualTo("mx.sender.example");
        assertThat(done.report()).filteredOn(finding -> finding.text().equals("is empty, as by default"))
                .extracting(Finding::key)
                .containsExactly("smtp_tls_security_level", "relayhost", "smtp_bind_address", "transport_maps");
    }

    @Test
    void everyErrorOfAPostfixFileIsNamed() throws IOException {
        Path main = Files.writeString(directory.resolve("bad.cf"), """
                  continued = 1
                this is no setting
                smtp_destination_concurrency_limit = many
                slow_destination_rate_delay = soon
                smtp_connect_timeout = 2h
                smtp_tls_security_level = $missing
                mynetworks = everywhere
                loop = $loop
                smtp_helo_name = $loop
                """);
        Path map = Files.writeString(directory.resolve("bad.map"), "a.example slow:\nb.example nothing\n");
        assertThat(refused(PostfixImport.of(main, map))).containsExactly(
                "bad.cf:1:1: continues nothing; expected a line that doesn't begin with a blank before it",
                "bad.cf:2:1: this: expected name = value",
                "bad.cf:3:1: smtp_destination_concurrency_limit: \"many\": expected a whole number, or \"unlimited\"",
                "bad.cf:4:1: slow_destination_rate_delay: \"soon\": expected a time like 300s, 5m, 4h or 5d",
                "bad.cf:5:1: smtp_connect_timeout: \"2h\": is too long; allowed: 1h at most",
                "bad.cf:6:1: smtp_tls_security_level: \"$missing\": refers to $missing, which isn't in this file; write "
                        + "its value",
                "bad.cf:7:1: mynetworks: \"everywhere\": everywhere is no address or network like 192.0.2.1 or 10.0.0.0/8",
                "bad.cf:9:1: smtp_helo_name: \"$loop\": refers to itself",
                "bad.map:2:1: b.example: expected a transport and a colon, like slow: or smtp:[mx.example.net]");
    }
}
