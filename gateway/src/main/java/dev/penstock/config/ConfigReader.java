package dev.penstock.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import dev.penstock.units.ByteSize;
import dev.penstock.units.Durations;

/**
 * Reads the configuration file and the shaping file that it names. Thread-safe: every call reads anew. All errors of
 * both files are found in one reading; a configuration with any is not given out.
 *
 * <p>Relative paths in the file are relative to the working directory of the process, not to the file.
 */
public final class ConfigReader {
    private static final int MILLION = 1_000_000;
    private static final int MAX_PORT = 65_535;
    private static final int MAX_LOOPS = 1_024;
    private static final ByteSize NO_BYTES = new ByteSize(0);
    private static final ByteSize KILOBYTE = ByteSize.ofKilobytes(1);
    private static final ByteSize MEGABYTE = ByteSize.ofMegabytes(1);
    /** Eighty sessions under TLS. */
    private static final ByteSize DELIVERY_MEMORY = ByteSize.ofMegabytes(8);
    private static final ByteSize GIGABYTE = ByteSize.ofMegabytes(1024);
    private static final ByteSize TERABYTE = ByteSize.ofMegabytes(1024 * 1024);
    private static final Duration MILLISECOND = Duration.ofMillis(1);
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final Duration DAY = Duration.ofDays(1);
    private static final Duration YEAR = Duration.ofDays(365);
    private static final int MIN_RECIPIENTS = 100; // RFC 5321 4.5.3.1.8
    private static final int MIN_LINE_LENGTH = 1_000; // RFC 5321 4.5.3.1.6: octets of a text line with its CRLF
    private static final int INLINE_RECORDS_PER_SEGMENT = 4; // so that a segment's unused end stays below a quarter

    private ConfigReader() {}

    /** What a reading gave. */
    public sealed interface Result {}

    /** @param warnings what was read but has no effect */
    public record Valid(GatewayConfig config, List<Problem> warnings) implements Result {}

    /** @param problems at least one, file by file from top to bottom */
    public record Invalid(List<Problem> problems) implements Result {}

    /** Blocks while it reads the files. */
    public static Result read(Path file) {
        List<Problem> errors = new ArrayList<>();
        List<Problem> warnings = new ArrayList<>();
        ConfigSource source = new ConfigSource(file, errors, warnings);
        GatewayConfig config = config(source.parse(), source);
        return errors.isEmpty()
                ? new Valid(config, ConfigSource.inOrder(warnings))
                : new Invalid(ConfigSource.inOrder(errors));
    }

    /** This machine's name as its own system gives it; {@code localhost} when that isn't a usable one. */
    public static String systemHostname() {
        try {
            return Syntax.domain(InetAddress.getLocalHost().getHostName());
        } catch (UnknownHostException | IllegalArgumentException _) {
            return "localhost";
        }
    }

