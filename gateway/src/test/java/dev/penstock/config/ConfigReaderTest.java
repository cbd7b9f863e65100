package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.ContentRules.Handling;
import dev.penstock.config.ListenerTls.Certificate;
import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.config.LocalDomainConfig.Lmtp;
import dev.penstock.config.LocalDomainConfig.Maildir;
import dev.penstock.config.LocalDomainConfig.OnFailure;
import dev.penstock.config.LocalDomainConfig.Smtp;
import dev.penstock.config.LocalDomainConfig.Verify;
import dev.penstock.testing.TestCertificates;
import dev.penstock.units.ByteSize;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

class ConfigReaderTest {
    private static final Path SAMPLE = Path.of("..", "config", "penstock.toml");
    private static final Path SHAPING_SAMPLE = Path.of("..", "config", "shaping.toml");
    private static final Map<String, Class<? extends Record>> TABLES = Map.ofEntries(
            Map.entry("inbound", InboundConfig.class), Map.entry("inbound.clients", ClientLimits.class),
            Map.entry("inbound.content", ContentRules.class), Map.entry("inbound.hostility", HostilityConfig.class),
            Map.entry("spool", SpoolConfig.class), Map.entry("dns", DnsConfig.class),
            Map.entry("queue", QueueConfig.class), Map.entry("delivery", DeliveryConfig.class),
            Map.entry("events", EventsConfig.class), Map.entry("http", HttpConfig.class),
            Map.entry("injection", InjectionConfig.class), Map.entry("tls-reports", TlsReportsConfig.class),
            Map.entry("history", HistoryConfig.class), Map.entry("admin", AdminConfig.class));

    @TempDir
    Path directory;

    @Test
    void sampleIsExactlyTheDefaults() {
        assertThat(valid(SAMPLE)).isEqualTo(GatewayConfig.embedded(ConfigReader.systemHostname()));
    }

    @Test
    void sampleHoldsEveryKeyAndNoOther() throws IOException {
        TomlParseResult sample = Toml.parse(SAMPLE);
        TABLES.forEach((table, type) -> {
            Set<String> keys = keysOf(type);
            keys.remove("certificates"); // tables of their own, none by default
            if (table.equals("admin")) {
                keys.remove("clients");
                keys.add("client"); // whose tables have names
            }
            assertThat(sample.getTableOrEmpty(table).keySet()).as(table).isEqualTo(keys);
        });
        assertThat(sample.getTableOrEmpty("gateway").keySet()).containsExactlyInAnyOrder("hostname", "node",
                "shaping-file");
        assertThat(sample.getArrayOrEmpty("listener").getTable(0).keySet()).isEqualTo(listenerKeys());
        assertThat(Files.readString(SAMPLE)).contains(
                Stream.of(RouteConfig.class, ListenerTls.Certificate.class, ListenerLimits.class)
                        .flatMap(type -> keysOf(type).stream()).filter(key -> !key.equals("login"))
                        .map(key -> "# " + key + " = ").toList());
    }

    /** TLS has no table of its own; certificates and limits have, and are off by default. */
    private static Set<String> listenerKeys() {
        Set<String> keys = keysOf(ListenerConfig.class);
        keys.addAll(keysOf(ListenerTls.class));
        keys.removeAll(Set.of("mode", "certificates", "limits"));
        return keys;
    }

    @Test
    void shapingSampleIsExactlyTheDefaultsWithEveryKey() throws IOException {
        ShapingConfig sample = valid(write("gateway.shaping-file = '" + SHAPING_SAMPLE + "'")).shaping();
        assertThat(new ShapingConfig(sample.defaults(), sample.sections(), sample.providers(), sample.limits(),
                ShapingConfig.DEFAULT.rules(), List.of())).isEqualTo(ShapingConfig.DEFAULT);
        assertThat(Toml.parse(SHAPING_SAMPLE).getTableOrEmpty("default").keySet())
                .isEqualTo(keysOf(TrafficLimits.class).stream().map(key -> key.replace('-', '_'))
                        .collect(Collectors.toSet()));
    }

    @Test
    void emptyFileIsTheDefaults() throws IOException {
        assertThat(valid(write(""))).isEqualTo(GatewayConfig.embedded(ConfigReader.systemHostname()));
    }

