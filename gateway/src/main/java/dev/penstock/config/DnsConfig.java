package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.texts;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** DNS look-ups and their cache. Each component is the key of its name. */
public record DnsConfig(List<String> servers, Duration timeout, Duration deadline, int maxInFlight, int cacheSize,
        Duration minTtl, Duration maxTtl, Duration negativeTtl, Duration failureTtl, Duration staleTtl,
        List<String> ignoreNetworks, Dnssec dnssec, Optional<Path> trustAnchor) implements TableRecord<DnsConfig> {
    static final Table<DnsConfig> TABLE = Table.of(DnsConfig.class, DnsConfig::new, "DNS look-ups and their cache.")
            .rule(DnsConfig::check);
    public static final Key<DnsConfig, List<String>> SERVERS = TABLE.key("servers", DnsConfig::servers,
            texts(Syntax::server), "\"address\" or \"address:port\". Empty: those of /etc/resolv.conf.");
    public static final Key<DnsConfig, Duration> TIMEOUT = TABLE.key("timeout", DnsConfig::timeout,
            duration("3s", "10ms", "1m"), "One query to one server.");
    public static final Key<DnsConfig, Duration> DEADLINE = TABLE.key("deadline", DnsConfig::deadline,
            duration("15s", "10ms", "10m"),
            "One question with all its servers, repeats and aliases, from when it leaves.");
    public static final Key<DnsConfig, Integer> MAX_IN_FLIGHT = TABLE.key("max-in-flight", DnsConfig::maxInFlight,
            integer(256, 1, 65_536),
            "Queries at one time. Further ones wait for their place; no deadline runs meanwhile.");
    public static final Key<DnsConfig, Integer> CACHE_SIZE = TABLE.key("cache-size", DnsConfig::cacheSize,
            integer(100_000, 1, 100_000_000),
            "Domains kept, and mail hosts, half a kilobyte for each: one that takes more counts for several. A "
                    + "sixteenth of that is kept of other records.");
    public static final Key<DnsConfig, Duration> MIN_TTL = TABLE.key("min-ttl", DnsConfig::minTtl,
            duration("30s", "0s", "1d"), "Answers are kept for their own TTL, but at least this long.");
    public static final Key<DnsConfig, Duration> MAX_TTL = TABLE.key("max-ttl", DnsConfig::maxTtl,
            duration("1d", "1s", "7d"), "Answers are kept at most this long.");
    public static final Key<DnsConfig, Duration> NEGATIVE_TTL = TABLE.key("negative-ttl", DnsConfig::negativeTtl,
            duration("1h", "0s", "1d"), "\"No such domain\", \"no such record\": at most this long (RFC 2308).");
    public static final Key<DnsConfig, Duration> FAILURE_TTL = TABLE.key("failure-ttl", DnsConfig::failureTtl,
            duration("15s", "0s", "5m"), "SERVFAIL and time-outs."); // five minutes: RFC 2308 7.1
    public static final Key<DnsConfig, Duration> STALE_TTL = TABLE.key("stale-ttl", DnsConfig::staleTtl,
            duration("1h", "0s", "7d"),
            "How long past its TTL an answer may be used while it is being refreshed (RFC 8767).");
    public static final Key<DnsConfig, List<String>> IGNORE_NETWORKS = TABLE.key("ignore-networks",
            DnsConfig::ignoreNetworks,
            texts(Syntax::ignoredNetwork, "loopback", "link-local", "unspecified", "own"),
            "Where no MX record and no address literal may send mail (550 5.4.4); configured routes may. Networks, "
                    + "addresses, and \"loopback\", \"link-local\", \"unspecified\", \"own\" (this machine's addresses), "
                    + "\"private\". [] for tests on one machine.");

    public static final Key<DnsConfig, Dnssec> DNSSEC = TABLE.key("dnssec", DnsConfig::dnssec,
            Types.choice(Dnssec.OFF),
            "Whose word it is that an answer is signed, which DANE needs. \"validate\": checked here, from the trust "
                    + "anchor on; \"trust-resolver\": that of the servers (their AD bit), which must be on this machine; "
                    + "\"off\": nobody's, and no host is authenticated by DANE.");
    public static final Key<DnsConfig, Optional<Path>> TRUST_ANCHOR = TABLE.key("trust-anchor",
            DnsConfig::trustAnchor,
            Types.optionalPath((file, key, otherwise) -> file.file(key, otherwise, "the root's")),
            "File with the DS or DNSKEY records that \"validate\" begins with. Empty: those of the root, as of 2024.");

    public static final DnsConfig DEFAULT = TABLE.defaults();

    private static final long USUAL_ANSWER = 512; // octets
    /** Senders are fewer than recipients' domains, and each has a handful of records. */
    private static final int RECORDS_SHARE = 16;

    public DnsConfig {
        servers = List.copyOf(servers);
        ignoreNetworks = List.copyOf(ignoreNetworks);
    }

    private DnsConfig(Values<DnsConfig> values) {
        this(values.get(SERVERS), values.get(TIMEOUT), values.get(DEADLINE), values.get(MAX_IN_FLIGHT),
                values.get(CACHE_SIZE), values.get(MIN_TTL), values.get(MAX_TTL), values.get(NEGATIVE_TTL),
                values.get(FAILURE_TTL), values.get(STALE_TTL), values.get(IGNORE_NETWORKS), values.get(DNSSEC),
                values.get(TRUST_ANCHOR));
    }

    private static void check(TableBinder file, DnsConfig dns) {
        Rules.atMost(file, "timeout", dns.timeout(), "deadline", dns.deadline());
        Rules.atMost(file, "min-ttl", dns.minTtl(), "max-ttl", dns.maxTtl());
        if (dns.dnssec() == Dnssec.TRUST_RESOLVER && !dns.servers().stream().allMatch(DnsConfig::isLocal)) {
            file.reject("dnssec", "\"trust-resolver\" takes servers on this machine only (127.0.0.1, ::1): between "
                    + "here and another one anybody could say that an answer is signed");
        }
        if (dns.dnssec() == Dnssec.TRUST_RESOLVER && dns.servers().isEmpty()) {
            file.reject("dnssec", "\"trust-resolver\" needs dns.servers to say which are trusted");
        }
        if (dns.dnssec() != Dnssec.VALIDATE && dns.trustAnchor().isPresent()) {
            file.reject("trust-anchor", "is for dnssec = \"validate\"");
        }
    }

    private static boolean isLocal(String server) {
        return server.matches("(127(\\.\\d{1,3}){3}|\\[::1])(:\\d+)?|::1");
    }

    /** Octets that are kept of other records: keys, policies, names of addresses. */
    public long recordOctets() {
        return Math.max(USUAL_ANSWER, cacheOctets() / RECORDS_SHARE);
    }

    /** Octets that are kept of domains, and as much of mail hosts. */
    public long cacheOctets() {
        return cacheSize * USUAL_ANSWER;
    }
}