    private static GatewayConfig config(TableBinder file, ConfigSource source) {
        TableBinder gateway = file.table("gateway");
        String hostname = gateway.text("hostname", "", "a domain name in quotes",
                text -> text.isEmpty() ? "" : Syntax.domain(text));
        int node = gateway.integer("node", 0, 0, GatewayConfig.MAX_NODE);
        Optional<Path> shapingFile = gateway.file("shaping-file", Optional.empty(), "built-in limits");
        gateway.end();

        List<ListenerConfig> listeners = ListenerReader.read(file);
        Map<String, RouteConfig> routes = routes(file.table("routes"));
        Map<String, LocalDomainConfig> localDomains = LocalDomainReader.read(file.table("local"));
        ShapingConfig shaping = shapingFile
                .map(path -> ShapingReader.read(source.other(path), routes, localDomains.keySet()))
                .orElse(ShapingConfig.DEFAULT);
        GatewayConfig config = new GatewayConfig(hostname.isEmpty() ? systemHostname() : hostname, node, listeners,
                inbound(file.table("inbound")), spool(file.table("spool")), dns(file.table("dns")),
                routes, queue(file.table("queue")), delivery(file.table("delivery")),
                shaping, events(file.table("events")), http(file.table("http")),
                AuthReader.read(file.table("auth"), source),
                PolicyReader.read(file.table("policy"), listeners), localDomains,
                InjectionReader.read(file.table("injection")));
        file.end();

        for (String domain : config.localDomains().keySet()) {
            if (config.routes().containsKey(domain)) {
                file.reject("local", domain + " has a table in [routes] too; allowed: one of the two");
            }
        }
        if (config.events().directory().toAbsolutePath().normalize()
                .equals(config.spool().directory().toAbsolutePath().normalize())) {
            file.reject("events", "directory is the spool's; the delivery log needs one of its own");
        }
        boolean nobody = config.auth().users().isEmpty() && config.auth().callout().isEmpty()
                && config.auth().bearer().isEmpty();
        for (ListenerConfig listener : listeners) {
            if (listener.authRequired() && nobody
                    && listener.tls().clientCertificates() == ListenerTls.ClientCertificates.NONE) {
                file.reject("listener", "\"" + listener.name()
                        + "\" has auth-required, but [auth] has no users, callout or bearer: nobody could log in");
            }
        }
        HttpConfig http = config.http();
        ListenAddress httpAddress = new ListenAddress(http.address(), http.port());
        if (http.port() != 0 && listeners.stream().anyMatch(listener -> listener.addresses().contains(httpAddress))) {
            file.reject("http", "a listener uses this address and port already");
        }
        InjectionConfig injection = config.injection();
        if (injection.enabled() && injection.port() != 0) {
            ListenAddress injectionAddress = new ListenAddress(injection.address(), injection.port());
            if (injectionAddress.equals(httpAddress)
                    || listeners.stream().anyMatch(listener -> listener.addresses().contains(injectionAddress))) {
                file.reject("injection", "a listener or [http] uses this address and port already");
            }
        }
        return config;
    }

    private static InboundConfig inbound(TableBinder table) {
        InboundConfig d = InboundConfig.DEFAULT;
        InboundConfig inbound = new InboundConfig(
                table.integer("event-loops", d.eventLoops(), 0, MAX_LOOPS),
                table.list("relay-networks", d.relayNetworks(), Syntax::network),
                table.size("max-message-size", d.maxMessageSize(), KILOBYTE, GIGABYTE),
                table.integer("max-recipients", d.maxRecipients(), MIN_RECIPIENTS, 50_000),
                table.integer("max-sessions", d.maxSessions(), 1, MILLION),
                table.integer("max-sessions-per-address", d.maxSessionsPerAddress(), 1, MILLION),
                table.integer("max-messages-per-session", d.maxMessagesPerSession(), 1, Integer.MAX_VALUE),
                table.duration("command-timeout", d.commandTimeout(), SECOND, HOUR),
                table.duration("data-timeout", d.dataTimeout(), SECOND, DAY),
                table.integer("soft-error-limit", d.softErrorLimit(), 0, 10_000),
                table.duration("error-delay", d.errorDelay(), Duration.ZERO, Duration.ofMinutes(1)),
                table.integer("hard-error-limit", d.hardErrorLimit(), 1, 10_000),
                table.integer("junk-command-limit", d.junkCommandLimit(), 1, MILLION),
                table.integer("max-line-length", d.maxLineLength(), MIN_LINE_LENGTH, 16 * MILLION),
                table.size("memory-limit", d.memoryLimit(), MEGABYTE, TERABYTE),
                clients(table.table("clients")), content(table.table("content")),
                hostility(table.table("hostility")));
        table.end();
        if (inbound.softErrorLimit() > inbound.hardErrorLimit()) {
            table.reject("soft-error-limit", inbound.softErrorLimit() + " is more than hard-error-limit, "
                    + inbound.hardErrorLimit() + ", so it could never be reached");
        }
        return inbound;
    }