    @Test
    void everyKeyIsMapped() throws IOException {
        TestCertificates.PemFiles own = TestCertificates.write(directory, "own",
                new TestCertificates().client("gateway"));
        Path shaping = Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                connection_limit = 7
                max_message_rate = "50/s,max_burst=5"
                max_connection_rate = "30/min"
                max_deliveries_per_connection = 20
                idle_timeout = "60s"
                max_connection_age = "90s"
                consecutive_connection_failures_before_delay = 4
                enable_tls = "Required"
                enable_mta_sts = false
                enable_dane = true
                tls_certificate = "CHAIN"
                tls_private_key = "KEY"
                connect_timeout = "1s"
                banner_timeout = "2s"
                ehlo_timeout = "3s"
                starttls_timeout = "4s"
                tls_handshake_timeout = "5s"
                auth_timeout = "6s"
                rset_timeout = "7s"
                mail_from_timeout = "8s"
                rcpt_to_timeout = "9s"
                data_timeout = "10s"
                data_dot_timeout = "11s"
                max_recipients_per_batch = 12
                smtp_port = 2525
                ehlo_domain = "Bulk.example.net"
                enable_pipelining = false
                enable_rset = false
                ip_lookup_strategy = "Ipv6ThenIpv4"
                skip_hosts = ["10.3.0.0/16"]
                prohibited_hosts = ["10.4.0.0/16", "::1"]
                reconnect_strategy = "TerminateSession"
                try_next_host_on_transport_error = false
                smtp_auth_plain_username = "smart"
                smtp_auth_plain_password = "s3cret"
                allow_smtp_auth_plain_without_tls = true
                allow_smtp_auth_plain_without_valid_certificate = true
                use_lmtp = true
                remember_broken_tls = "3 days"

                ["Example.com"]
                connection_limit = 2
                max_message_rate = "none"

                [provider."example"]
                match = [ {MXSuffix=".example.net"} ]

                [[limit]]
                name = "some"
                by = ["source", "host"]
                pool = "marketing"
                tenant = "shop"
                campaign = "spring"
                domain = "example.com"
                site = "mx.example.net"
                provider = "example"
                connection_limit = 3
                max_message_rate = "4/s"
                max_recipient_rate = "5/s"
                max_octet_rate = "6 KB/s"
                daily_limit = 7
                time_zone = "Europe/Berlin"

                [[limit]]
                name = "others"
                source = "default"
                host = "mx.example.net"
                max_connection_rate = "8/s"
                """.replace("CHAIN", own.chain().toString()).replace("KEY", own.key().toString()));
        Path bounces = Files.writeString(directory.resolve("bounces.toml"), "[rules]\nQuotaIssues = ['^552 ']\n");
        Path chain = pem("mx.pem", "CERTIFICATE");
        Path key = pem("mx.key", "PRIVATE KEY");
        Path base = Files.writeString(directory.resolve("base.toml"), "# nothing\n");
        GatewayConfig config = valid(write("""
                [gateway]
                hostname = "MX.Example.net"
                node = 7
                shaping-file = '%1$s'
                shaping-base = ["BASE"]
                [[listener]]
                name = "mx"
                addresses = ["0.0.0.0:25", "[::1]:2526"]
                tls = "required"
                min-protocol = "TLSv1.3"
                client-certificates = "requested"
                client-ca = "%2$s"
                withheld = ["CHUNKING", "dsn"]
                mechanisms = ["PLAIN"]
                auth-required = true
                proxy-networks = ["10.1.0.0/16"]
                proxy-timeout = "3s"
                xclient-networks = ["10.2.0.0/16"]
                tenant = "shop"
                campaign = "spring"
                mail-class = "transactional"
                [listener.limits]
                max-sessions = 11
                max-message-size = "1 MB"
                max-recipients = 101
                max-messages-per-session = 12
                command-timeout = "13s"
                [[listener.certificate]]
                chain = "%2$s"
                key = "%3$s"
                [[listener]]
                address = "[::1]:2527"
                [inbound]
                event-loops = 3
                relay-networks = ["10.0.0.0/8", "2001:db8::/32"]
                max-message-size = "25 MB"
                max-recipients = 500
                max-sessions = 99
                max-sessions-per-address = 9
                banner = "ESMTP ready"
                max-messages-per-session = 77
                command-timeout = "1m"
                data-timeout = "2m"
                soft-error-limit = 3
                error-delay = "2s"
                hard-error-limit = 4
                junk-command-limit = 5
                max-line-length = 2048
                memory-limit = "32 MB"
                [inbound.clients]
                exempt = []
                ipv6-prefix = 56
                network-prefix-v4 = 16
                network-prefix-v6 = 40
                max-sessions-per-network = 500
                session-rate = "10/s"
                message-rate = "20/s"
                recipient-rate = "30/s"
                error-rate = "none"
                max-clients = 1000
                [inbound.content]
                bare-newlines = "normalise"
                nul = "normalise"
                max-header = "64 KB"
                max-hops = 25
                [inbound.hostility]
                greet-delay = "6s"
                min-data-rate = "1 KB"
                data-grace = "10s"
                command-deadline = "20s"
                session-deadline = "10m"
                max-error-delay = "5s"
                stress-at = 80
                stress-timeout = "5s"
                stress-error-limit = 2
                stress-junk-limit = 3
                [spool]
                directory = "/var/spool/penstock"
                segment-size = "64 MB"
                inline-limit = "128 KB"
                cache-size = "1 GB"
                min-free-space = "2 GB"
                append-deadline = "5s"
                max-waiting = "16 MB"
                readers = 2
                reclaim-below = 30
                [dns]
                servers = ["127.0.0.1:5353", "::1"]
                timeout = "1s"
                deadline = "4s"
                max-in-flight = 8
                cache-size = 10
                min-ttl = "1s"
                max-ttl = "2h"
                negative-ttl = "3m"
                failure-ttl = "4s"
                stale-ttl = "5s"
                ignore-networks = ["private", "198.18.0.0/15"]
                dnssec = "validate"
                trust-anchor = "%2$s"
                [tls-reports]
                mode = "send"
                directory = "/var/lib/penstock-tls"
                contact = "tls@example.net"
                [history]
                enabled = true
                directory = "/var/lib/penstock-history"
                max-size = "64 MB"
                max-age = "7d"
                [control]
                enabled = false
                decrease-to-percent = 60
                growth = "2m"
                retry-budget-percent = 20
                min-rate = 6
                probe-interval = "5m"
                max-probe-interval = "2h"
                incident-tenants = 7
                incident-percent = 40
                incident-messages = 80
                incident-window = "3m"
                [preflight]
                mode = "tag"
                kind = "transactional"
                receivers = "all"
                addresses = ["192.0.2.7", "2001:db8::7"]
                deadline = "250ms"
                recheck = "1m"

                [preflight.tenants."shop"]
                mode = "refuse"
                kind = "personal"

                [routes."Example.COM"]
                hosts = ["mx.internal:2526", "[::1]:25", "192.0.2.1"]
                lmtp = true
                tls = "required"
                user = "smart"
                password = "s3cret"
                auth-without-tls = true
                [routes."*"]
                hosts = ["smart.example"]
                [queue]
                retry-interval = "1m"
                max-retry-interval = "1h"
                retry-intervals = ["1m", "2h30m"]
                jitter-percent = 0
                max-age = "1d"
                delay-warning = "6h"
                max-suspension = "30m"
                lane-share-percent = 50
                memory-limit = "70 MB"
                returned-content = "9 KB"
                reports-per-sender = "7/min"
                tenants-without-reports = ["shop", "acme"]
                bulk-share-percent = 20
                [tenant."shop"]
                weight = 3
                mail-class = "transactional"
                queue-limit = 1000
                queue-octets = "1 GB"
                accept-rate = "5000/h"
                [campaign."shop/spring"]
                weight = 2
                mail-class = "bulk"
                [curfew."night"]
                tenants = ["shop"]
                pools = ["marketing"]
                providers = ["google"]
                classes = ["bulk", "transactional"]
                days = ["mon", "fri"]
                from = "22:00"
                to = "06:30"
                time-zone = "Europe/Berlin"
                [warm-up."gentle"]
                messages = [50]
                time-zone = "Europe/Berlin"
                [warm-up."gentle".provider."google"]
                first = 20
                growth = 30
                days = 9
                [pool."marketing"]
                sources = { "default" = 4 }
                sticky = false
                tenants = ["shop"]
                campaigns = ["shop/spring", "summer"]
                [delivery]
                port = 2600
                source-address = "127.0.0.9"
                pool = "marketing"
                address-preference = "ipv6"
                max-sessions = 10
                max-recipients-per-transaction = 20
                messages-in-flight = 3
                connect-timeout = "1s"
                greeting-timeout = "2s"
                command-timeout = "3s"
                data-init-timeout = "4s"
                data-block-timeout = "5s"
                data-done-timeout = "6s"
                quit-timeout = "7s"
                bad-host-time = "8s"
                stop-timeout = "9s"
                memory-limit = "33 MB"
                tls = "verified"
                tls-ca = "%2$s"
                https-ca = "%2$s"
                convert-eight-bit = false
                classification-files = ['%4$s']
                [events]
                directory = "/var/log/penstock"
                max-file-size = "1 MB"
                max-file-age = "1h"
                compression = "zstd"
                keep = "30d"
                rejection-rate = "none"
                flush-interval = "1s"
                max-pending = 10
                [http]
                address = "::1"
                port = 0
                [injection]
                address = "::1"
                port = 80
                max-body = "2 MB"
                max-recipients = 3
                max-concurrent = 4
                max-connections = 5
                max-connections-per-address = 2
                memory-limit = "17 MB"
                deadline = "7s"
                require-auth = false
                relay-networks = ["10.0.0.0/8"]
                directory = "/var/lib/penstock"
                idempotency-retention = "8h"
                max-keys = 9
                [[injection.certificate]]
                chain = "%2$s"
                key = "%3$s"
                [admin]
                enabled = false
                socket = "/run/penstock/admin.sock"
                socket-group = "operators"
                loopback-role = "none"
                address = "192.0.2.1"
                port = 8443
                client-ca = "%2$s"
                audit-file-size = "2 MB"
                audit-keep = "30d"
                [[admin.certificate]]
                chain = "%2$s"
                key = "%3$s"
                [admin.client."Ops.example.net"]
                role = "operate"
                """.replace("BASE", base.toString()).formatted(shaping, chain, key, bounces)));
        TrafficLimits defaults = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 7)
                .with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("50/s,max_burst=5"))
                .with(TrafficLimits.MAX_CONNECTION_RATE, Rate.parse("30/min"))
                .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 20)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofSeconds(60))
                .with(TrafficLimits.MAX_CONNECTION_AGE, Duration.ofSeconds(90))
                .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 4)
                .with(TrafficLimits.ENABLE_TLS, TlsPolicy.VERIFIED).with(TrafficLimits.ENABLE_MTA_STS, false)
                .with(TrafficLimits.ENABLE_DANE, true)
                .with(TrafficLimits.CONNECT_TIMEOUT, Duration.ofSeconds(1))
                .with(TrafficLimits.BANNER_TIMEOUT, Duration.ofSeconds(2))
                .with(TrafficLimits.EHLO_TIMEOUT, Duration.ofSeconds(3))
                .with(TrafficLimits.STARTTLS_TIMEOUT, Duration.ofSeconds(4))
                .with(TrafficLimits.TLS_HANDSHAKE_TIMEOUT, Duration.ofSeconds(5))
                .with(TrafficLimits.AUTH_TIMEOUT, Duration.ofSeconds(6))
                .with(TrafficLimits.RSET_TIMEOUT, Duration.ofSeconds(7))
                .with(TrafficLimits.MAIL_FROM_TIMEOUT, Duration.ofSeconds(8))
                .with(TrafficLimits.RCPT_TO_TIMEOUT, Duration.ofSeconds(9))
                .with(TrafficLimits.DATA_TIMEOUT, Duration.ofSeconds(10))
                .with(TrafficLimits.DATA_DOT_TIMEOUT, Duration.ofSeconds(11))
                .with(TrafficLimits.MAX_RECIPIENTS_PER_BATCH, 12).with(TrafficLimits.SMTP_PORT, 2_525)
                .with(TrafficLimits.EHLO_DOMAIN, "bulk.example.net").with(TrafficLimits.ENABLE_PIPELINING, false)
                .with(TrafficLimits.ENABLE_RSET, false)
                .with(TrafficLimits.IP_LOOKUP_STRATEGY, IpLookupStrategy.IPV6_THEN_IPV4)
                .with(TrafficLimits.SKIP_HOSTS, List.of("10.3.0.0/16"))
                .with(TrafficLimits.PROHIBITED_HOSTS, List.of("10.4.0.0/16", "::1"))
                .with(TrafficLimits.RECONNECT_STRATEGY, ReconnectStrategy.TERMINATE_SESSION)
                .with(TrafficLimits.TRY_NEXT_HOST_ON_TRANSPORT_ERROR, false)
                .with(TrafficLimits.TLS_CERTIFICATE, Optional.of(own.chain()))
                .with(TrafficLimits.TLS_PRIVATE_KEY, Optional.of(own.key()))
                .with(TrafficLimits.SMTP_AUTH_PLAIN_USERNAME, "smart")
                .with(TrafficLimits.SMTP_AUTH_PLAIN_PASSWORD, new Secret("s3cret"))
                .with(TrafficLimits.ALLOW_SMTP_AUTH_PLAIN_WITHOUT_TLS, true)
                .with(TrafficLimits.ALLOW_SMTP_AUTH_PLAIN_WITHOUT_VALID_CERTIFICATE, true)
                .with(TrafficLimits.USE_LMTP, true).with(TrafficLimits.REMEMBER_BROKEN_TLS, Duration.ofDays(3));
        List<ProviderConfig> providers = new ArrayList<>(ShapingConfig.DEFAULT.providers());
        providers.addFirst(new ProviderConfig("example",
                List.of(new ProviderMatch(ProviderMatch.Kind.MX_SUFFIX, ".example.net"))));
        GatewayConfig expected = GatewayConfig
                .embedded("mx.example.net").with(GatewayConfig.NODE, 7).with(
                        GatewayConfig.LISTENERS, List.of(
                                ListenerConfig.DEFAULT.with(ListenerConfig.NAME, "mx")
                                        .with(ListenerConfig.ADDRESSES,
                                                List.of(new ListenAddress("0.0.0.0", 25),
                                                        new ListenAddress("::1", 2526)))
                                        .with(ListenerConfig.TLS,
                                                new ListenerTls(Mode.REQUIRED, List.of(new Certificate(chain, key)),
                                                        "TLSv1.3",
                                                        ClientCertificates.REQUESTED, Optional.of(chain)))
                                        .with(ListenerConfig.WITHHELD, Set.of("CHUNKING", "DSN"))
                                        .with(ListenerConfig.OFFERED_MECHANISMS, List.of("PLAIN"))
                                        .with(ListenerConfig.AUTH_REQUIRED, true)
                                        .with(ListenerConfig.PROXY_NETWORKS, List.of("10.1.0.0/16"))
                                        .with(ListenerConfig.PROXY_TIMEOUT, Duration.ofSeconds(3))
                                        .with(ListenerConfig.XCLIENT_NETWORKS, List.of("10.2.0.0/16"))
                                        .with(ListenerConfig.TENANT, "shop").with(ListenerConfig.CAMPAIGN, "spring")
                                        .with(ListenerConfig.MAIL_CLASS, MailClass.TRANSACTIONAL)
                                        .with(ListenerConfig.LIMITS,
                                                new ListenerLimits(11, ByteSize.ofMegabytes(1), 101, 12,
                                                        Duration.ofSeconds(13))),
                                named("smtp-2", "::1", 2527)))
                .with(GatewayConfig.INBOUND, InboundConfig.DEFAULT.with(InboundConfig.EVENT_LOOPS, 3)
                        .with(InboundConfig.BANNER, "ESMTP ready")
                        .with(InboundConfig.RELAY_NETWORKS, List.of("10.0.0.0/8", "2001:db8::/32"))
                        .with(InboundConfig.MAX_MESSAGE_SIZE, ByteSize.ofMegabytes(25))
                        .with(InboundConfig.MAX_RECIPIENTS, 500).with(InboundConfig.MAX_SESSIONS, 99)
                        .with(InboundConfig.MAX_SESSIONS_PER_ADDRESS, 9)
                        .with(InboundConfig.MAX_MESSAGES_PER_SESSION, 77)
                        .with(InboundConfig.COMMAND_TIMEOUT, Duration.ofMinutes(1))
                        .with(InboundConfig.DATA_TIMEOUT, Duration.ofMinutes(2)).with(InboundConfig.SOFT_ERROR_LIMIT, 3)
                        .with(InboundConfig.ERROR_DELAY, Duration.ofSeconds(2)).with(InboundConfig.HARD_ERROR_LIMIT, 4)
                        .with(InboundConfig.JUNK_COMMAND_LIMIT, 5).with(InboundConfig.MAX_LINE_LENGTH, 2048)
                        .with(InboundConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(32))
                        .with(InboundConfig.CLIENTS,
                                ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of())
                                        .with(ClientLimits.IPV6_PREFIX, 56).with(ClientLimits.NETWORK_PREFIX_V4, 16)
                                        .with(ClientLimits.NETWORK_PREFIX_V6, 40)
                                        .with(ClientLimits.MAX_SESSIONS_PER_NETWORK, 500)
                                        .with(ClientLimits.SESSION_RATE, Rate.parse("10/s"))
                                        .with(ClientLimits.MESSAGE_RATE, Rate.parse("20/s"))
                                        .with(ClientLimits.RECIPIENT_RATE, Rate.parse("30/s"))
                                        .with(ClientLimits.ERROR_RATE, null).with(ClientLimits.MAX_CLIENTS, 1000))
                        .with(InboundConfig.CONTENT,
                                new ContentRules(Handling.NORMALISE, Handling.NORMALISE, ByteSize.ofKilobytes(64), 25))
                        .with(InboundConfig.HOSTILITY,
                                HostilityConfig.DEFAULT.with(HostilityConfig.GREET_DELAY, Duration.ofSeconds(6))
                                        .with(HostilityConfig.MIN_DATA_RATE, ByteSize.ofKilobytes(1))
                                        .with(HostilityConfig.DATA_GRACE, Duration.ofSeconds(10))
                                        .with(HostilityConfig.COMMAND_DEADLINE, Duration.ofSeconds(20))
                                        .with(HostilityConfig.SESSION_DEADLINE, Duration.ofMinutes(10))
                                        .with(HostilityConfig.MAX_ERROR_DELAY, Duration.ofSeconds(5))
                                        .with(HostilityConfig.STRESS_AT, 80)
                                        .with(HostilityConfig.STRESS_TIMEOUT, Duration.ofSeconds(5))
                                        .with(HostilityConfig.STRESS_ERROR_LIMIT, 2)
                                        .with(HostilityConfig.STRESS_JUNK_LIMIT, 3)))
                .with(GatewayConfig.SPOOL,
                        SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, Path.of("/var/spool/penstock"))
                                .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofMegabytes(64))
                                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(128))
                                .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1024))
                                .with(SpoolConfig.MIN_FREE_SPACE, ByteSize.ofMegabytes(2048))
                                .with(SpoolConfig.APPEND_DEADLINE,
                                        Duration.ofSeconds(5))
                                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2)
                                .with(SpoolConfig.RECLAIM_BELOW, 30))
                .with(GatewayConfig.DNS, DnsConfig.DEFAULT.with(DnsConfig.SERVERS, List.of("127.0.0.1:5353", "::1"))
                        .with(DnsConfig.TIMEOUT, Duration.ofSeconds(1)).with(DnsConfig.DEADLINE, Duration.ofSeconds(4))
                        .with(DnsConfig.MAX_IN_FLIGHT, 8).with(DnsConfig.CACHE_SIZE, 10)
                        .with(DnsConfig.MIN_TTL, Duration.ofSeconds(1)).with(DnsConfig.MAX_TTL, Duration.ofHours(2))
                        .with(DnsConfig.NEGATIVE_TTL, Duration.ofMinutes(3))
                        .with(DnsConfig.FAILURE_TTL, Duration.ofSeconds(4))
                        .with(DnsConfig.STALE_TTL, Duration.ofSeconds(5))
                        .with(DnsConfig.IGNORE_NETWORKS, List.of("private", "198.18.0.0/15"))
                        .with(DnsConfig.DNSSEC, Dnssec.VALIDATE).with(DnsConfig.TRUST_ANCHOR, Optional.of(chain)))
                .with(GatewayConfig.TLS_REPORTS, TlsReportsConfig.DEFAULT
                        .with(TlsReportsConfig.MODE, TlsReportsConfig.Mode.SEND)
                        .with(TlsReportsConfig.DIRECTORY, Path.of("/var/lib/penstock-tls"))
                        .with(TlsReportsConfig.CONTACT, "tls@example.net"))
                .with(GatewayConfig.HISTORY, HistoryConfig.DEFAULT.with(HistoryConfig.ENABLED, true)
                        .with(HistoryConfig.DIRECTORY, Path.of("/var/lib/penstock-history"))
                        .with(HistoryConfig.MAX_SIZE, ByteSize.ofMegabytes(64))
                        .with(HistoryConfig.MAX_AGE, Duration.ofDays(7)))
                .with(GatewayConfig.CONTROL, ControlConfig.DEFAULT.with(ControlConfig.ENABLED, false)
                        .with(ControlConfig.DECREASE, 60).with(ControlConfig.GROWTH, Duration.ofMinutes(2))
                        .with(ControlConfig.RETRY_BUDGET, 20).with(ControlConfig.MIN_RATE, 6)
                        .with(ControlConfig.PROBE_INTERVAL, Duration.ofMinutes(5))
                        .with(ControlConfig.MAX_PROBE_INTERVAL, Duration.ofHours(2))
                        .with(ControlConfig.INCIDENT_TENANTS, 7).with(ControlConfig.INCIDENT_SHARE, 40)
                        .with(ControlConfig.INCIDENT_MESSAGES, 80)
                        .with(ControlConfig.INCIDENT_WINDOW, Duration.ofMinutes(3)))
                .with(GatewayConfig.ROUTES,
                        Map.of("example.com",
                                new RouteConfig(List.of("mx.internal:2526", "[::1]:25", "192.0.2.1"), true,
                                        TlsPolicy.REQUIRED, "smart", "s3cret", Optional.empty(), true,
                                        Optional.empty(), Optional.of(new RouteLogin("smart", "s3cret", true))),
                                "*",
                                new RouteConfig(List.of("smart.example"), false)))
                .with(GatewayConfig.QUEUE, QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofMinutes(1))
                        .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofHours(1))
                        .with(QueueConfig.RETRY_INTERVALS, List.of(Duration.ofMinutes(1), Duration.ofMinutes(150)))
                        .with(QueueConfig.JITTER_PERCENT, 0).with(QueueConfig.MAX_AGE, Duration.ofDays(1))
                        .with(QueueConfig.DELAY_WARNING, Duration.ofHours(6))
                        .with(QueueConfig.MAX_SUSPENSION, Duration.ofMinutes(30))
                        .with(QueueConfig.LANE_SHARE_PERCENT, 50)
                        .with(QueueConfig.RETURNED_CONTENT, ByteSize.parse("9 KB"))
                        .with(QueueConfig.REPORTS_PER_SENDER, Rate.parse("7/min"))
                        .with(QueueConfig.TENANTS_WITHOUT_REPORTS, List.of("shop", "acme"))
                        .with(QueueConfig.BULK_SHARE_PERCENT, 20)
                        .with(QueueConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(70)))
                .with(GatewayConfig.DELIVERY, DeliveryConfig.DEFAULT.with(DeliveryConfig.PORT, 2600)
                        .with(DeliveryConfig.SOURCE_ADDRESS, "127.0.0.9")
                        .with(DeliveryConfig.POOL, "marketing").with(DeliveryConfig.MAX_SESSIONS, 10)
                        .with(DeliveryConfig.ADDRESS_PREFERENCE, AddressPreference.IPV6)
                        .with(DeliveryConfig.MAX_RECIPIENTS_PER_TRANSACTION, 20)
                        .with(DeliveryConfig.MESSAGES_IN_FLIGHT, 3)
                        .with(DeliveryConfig.CONNECT_TIMEOUT, Duration.ofSeconds(1))
                        .with(DeliveryConfig.GREETING_TIMEOUT, Duration.ofSeconds(2))
                        .with(DeliveryConfig.COMMAND_TIMEOUT, Duration.ofSeconds(3))
                        .with(DeliveryConfig.DATA_INIT_TIMEOUT, Duration.ofSeconds(4))
                        .with(DeliveryConfig.DATA_BLOCK_TIMEOUT, Duration.ofSeconds(5))
                        .with(DeliveryConfig.DATA_DONE_TIMEOUT, Duration.ofSeconds(6))
                        .with(DeliveryConfig.QUIT_TIMEOUT, Duration.ofSeconds(7))
                        .with(DeliveryConfig.BAD_HOST_TIME, Duration.ofSeconds(8))
                        .with(DeliveryConfig.STOP_TIMEOUT, Duration.ofSeconds(9))
                        .with(DeliveryConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(33))
                        .with(DeliveryConfig.TLS, TlsPolicy.VERIFIED).with(DeliveryConfig.TLS_CA, Optional.of(chain))
                        .with(DeliveryConfig.HTTPS_CA, Optional.of(chain))
                        .with(DeliveryConfig.CONVERT_EIGHT_BIT, false)
                        .with(DeliveryConfig.CLASSIFICATION_FILES, new ReplyRules(List.of(bounces),
                                List.of(new ReplyRule(bounces.toString(), 2, Set.of(), Set.of(), List.of(), Set.of(),
                                        List.of("^552 "), true, true, "QuotaIssues", BounceCategory.QUOTA_ISSUES,
                                        ReplyScope.RECIPIENT, ReplyAction.AS_CODED, Duration.ZERO, Duration.ZERO,
                                        false)))))
                .with(GatewayConfig.SHAPING, new ShapingConfig(defaults,
                        Map.of("example.com",
                                defaults.with(TrafficLimits.CONNECTION_LIMIT, 2)
                                        .with(TrafficLimits.MAX_MESSAGE_RATE, null)),
                        providers,
                        List.of(new LimitConfig("some", List.of(LimitConfig.Dimension.SOURCE,
                                LimitConfig.Dimension.HOST), "", "marketing", "shop", "spring", "example.com",
                                "mx.example.net", "example", "", 3, null, Rate.parse("4/s"), Rate.parse("5/s"),
                                Rate.parse("6144/s"), 7, ZoneId.of("Europe/Berlin"),
                                lineOf(shaping, "name = \"some\"")),
                                new LimitConfig("others", List.of(), "default", "", "", "", "", "", "",
                                        "mx.example.net", null, Rate.parse("8/s"), null, null, null, null, null,
                                        lineOf(shaping, "name = \"others\""))),
                        config.shaping().rules(), config.shaping().base()))
                .with(GatewayConfig.WARM_UPS, Map.of("gentle",
                        new WarmUpConfig(new WarmUpSchedule(List.of(new WarmUpSchedule.Step(1, 50)), 0, 0, 0),
                                ZoneId.of("Europe/Berlin"),
                                Map.of("google", new WarmUpSchedule(List.of(), 20, 30, 9)))))
                .with(GatewayConfig.TENANTS, Map.of("shop",
                        TenantConfig.DEFAULT.with(TenantConfig.WEIGHT, 3)
                                .with(TenantConfig.MAIL_CLASS, MailClass.TRANSACTIONAL)
                                .with(TenantConfig.QUEUE_LIMIT, 1_000)
                                .with(TenantConfig.QUEUE_OCTETS, ByteSize.ofMegabytes(1_024))
                                .with(TenantConfig.ACCEPT_RATE, Rate.parse("5000/h"))))
                .with(GatewayConfig.CAMPAIGNS, Map.of("shop/spring",
                        CampaignConfig.DEFAULT.with(CampaignConfig.WEIGHT, 2)
                                .with(CampaignConfig.MAIL_CLASS, MailClass.BULK)))
                .with(GatewayConfig.CURFEWS, Map.of("night",
                        CurfewConfig.DEFAULT.with(CurfewConfig.TENANTS, List.of("shop"))
                                .with(CurfewConfig.POOLS, List.of("marketing"))
                                .with(CurfewConfig.PROVIDERS, List.of("google"))
                                .with(CurfewConfig.CLASSES, Set.of(MailClass.values()))
                                .with(CurfewConfig.DAYS, Set.of(DayOfWeek.MONDAY, DayOfWeek.FRIDAY))
                                .with(CurfewConfig.FROM, LocalTime.of(22, 0))
                                .with(CurfewConfig.TO, LocalTime.of(6, 30))
                                .with(CurfewConfig.TIME_ZONE, ZoneId.of("Europe/Berlin"))))
                .with(GatewayConfig.POOLS, Map.of("marketing",
                        new PoolConfig(Map.of("default", 4), false, List.of("shop"), List.of("shop/spring", "summer"))))
                .with(GatewayConfig.EVENTS,
                        EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, Path.of("/var/log/penstock"))
                                .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                                .with(EventsConfig.MAX_FILE_AGE, Duration.ofHours(1))
                                .with(EventsConfig.COMPRESSION, EventsConfig.Compression.ZSTD)
                                .with(EventsConfig.KEEP, Duration.ofDays(30)).with(EventsConfig.REJECTION_RATE, null)
                                .with(EventsConfig.FLUSH_INTERVAL, Duration.ofSeconds(1))
                                .with(EventsConfig.MAX_PENDING, 10))
                .with(GatewayConfig.HTTP, new HttpConfig("::1", 0))
                .with(GatewayConfig.INJECTION, InjectionConfig.DEFAULT.with(InjectionConfig.ADDRESS, "::1")
                        .with(InjectionConfig.PORT, 80).with(InjectionConfig.MAX_BODY, ByteSize.ofMegabytes(2))
                        .with(InjectionConfig.MAX_RECIPIENTS, 3).with(InjectionConfig.MAX_CONCURRENT, 4)
                        .with(InjectionConfig.MAX_CONNECTIONS, 5).with(InjectionConfig.MAX_CONNECTIONS_PER_ADDRESS, 2)
                        .with(InjectionConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(17))
                        .with(InjectionConfig.DEADLINE, Duration.ofSeconds(7)).with(InjectionConfig.REQUIRE_AUTH, false)
                        .with(InjectionConfig.RELAY_NETWORKS, List.of("10.0.0.0/8"))
                        .with(InjectionConfig.DIRECTORY, Path.of("/var/lib/penstock"))
                        .with(InjectionConfig.IDEMPOTENCY_RETENTION, Duration.ofHours(8))
                        .with(InjectionConfig.MAX_KEYS, 9)
                        .with(InjectionConfig.CERTIFICATES, List.of(new ListenerTls.Certificate(chain, key))))
                .with(GatewayConfig.PREFLIGHT, new PreflightConfig(PreflightConfig.Mode.TAG,
                        PreflightConfig.Kind.TRANSACTIONAL, PreflightConfig.Receivers.ALL,
                        List.of("192.0.2.7", "2001:db8::7"), Duration.ofMillis(250), Duration.ofMinutes(1),
                        Map.of("shop", new PreflightConfig.Tenant(PreflightConfig.Mode.REFUSE,
                                PreflightConfig.Kind.PERSONAL))))
                .with(GatewayConfig.ADMIN, new AdminConfig(false, "/run/penstock/admin.sock", "operators",
                        AdminConfig.Access.NONE, "192.0.2.1", 8443, Optional.of(chain), ByteSize.ofMegabytes(2),
                        Duration.ofDays(30), List.of(new ListenerTls.Certificate(chain, key)),
                        Map.of("ops.example.net", new AdminConfig.Client(AdminConfig.Access.OPERATE))));
        assertThat(config).isEqualTo(expected);
        assertNothingIsDefault(config, Set.of("auth", "policy", "localDomains", "sources", "dkim"));
        assertEveryComponentDiffers("listener", config.listeners().getFirst(), ListenerConfig.DEFAULT);
        assertEveryComponentDiffers("tls", config.listeners().getFirst().tls(), ListenerTls.NONE);
        assertEveryComponentDiffers("clients", config.inbound().clients(), ClientLimits.DEFAULT);
        assertEveryComponentDiffers("content", config.inbound().content(), ContentRules.DEFAULT);
        assertEveryComponentDiffers("hostility", config.inbound().hostility(), HostilityConfig.DEFAULT);
    }

    private static String lineOf(Path file, String text) throws IOException {
        return file + ":" + (Files.readAllLines(file).indexOf(text) + 1);
    }

    private static ListenerConfig named(String name, String address, int port) {
        ListenerConfig d = ListenerConfig.at(address, port);
        return d.with(ListenerConfig.NAME, name);
    }

    /** What the reader looks for in a PEM file; whether it is a good one is for those who load it. */
    private Path pem(String name, String label) throws IOException {
        return Files.writeString(directory.resolve(name),
                "-----BEGIN " + label + "-----\nMAA=\n-----END " + label + "-----\n");
    }

    @Test
    void aListenerWithACertificateOffersTlsUnlessItSaysOtherwise() throws IOException {
        Path chain = pem("mx.pem", "CERTIFICATE");
        Path key = pem("mx.key", "PRIVATE KEY");
        List<ListenerConfig> listeners = valid(write("""
                [[listener]]
                address = "127.0.0.1:0"
                [[listener.certificate]]
                chain = "%1$s"
                key = "%2$s"
                [[listener]]
                address = "127.0.0.1:0"
                tls = "implicit"
                [[listener.certificate]]
                chain = "%1$s"
                key = "%2$s"
                [[listener]]
                address = "127.0.0.1:0"
                """.formatted(chain, key))).listeners();
        assertThat(listeners).extracting(listener -> listener.tls().mode()).containsExactly(Mode.OFFERED,
                Mode.IMPLICIT, Mode.NONE);
        assertThat(listeners).extracting(ListenerConfig::name).containsExactly("smtp", "smtp-2", "smtp-3");
    }

    @Test
    void mistakesInListenersAreNamed() throws IOException {
        pem("mx.pem", "CERTIFICATE");
        pem("old.key", "RSA PRIVATE KEY");
        pem("locked.key", "ENCRYPTED PRIVATE KEY");
        assertThat(errors("""
                [[listener]]
                name = "a b"
                tls = "sometimes"
                withheld = ["CHUNKNG", "STARTTLS"]
                mechanisms = ["CRAM-MD5"]
                min-protocol = "TLSv1"
                proxy-networks = ["10.0.0.1/8"]
                xclient-network = []
                [[listener]]
                address = "127.0.0.1:1"
                addresses = ["127.0.0.1:2", "127.0.0.1:2", "mx:3"]
                [[listener]]
                addresses = []
                [listener.limits]
                max-recipients = 1
                [[listener.certificate]]
                chain = "%1$s/none.pem"
                key = "%1$s/old.key"
                [[listener.certificate]]
                chain = "%1$s/locked.key"
                key = "%1$s/locked.key"
                [[listener.certificate]]
                key = "%1$s/mx.pem"
                """.formatted(directory))).containsExactly(
                ":2:1: listener[0].name: \"a b\": expected 1 to 63 letters, digits, dots, hyphens and underscores, the "
                        + "first a letter or digit",
                ":3:1: listener[0].tls: \"sometimes\": unknown; allowed: \"none\", \"offered\", \"required\", "
                        + "\"implicit\"",
                ":4:13: listener[0].withheld[0]: \"CHUNKNG\": unknown; allowed: 8BITMIME, CHUNKING, "
                        + "DELIVERBY, DSN, ENHANCEDSTATUSCODES, FUTURERELEASE, LIMITS, PIPELINING, REQUIRETLS, SIZE, "
                        + "SMTPUTF8",
                ":4:24: listener[0].withheld[1]: \"STARTTLS\": unknown; allowed: 8BITMIME, CHUNKING, "
                        + "DELIVERBY, DSN, ENHANCEDSTATUSCODES, FUTURERELEASE, LIMITS, PIPELINING, REQUIRETLS, SIZE, "
                        + "SMTPUTF8",
                ":5:15: listener[0].mechanisms[0]: \"CRAM-MD5\": unknown; allowed: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, "
                        + "OAUTHBEARER, XOAUTH2, PLAIN, LOGIN",
                ":6:1: listener[0].min-protocol: \"TLSv1\": unknown; allowed: TLSv1.2, TLSv1.3",
                ":7:19: listener[0].proxy-networks[0]: \"10.0.0.1/8\": the address has bits set beyond the prefix "
                        + "length; write the network's first address",
                ":8:1: listener[0].xclient-network: unknown key; did you mean xclient-networks?",
                ":10:1: listener[1].address: addresses is there as well; write all into addresses",
                ":11:1: listener[1].addresses: this address and port are there twice",
                ":11:44: listener[1].addresses[2]: \"mx:3\": expected an IP address like 127.0.0.1 or ::1, not a name",
                ":13:1: listener[2].addresses: at least one is needed",
                ":15:1: listener[2].limits.max-recipients: 1 is out of range; allowed: 100 to 50000",
                ":17:1: listener[2].certificate[0].chain: \"none.pem\": there is no file none.pem; "
                        + "expected the path of a PEM file with a certificate",
                ":18:1: listener[2].certificate[0].key: \"old.key\": the key isn't PKCS #8; write it anew with: openssl "
                        + "pkcs8 -topk8 -nocrypt -in FILE",
                ":20:1: listener[2].certificate[1].chain: \"locked.key\": expected a PEM file with a certificate, found "
                        + "none in it",
                ":21:1: listener[2].certificate[1].key: \"locked.key\": the key is encrypted; write it anew with: "
                        + "openssl pkcs8 -topk8 -nocrypt -in FILE",
                ":23:1: listener[2].certificate[2].chain: is missing; expected the path of a PEM file with a certificate",
                ":23:1: listener[2].certificate[2].key: \"mx.pem\": expected a PEM file with a private key in PKCS #8, "
                        + "found none in it");
    }

    @Test
    void listenersThatCouldNotWorkAreRefused() throws IOException {
        pem("mx.pem", "CERTIFICATE");
        pem("mx.key", "PRIVATE KEY");
        assertThat(errors("""
                [[listener]]
                name = "a"
                address = "127.0.0.1:1"
                tls = "required"
                [[listener]]
                name = "a"
                address = "127.0.0.1:2"
                tls = "none"
                client-certificates = "required"
                [[listener.certificate]]
                chain = "%1$s/mx.pem"
                key = "%1$s/mx.key"
                [[listener]]
                name = "c"
                address = "127.0.0.1:3"
                client-ca = "%1$s/mx.pem"
                mechanisms = ["PLAIN"]
                auth-required = true
                [[listener]]
                address = "127.0.0.1:4"
                mechanisms = []
                auth-required = true
                [inbound.clients]
                network-prefix-v6 = 72
                """.formatted(directory))).containsExactly(
                ":1:1: listener: \"c\" has auth-required, but [auth] has no users, callout or bearer: nobody could log "
                        + "in",
                ":1:1: listener: \"smtp-4\" has auth-required, but [auth] has no users, callout or bearer: nobody could "
                        + "log in",
                ":4:1: listener[0].tls: needs a certificate: [[listener.certificate]] with chain and key",
                ":6:1: listener[1].name: another listener has the name \"a\" already",
                ":8:1: listener[1].tls: \"none\", but there is a certificate; allowed with one: \"offered\", "
                        + "\"required\", \"implicit\"",
                ":9:1: listener[1].client-certificates: can't be asked for without TLS",
                ":9:1: listener[1].client-certificates: needs client-ca, the authorities to check them against",
                ":16:1: listener[2].client-ca: has no effect while client-certificates is \"none\"",
                ":18:1: listener[2].auth-required: nobody could log in: without TLS only SCRAM-SHA-256 is offered, and "
                        + "it is not in mechanisms",
                ":22:1: listener[3].auth-required: nobody could log in: mechanisms is empty and client-certificates "
                        + "\"none\"",
                ":24:1: inbound.clients.network-prefix-v6: 72 is more than ipv6-prefix, 64; the network around a client "
                        + "can't be smaller than the client");
    }

    @Test
    void unusualPortsGiveAWarning() throws IOException {
        pem("mx.pem", "CERTIFICATE");
        pem("mx.key", "PRIVATE KEY");
        Valid valid = (Valid) Schemas.read(write("""
                [[listener]]
                address = "127.0.0.1:465"
                [[listener]]
                address = "127.0.0.1:25"
                tls = "implicit"
                [[listener.certificate]]
                chain = "%1$s/mx.pem"
                key = "%1$s/mx.key"
                """.formatted(directory)));
        assertThat(valid.warnings()).extracting(Problem::toString)
                .map(text -> text.replace(directory + "/penstock.toml", "")).containsExactly(
                        ":2:1: listener[0].tls: clients expect TLS from the first octet on port 465; is \"implicit\" "
                                + "meant?",
                        ":5:1: listener[1].tls: other servers begin without TLS on port 25; is \"offered\" meant?");
    }

    @Test
    void everyErrorIsNamedAtOnceWithItsPlace() throws IOException {
        Path shaping = Files.writeString(directory.resolve("shaping.toml"), """
                [default]
                connection_limits = 5
                max_message_rate = "fast"
                """);
        assertThat(errors("""
                [gateway]
                shaping-file = '%s'
                [[listener]]
                address = "localhost:25"
                [[listener]]
                address = "127.0.0.1:25"
                [[listener]]
                address = "127.0.0.1:25"
                [inbound]
                max-recipient = 5
                max-recipients = 99
                relay-networks = ["10.0.0.1/8", 7]
                command-timeout = 300
                [spool]
                segment-size = "1 MB"
                inline-limit = "512 KB"
                [spol]
                """.formatted(shaping))).containsExactly(
                ":4:1: listener[0].address: \"localhost:25\": expected an IP address like 127.0.0.1 or ::1, not a name",
                ":8:1: listener[2].address: another listener has this address and port already",
                ":10:1: inbound.max-recipient: unknown key; did you mean max-recipients?",
                ":11:1: inbound.max-recipients: 99 is out of range; allowed: 100 to 50000",
                ":12:19: inbound.relay-networks[0]: \"10.0.0.1/8\": the address has bits set beyond the prefix length; "
                        + "write the network's first address",
                ":12:33: inbound.relay-networks[1]: expected a text in quotes, found the number 7",
                ":13:1: inbound.command-timeout: expected a duration in quotes, 1s to 1h, found the number 300",
                ":15:1: spool.segment-size: 1 MB is too small; allowed: at least 4 times inline-limit, which is 512 KB",
                ":17:1: spol: unknown key; did you mean spool?",
                "shaping.toml:2:1: default.connection_limits: unknown key; did you mean connection_limit?",
                "shaping.toml:3:1: default.max_message_rate: \"fast\": expected a rate like 100/s, 6000/min, 10/30s or "
                        + "100/s,max_burst=20");
    }

    @Test
    void theAdministrationApiIsNotServedBeyondThisMachineInClear() throws IOException {
        assertThat(errors("""
                [admin]
                address = "192.0.2.1"
                """)).containsExactly(":2:1: admin.address: 192.0.2.1 is beyond this machine, where credentials go "
                + "over TLS only; expected [[admin.certificate]] with chain and key, or a loopback address");
        assertThat(valid(write("admin.address = '::1'")).admin().hasPort()).isTrue();
    }

    @Test
    void mistakesInTheAdministrationsAccessAreNamed() throws IOException {
        assertThat(errors("""
                [admin]
                socket = "%s"
                loopback-role = "root"
                address = "127.0.0.1"
                port = 8025
                [admin.client.ops.example]
                role = "operate"
                [admin.client."ops.example.net"]
                role = "operate"
                """.formatted("s".repeat(108)))).containsExactly(
                ":1:1: admin: a listener, [http] or [injection] uses this address and port already",
                ":2:1: admin.socket: \"%s\": too long for a Unix socket; allowed: at most 107 octets, or \"none\""
                        .formatted("s".repeat(108)),
                ":3:1: admin.loopback-role: \"root\": unknown; allowed: \"none\", \"read\", \"operate\", "
                        + "\"configure\"",
                ":6:1: admin.client.ops: a name with a dot needs quotes here: \"ops.example\"",
                ":6:1: admin.client: client certificates need a client-ca to be checked against");
    }

    @Test
    void syntaxErrorsDoNotHideTheOthers() throws IOException {
        assertThat(errors("""
                [http]
                port =
                [queue]
                jitter-percent = 99
                """)).containsExactly(":2:7: Unexpected end of line, expected a value",
                ":4:1: queue.jitter-percent: 99 is out of range; allowed: 0 to 50");
    }

    @Test
    void rulesAcrossKeysAreChecked() throws IOException {
        assertThat(errors("""
                [[listener]]
                address = "127.0.0.1:8025"
                [inbound]
                soft-error-limit = 30
                [dns]
                timeout = "20s"
                min-ttl = "1d"
                max-ttl = "1h"
                [queue]
                retry-interval = "5h"
                [events]
                directory = "data/spool"
                [http]
                """)).containsExactly(
                ":4:1: inbound.soft-error-limit: 30 is more than hard-error-limit, 20, so it could never be reached",
                ":6:1: dns.timeout: 20s is more than deadline, 15s",
                ":7:1: dns.min-ttl: 1d is more than max-ttl, 1h",
                ":10:1: queue.retry-interval: 5h is more than max-retry-interval, 4h",
                ":11:1: events: directory is the spool's; the delivery log needs one of its own",
                ":13:1: http: a listener uses this address and port already");
    }

    @Test
    void aBannerIsOneLineOfPrintableAscii() throws IOException {
        assertThat(errors("inbound.banner = \"ESMTP\\r\\n250 ok\"")).singleElement().asString()
                .endsWith("expected 1 to 200 printable ASCII characters");
        assertThat(errors("inbound.banner = ''")).hasSize(1);
    }

    @Test
    void listenersMustNotBeEmpty() throws IOException {
        assertThat(errors("listener = []")).containsExactly(":1:1: listener: at least one is needed");
    }

    @Test
    void networksToIgnoreAreNetworksOrGroups() throws IOException {
        assertThat(errors("""
                [dns]
                ignore-networks = ["private", "10.0.0.0/8", "::1", "localhost", "10.0.0.1/8"]
                """)).containsExactly(
                ":2:52: dns.ignore-networks[3]: \"localhost\": expected a network like 10.0.0.0/8, or one of loopback, "
                        + "link-local, unspecified, own, private",
                ":2:65: dns.ignore-networks[4]: \"10.0.0.1/8\": the address has bits set beyond the prefix length; "
                        + "write the network's first address");
    }

    @Test
    void aRoutesLoginIsChecked() throws IOException {
        assertThat(errors("""
                [routes."a.example"]
                hosts = ["192.0.2.1"]
                user = "smart"
                [routes."b.example"]
                hosts = ["192.0.2.1"]
                password = "s3cret"
                [routes."c.example"]
                hosts = ["192.0.2.1"]
                auth-without-tls = true
                [routes."d.example"]
                hosts = ["192.0.2.1"]
                user = "smart"
                password = "s3\\u0000cret"
                [routes."e.example"]
                hosts = ["192.0.2.1"]
                user = "smart"
                password-file = "there-is-none"
                [routes."f.example"]
                hosts = ["192.0.2.1"]
                user = "smart"
                password = ""
                """)).containsExactly(
                ":3:1: routes.\"a.example\".user: needs password or password-file",
                ":6:1: routes.\"b.example\".password: needs user",
                ":9:1: routes.\"c.example\".auth-without-tls: has no meaning without user",
                ":13:1: routes.\"d.example\".password: has a control character; allowed: a text without any",
                ":17:1: routes.\"e.example\".password-file: \"there-is-none\": there is no file "
                        + Path.of("there-is-none").toAbsolutePath()
                        + "; allowed: the path of a file, or \"\" for no file",
                ":20:1: routes.\"f.example\".user: needs password or password-file");
    }

    @Test
    void routesAreChecked() throws IOException {
        assertThat(errors("""
                [routes.example.com]
                hosts = ["a"]
                [routes."a.example"]
                [routes."b.example"]
                hosts = ["300.1.1.1", "mx.example:0", "mx.example:", "-x"]
                [routes."A.example"]
                hosts = ["mx"]
                [routes."c.example"]
                hosts = []
                """)).containsExactly(
                ":1:1: routes.example: a domain needs quotes here: [routes.\"example.com\"]",
                ":3:1: routes.\"a.example\": hosts is missing; expected an array like [\"mx.example.net\", "
                        + "\"192.0.2.1:2525\"]",
                ":5:10: routes.\"b.example\".hosts[0]: \"300.1.1.1\": expected an IP address like 127.0.0.1 or ::1, "
                        + "not a name",
                ":5:23: routes.\"b.example\".hosts[1]: \"mx.example:0\": port 0 can't be connected to",
                ":5:39: routes.\"b.example\".hosts[2]: \"mx.example:\": the port is missing after the colon",
                ":5:54: routes.\"b.example\".hosts[3]: \"-x\": expected a domain name like example.com: labels of 1 to "
                        + "63 letters, digits and hyphens",
                ":6:1: routes.\"A.example\": there is a route for a.example in another spelling already",
                ":9:1: routes.\"c.example\".hosts: at least one host is needed");
    }

    @Test
    void localDomainsAreReadWithAllTheirKeys() throws IOException {
        Path recipients = Files.writeString(directory.resolve("recipients"), "anna\n");
        GatewayConfig config = valid(write("""
                [local."Example.COM"]
                lmtp = ["unix:/run/dovecot/lmtp", "127.0.0.1", "[::1]:2424"]
                recipient-delimiter = "+-"
                case-sensitive = true
                positive-ttl = "2h"
                negative-ttl = "1m"
                verify-deadline = "3s"
                on-failure = "accept"
                [local."b.example"]
                maildir = "/var/mail/{domain}/{local}/Maildir"
                maildir-create = false
                verify = "file"
                recipients = '%s'
                [local."c.example"]
                smtp = ["mail.internal:2525"]
                verify = "none"
                [routes."d.example"]
                hosts = ["mx.example"]
                """.formatted(recipients)));

        MaildirConfig maildir = new MaildirConfig("/var/mail/{domain}/{local}/Maildir", false, "+", false);
        assertThat(config.localDomains()).isEqualTo(Map.of("example.com",
                new LocalDomainConfig(new Lmtp(List.of("unix:/run/dovecot/lmtp", "127.0.0.1", "[::1]:2424")),
                        Verify.CALL_AHEAD, Optional.empty(), "+-", true, Duration.ofHours(2), Duration.ofMinutes(1),
                        Duration.ofSeconds(3), OnFailure.ACCEPT),
                "b.example", LocalDomainConfig.of(new Maildir(maildir), Verify.FILE, Optional.of(recipients)),
                "c.example",
                LocalDomainConfig.of(new Smtp(List.of("mail.internal:2525")), Verify.NONE, Optional.empty())));
        assertThat(config.allRoutes()).isEqualTo(Map.of("example.com",
                new RouteConfig(List.of("unix:/run/dovecot/lmtp", "127.0.0.1", "[::1]:2424"), true,
                        TlsPolicy.OPPORTUNISTIC),
                "b.example",
                RouteConfig.of(maildir), "c.example",
                new RouteConfig(List.of("mail.internal:2525"), false, TlsPolicy.OPPORTUNISTIC), "d.example",
                new RouteConfig(List.of("mx.example"), false)));
        assertThat(maildir.base()).isEqualTo(Path.of("/var/mail"));
        assertThat(ConfigChange.notReloadable(valid(write("")), config)).isEmpty();
    }

    @Test
    void localDomainsStandInTheSampleWithAllTheirDefaults() throws IOException {
        List<String> keys = Files.readAllLines(SAMPLE).stream().dropWhile(line -> !line.equals("[local]"))
                .takeWhile(line -> !line.isEmpty()).filter(line -> line.matches("# [a-z-]+ = .*"))
                .map(line -> line.substring(2)).toList();
        assertThat(keys).hasSize(12);
        LocalDomainConfig read = valid(write("[local.\"example.com\"]\n" + String.join("\n",
                keys.stream().filter(key -> !key.matches("(smtp|maildir|maildir-create|recipients) = .*")).toList())))
                .localDomains().get("example.com");
        assertThat(read).isEqualTo(LocalDomainConfig.of(new Lmtp(List.of("unix:/run/dovecot/lmtp", "127.0.0.1:24")),
                Verify.CALL_AHEAD, Optional.empty()));
    }

    @Test
    void localDomainsAreChecked() throws IOException {
        assertThat(errors("""
                [local.example.com]
                lmtp = ["a"]
                [local."a.example"]
                verify = "maybe"
                [local."b.example"]
                lmtp = ["mx:25", "unix:lmtp", "unix:/%s"]
                smtp = ["mx"]
                on-failure = "reject"
                [local."c.example"]
                maildir = "/var/mail/{domain}/{user}"
                [local."d.example"]
                maildir = "/var/mail/../{local}"
                recipients = ""
                recipient-delimiter = "a/"
                [local."e.example"]
                maildir = "/var/mail/{local}"
                verify = "none"
                [local."f.example"]
                maildir = "/var/mail/{local}"
                verify = "call-ahead"
                [local."g.example"]
                lmtp = []
                maildir-create = true
                recipients = "/"
                verify = "none"
                [routes."g.example"]
                hosts = ["mx.example"]
                """.formatted("x".repeat(110)))).containsExactly(
                ":1:1: local.example: a domain needs quotes here: [local.\"example.com\"]",
                ":1:1: local: g.example has a table in [routes] too; allowed: one of the two",
                ":3:1: local.\"a.example\": where its mail goes is missing; expected one of lmtp, smtp, maildir",
                ":4:1: local.\"a.example\".verify: \"maybe\": allowed: \"file\", \"call-ahead\", \"none\"",
                ":6:9: local.\"b.example\".lmtp[0]: \"mx:25\": LMTP must not use port 25 (RFC 2033 5)",
                ":6:18: local.\"b.example\".lmtp[1]: \"unix:lmtp\": expected an absolute path after unix:, like "
                        + "unix:/run/dovecot/lmtp",
                ":6:31: local.\"b.example\".lmtp[2]: \"unix:/" + "x".repeat(110) + "\": the path is too long; "
                        + "allowed: 107 octets",
                ":7:1: local.\"b.example\".smtp: the mail goes by lmtp already; allowed: one of lmtp, smtp, maildir",
                ":8:1: local.\"b.example\".on-failure: \"reject\": allowed: \"defer\", \"accept\"",
                ":9:1: local.\"c.example\": recipients is missing: the file with the addresses there are; without one, "
                        + "say verify = \"none\"",
                ":10:1: local.\"c.example\".maildir: \"/var/mail/{domain}/{user}\": {user} is unknown; allowed: {local}, "
                        + "{domain}",
                ":12:1: local.\"d.example\".maildir: \"/var/mail/../{local}\": expected an absolute path without . and "
                        + "..",
                ":13:1: local.\"d.example\".recipients: \"\": expected a path",
                ":14:1: local.\"d.example\".recipient-delimiter: \"a/\": allowed: none or some of - + = _ # ! ~ ^ $ % & *",
                ":17:1: local.\"e.example\".verify: anybody could have directories made; say maildir-create = false, "
                        + "or name the recipients",
                ":20:1: local.\"f.example\".verify: a Maildir can't be asked; allowed here: \"file\", \"none\"",
                ":22:1: local.\"g.example\".lmtp: at least one host is needed",
                ":23:1: local.\"g.example\".maildir-create: has no meaning without maildir",
                ":24:1: local.\"g.example\".recipients: is not used with verify = \"none\"");
    }

    @Test
    void aRecipientsFileThatIsNotThereIsAWarning() throws IOException {
        Valid valid = (Valid) Schemas.read(write("""
                [local."a.example"]
                lmtp = ["127.0.0.1"]
                recipients = "/no/such/file"
                """));
        assertThat(valid.warnings()).extracting(Problem::key).containsExactly("local.\"a.example\".recipients");
    }

    @Test
    void missingFilesAreNamed() throws IOException {
        assertThat(Schemas.read(directory.resolve("none.toml"))).isEqualTo(new Invalid(
                List.of(new Problem(directory.resolve("none.toml"), 0, 0, "", "there is no such file"))));
        assertThat(errors("""
                [gateway]
                shaping-file = '%1$s/no-shaping.toml'
                [auth]
                users = '%1$s/no-users.toml'
                [delivery]
                tls-ca = '%1$s/no-ca.pem'
                [policy]
                plugins = '%1$s/no-plugins'
                """.formatted(directory))).containsExactly(
                ":2:1: gateway.shaping-file: \"no-shaping.toml\": there is no file no-shaping.toml; allowed: the path "
                        + "of a file, or \"\" for built-in limits",
                ":4:1: auth.users: \"no-users.toml\": there is no file no-users.toml; allowed: the path of a file, "
                        + "or \"\" for no file of users",
                ":6:1: delivery.tls-ca: \"no-ca.pem\": there is no file no-ca.pem; expected the path of a PEM file "
                        + "with a certificate",
                ":8:1: policy.plugins: \"no-plugins\": there is no directory no-plugins; allowed: a directory of "
                        + "jars, or \"\" for none");
        assertThat(errors("gateway.shaping-file = '" + directory + "'"))
                .containsExactly(":1:1: gateway.shaping-file: \"" + directory
                        + "\": is a directory; allowed: the path of a file, or \"\" "
                        + "for built-in limits");
    }

    @Test
    void aDirectoryThatIsAFileIsNamed() throws IOException {
        Files.writeString(directory.resolve("file"), "");
        assertThat(errors("""
                [spool]
                directory = '%1$s/file'
                [events]
                directory = '%1$s/file/log'
                [injection]
                directory = '%1$s/file'
                """.formatted(directory))).containsExactly(
                ":2:1: spool.directory: \"file\": file is a file; allowed: a directory, which is made when it isn't "
                        + "there",
                ":4:1: events.directory: \"file/log\": file is a file; allowed: a directory, which is made when it "
                        + "isn't there",
                ":6:1: injection.directory: \"file\": file is a file; allowed: a directory, which is made when it "
                        + "isn't there");
    }

    @Test
    void anAddressThatHasAPortWhereNoneBelongsIsNamed() throws IOException {
        String message = "a port can't stand here, it has a key of its own where there is one; expected an IP address "
                + "alone, like 127.0.0.1 or ::1";
        assertThat(errors("""
                [delivery]
                source-address = "192.0.2.1:25"
                [http]
                address = "0.0.0.0:8025"
                [injection]
                address = "[::1]:8026"
                """)).containsExactly(":2:1: delivery.source-address: \"192.0.2.1:25\": " + message,
                ":4:1: http.address: \"0.0.0.0:8025\": " + message,
                ":6:1: injection.address: \"[::1]:8026\": " + message);
    }

    @Test
    void aListenerWithoutAddressesHasTheDefaultUnlessAnotherHasIt() throws IOException {
        assertThat(valid(write("""
                [[listener]]
                name = "mx"
                """)).listeners().getFirst().addresses()).isEqualTo(ListenerConfig.DEFAULT.addresses());
        assertThat(errors("""
                [[listener]]
                name = "mx"
                [[listener]]
                name = "submission"
                """)).containsExactly(":4:1: listener[1].addresses: is missing, and another listener has the default, "
                + "127.0.0.1:2525; expected an array like [\"127.0.0.1:2525\", \"[::1]:2525\"]");
    }

    @Test
    void changesThatNeedARestartAreNamed() throws IOException {
        Path chain = pem("mx.pem", "CERTIFICATE");
        Path key = pem("mx.key", "PRIVATE KEY");
        GatewayConfig defaults = valid(write(""));
        assertThat(ConfigChange.notReloadable(defaults, valid(write("""
                inbound.max-recipients = 200
                queue.max-age = "1d"
                events.flush-interval = "1s"
                listener = [{address = "127.0.0.1:2525", tls = "offered", certificate = [{chain = "%1$s", key = "%2$s"}],
                    withheld = ["DSN"], xclient-networks = ["10.0.0.0/8"], limits = {max-sessions = 5}}]
                inbound.clients.session-rate = "5/s"
                inbound.content.nul = "normalise"
                inbound.hostility.stress-at = 50
                """.formatted(chain, key))))).isEmpty();
        assertThat(ConfigChange.notReloadable(defaults, valid(write("""
                listener = [{address = "127.0.0.1:2525", tls = "implicit",
                    certificate = [{chain = "%1$s", key = "%2$s"}]}]
                """.formatted(chain, key))))).containsExactly("listener");
        assertThat(ConfigChange.notReloadable(defaults,
                valid(write("listener = [{address = '127.0.0.1:2525', name = 'mx'}]")))).containsExactly("listener");
        assertThat(ConfigChange.notReloadable(defaults, valid(write("""
                gateway.node = 7
                listener = [{address = "127.0.0.1:26"}]
                inbound.event-loops = 7
                spool.segment-size = "64 MB"
                events.directory = "elsewhere"
                http.port = 0
                policy.plugins = '%s'
                """.formatted(directory))))).containsExactly("gateway.node", "listener", "inbound.event-loops",
                "spool.segment-size",
                "events.directory",
                "http.port", "policy.plugins");
    }

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("penstock.toml"), text);
    }

    private static GatewayConfig valid(Path file) {
        return switch (Schemas.read(file)) {
            case Valid(GatewayConfig config, List<Problem> _) -> config;
            case Invalid(List<Problem> problems) -> throw new AssertionError(problems);
        };
    }

    /** Errors as printed; of the place only what differs between them. */
    private List<String> errors(String text) throws IOException {
        Path file = write(text);
        List<Problem> problems = ((Invalid) Schemas.read(file)).problems();
        return problems.stream()
                .map(problem -> problem.toString().replace(file.toString(), "").replace(directory + "/", "")).toList();
    }

    private static Set<String> keysOf(Class<? extends Record> type) {
        Set<String> keys = new TreeSet<>();
        for (RecordComponent component : type.getRecordComponents()) {
            keys.add(component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT));
        }
        return keys;
    }

    /** So that a key which is added and not mapped is found. */
    private static void assertNothingIsDefault(GatewayConfig config, Set<String> withTestsOfTheirOwn) {
        GatewayConfig defaults = GatewayConfig.embedded("other.example");
        try {
            for (RecordComponent table : GatewayConfig.class.getRecordComponents()) {
                if (withTestsOfTheirOwn.contains(table.getName())) {
                    continue;
                }
                Object mapped = table.getAccessor().invoke(config);
                Object fallback = table.getAccessor().invoke(defaults);
                assertThat(mapped).as(table.getName()).isNotEqualTo(fallback);
                if (mapped instanceof Record record) {
                    assertEveryComponentDiffers(table.getName(), record, (Record) fallback);
                }
            }
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    private static void assertEveryComponentDiffers(String name, Record mapped, Record fallback) {
        try {
            for (RecordComponent key : mapped.getClass().getRecordComponents()) {
                assertThat(key.getAccessor().invoke(mapped)).as(name + "." + key.getName())
                        .isNotEqualTo(key.getAccessor().invoke(fallback));
            }
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }
}