    private static ClientLimits clients(TableBinder table) {
        ClientLimits d = ClientLimits.DEFAULT;
        int maxSessionsPerNetwork = table.integer("max-sessions-per-network", 0, 0, MILLION);
        ClientLimits clients = new ClientLimits(
                table.list("exempt", d.exempt(), Syntax::network),
                table.integer("ipv6-prefix", d.ipv6Prefix(), 1, 128),
                table.integer("network-prefix-v4", d.networkPrefixV4(), 1, Integer.SIZE),
                table.integer("network-prefix-v6", d.networkPrefixV6(), 1, 128),
                maxSessionsPerNetwork == 0 ? null : maxSessionsPerNetwork,
                table.rate("session-rate", d.sessionRate()),
                table.rate("message-rate", d.messageRate()),
                table.rate("recipient-rate", d.recipientRate()),
                table.rate("error-rate", d.errorRate()),
                table.integer("max-clients", d.maxClients(), 1, 100 * MILLION));
        table.end();
        if (clients.networkPrefixV6() > clients.ipv6Prefix()) {
            table.reject("network-prefix-v6", clients.networkPrefixV6() + " is more than ipv6-prefix, "
                    + clients.ipv6Prefix() + "; the network around a client can't be smaller than the client");
        }
        return clients;
    }

    private static ContentRules content(TableBinder table) {
        ContentRules d = ContentRules.DEFAULT;
        ContentRules content = new ContentRules(
                table.choice("bare-newlines", d.bareNewlines(), ContentRules.Handling.class),
                table.choice("nul", d.nul(), ContentRules.Handling.class),
                table.size("max-header", d.maxHeader(), KILOBYTE, ByteSize.ofMegabytes(16)),
                table.integer("max-hops", d.maxHops(), 1, 1_000));
        table.end();
        return content;
    }

    private static HostilityConfig hostility(TableBinder table) {
        HostilityConfig d = HostilityConfig.DEFAULT;
        HostilityConfig hostility = new HostilityConfig(
                table.duration("greet-delay", d.greetDelay(), Duration.ZERO, Duration.ofMinutes(1)),
                table.size("min-data-rate", d.minDataRate(), NO_BYTES, MEGABYTE),
                table.duration("data-grace", d.dataGrace(), SECOND, HOUR),
                table.duration("command-deadline", d.commandDeadline(), SECOND, HOUR),
                table.duration("session-deadline", d.sessionDeadline(), SECOND, DAY),
                table.duration("max-error-delay", d.maxErrorDelay(), Duration.ZERO, Duration.ofMinutes(1)),
                table.integer("stress-at", d.stressAt(), 1, 100),
                table.duration("stress-timeout", d.stressTimeout(), SECOND, HOUR),
                table.integer("stress-error-limit", d.stressErrorLimit(), 1, 10_000),
                table.integer("stress-junk-limit", d.stressJunkLimit(), 1, MILLION));
        table.end();
        return hostility;
    }

    private static SpoolConfig spool(TableBinder table) {
        SpoolConfig d = SpoolConfig.DEFAULT;
        SpoolConfig spool = new SpoolConfig(
                table.directory("directory", d.directory()),
                table.size("segment-size", d.segmentSize(), MEGABYTE, GIGABYTE),
                table.size("inline-limit", d.inlineLimit(), KILOBYTE, ByteSize.ofMegabytes(16)),
                table.size("cache-size", d.cacheSize(), NO_BYTES, TERABYTE),
                table.size("min-free-space", d.minFreeSpace(), NO_BYTES, TERABYTE),
                table.duration("append-deadline", d.appendDeadline(), SECOND, HOUR),
                table.size("max-waiting", d.maxWaiting(), MEGABYTE, TERABYTE),
                table.integer("readers", d.readers(), 1, 256),
                table.integer("reclaim-below", d.reclaimBelow(), 0, 90));
        table.end();
        if (spool.segmentSize().bytes() < INLINE_RECORDS_PER_SEGMENT * spool.inlineLimit().bytes()) {
            table.reject("segment-size", spool.segmentSize() + " is too small; allowed: at least "
                    + INLINE_RECORDS_PER_SEGMENT + " times inline-limit, which is " + spool.inlineLimit());
        }
        if (spool.maxWaiting().compareTo(spool.inlineLimit()) < 0) {
            table.reject("max-waiting", spool.maxWaiting() + " is too small; allowed: at least inline-limit, which is "
                    + spool.inlineLimit());
        }
        return spool;
    }

    private static DnsConfig dns(TableBinder table) {
        DnsConfig d = DnsConfig.DEFAULT;
        DnsConfig dns = new DnsConfig(
                table.list("servers", d.servers(), Syntax::server),
                table.duration("timeout", d.timeout(), Duration.ofMillis(10), Duration.ofMinutes(1)),
                table.duration("deadline", d.deadline(), Duration.ofMillis(10), Duration.ofMinutes(10)),
                table.integer("max-in-flight", d.maxInFlight(), 1, 65_536),
                table.integer("cache-size", d.cacheSize(), 1, 100 * MILLION),
                table.duration("min-ttl", d.minTtl(), Duration.ZERO, DAY),
                table.duration("max-ttl", d.maxTtl(), SECOND, Duration.ofDays(7)),
                table.duration("negative-ttl", d.negativeTtl(), Duration.ZERO, DAY),
                table.duration("failure-ttl", d.failureTtl(), Duration.ZERO, Duration.ofMinutes(5)), // RFC 2308 7.1
                table.duration("stale-ttl", d.staleTtl(), Duration.ZERO, Duration.ofDays(7)),
                table.list("ignore-networks", d.ignoreNetworks(), Syntax::ignoredNetwork));
        table.end();
        atMost(table, "timeout", dns.timeout(), "deadline", dns.deadline());
        atMost(table, "min-ttl", dns.minTtl(), "max-ttl", dns.maxTtl());
        return dns;
    }

    private static Map<String, RouteConfig> routes(TableBinder table) {
        Map<String, RouteConfig> routes = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder route = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            if (route.holdsOnlyTables()) {
                table.reject(name, "a domain needs quotes here: [routes.\"" + name + "."
                        + route.keys().iterator().next() + "\"]");
                continue;
            }
            List<String> hosts = route.list("hosts", List.of(), Syntax::host);
            if (!route.has("hosts")) {
                table.reject(name, "hosts is missing; expected an array like [\"mx.example.net\", \"192.0.2.1:2525\"]");
            } else if (route.isEmptyArray("hosts")) {
                route.reject("hosts", "at least one host is needed");
            }
            boolean lmtp = route.flag("lmtp", false);
            Optional<TlsPolicy> tls = route.text("tls", Optional.empty(), TlsPolicy.ALLOWED,
                    text -> Optional.of(TlsPolicy.parse(text)));
            route.end();
            try {
                String domain = name.equals("*") ? name : Syntax.domain(name);
                if (routes.put(domain, new RouteConfig(hosts, lmtp, tls.orElse(null))) != null) {
                    table.reject(name, "there is a route for " + domain + " in another spelling already");
                }
            } catch (IllegalArgumentException e) {
                table.reject(name, e.getMessage() + ", or \"*\"");
            }
        }
        return routes;
    }

    private static QueueConfig queue(TableBinder table) {
        QueueConfig d = QueueConfig.DEFAULT;
        QueueConfig queue = new QueueConfig(
                table.duration("retry-interval", d.retryInterval(), SECOND, DAY),
                table.duration("max-retry-interval", d.maxRetryInterval(), SECOND, Duration.ofDays(30)),
                table.durations("retry-intervals", d.retryIntervals(), SECOND, Duration.ofDays(30)),
                table.integer("jitter-percent", d.jitterPercent(), 0, 50),
                table.duration("max-age", d.maxAge(), SECOND, YEAR),
                table.duration("delay-warning", d.delayWarning(), Duration.ZERO, YEAR),
                table.duration("max-suspension", d.maxSuspension(), SECOND, DAY),
                table.integer("lane-share-percent", d.laneSharePercent(), 1, 100),
                table.size("memory-limit", d.memoryLimit(), NO_BYTES, TERABYTE));
        table.end();
        atMost(table, "retry-interval", queue.retryInterval(), "max-retry-interval", queue.maxRetryInterval());
        return queue;
    }

    private static DeliveryConfig delivery(TableBinder table) {
        DeliveryConfig d = DeliveryConfig.DEFAULT;
        DeliveryConfig delivery = new DeliveryConfig(
                table.integer("port", d.port(), 1, MAX_PORT),
                table.text("source-address", d.sourceAddress(), "an IP address in quotes",
                        text -> text.isEmpty() ? text : Syntax.addressAlone(text)),
                table.integer("max-sessions", d.maxSessions(), 1, MILLION),
                table.integer("max-recipients-per-transaction", d.maxRecipientsPerTransaction(), 1, 50_000),
                table.duration("connect-timeout", d.connectTimeout(), MILLISECOND, HOUR),
                table.duration("greeting-timeout", d.greetingTimeout(), MILLISECOND, HOUR),
                table.duration("command-timeout", d.commandTimeout(), MILLISECOND, HOUR),
                table.duration("data-init-timeout", d.dataInitTimeout(), MILLISECOND, HOUR),
                table.duration("data-block-timeout", d.dataBlockTimeout(), MILLISECOND, HOUR),
                table.duration("data-done-timeout", d.dataDoneTimeout(), MILLISECOND, HOUR),
                table.duration("quit-timeout", d.quitTimeout(), MILLISECOND, HOUR),
                table.duration("bad-host-time", d.badHostTime(), Duration.ZERO, DAY),
                table.duration("stop-timeout", d.stopTimeout(), Duration.ZERO, HOUR),
                table.size("memory-limit", d.memoryLimit(), DELIVERY_MEMORY, TERABYTE),
                table.text("tls", d.tls(), TlsPolicy.ALLOWED, TlsPolicy::parse),
                ListenerReader.authorities(table, "tls-ca", d.tlsCa()));
        table.end();
        return delivery;
    }

    private static EventsConfig events(TableBinder table) {
        EventsConfig d = EventsConfig.DEFAULT;
        EventsConfig events = new EventsConfig(
                table.directory("directory", d.directory()),
                table.size("max-file-size", d.maxFileSize(), KILOBYTE, TERABYTE),
                table.duration("max-file-age", d.maxFileAge(), Duration.ZERO, YEAR),
                table.choice("compression", d.compression(), EventsConfig.Compression.class),
                table.duration("keep", d.keep(), Duration.ZERO, YEAR.multipliedBy(20)),
                table.rate("rejection-rate", d.rejectionRate()),
                table.duration("flush-interval", d.flushInterval(), MILLISECOND, Duration.ofMinutes(1)),
                table.integer("max-pending", d.maxPending(), 1, 100 * MILLION));
        table.end();
        if (events.maxFileAge().isPositive() && events.maxFileAge().compareTo(Duration.ofMinutes(1)) < 0) {
            table.reject("max-file-age", Durations.format(events.maxFileAge())
                    + " is too short; allowed: \"0s\" for not by time, or 1m to 365d");
        }
        if (events.keep().isPositive() && events.keep().compareTo(HOUR) < 0) {
            table.reject("keep",
                    Durations.format(events.keep()) + " is too short; allowed: \"0s\" for ever, or 1h and more");
        }
        return events;
    }

    private static HttpConfig http(TableBinder table) {
        HttpConfig d = HttpConfig.DEFAULT;
        HttpConfig http = new HttpConfig(
                table.text("address", d.address(), "an IP address in quotes", Syntax::addressAlone),
                table.integer("port", d.port(), 0, MAX_PORT));
        table.end();
        return http;
    }

    private static void atMost(TableBinder table, String key, Duration value, String limitKey, Duration limit) {
        if (value.compareTo(limit) > 0) {
            table.reject(key, Durations.format(value) + " is more than " + limitKey + ", "
                    + Durations.format(limit));
        }
    }
}
