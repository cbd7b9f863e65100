package dev.penstock.config;

import java.time.Duration;
import java.util.List;

/**
 * DNS look-ups and their cache.
 *
 * @param servers     {@code address} or {@code address:port}; empty means those of the system's resolv.conf
 * @param timeout     for one query to one server
 * @param deadline    for one question, from when it leaves: all servers, repeats and aliases
 * @param maxInFlight queries at one time; further ones wait for a place, and no deadline runs meanwhile
 * @param cacheSize   domains kept, and mail hosts, if half a kilobyte is enough for each, as it mostly is: what is kept of
 *                    either is bounded by octets
 * @param minTtl      answers are kept at least this long
 * @param maxTtl      and at most this long
 * @param negativeTtl no such domain, no record: at most this long, else the SOA's minimum (RFC 2308)
 * @param failureTtl  SERVFAIL and time-outs
 * @param staleTtl    how long past its TTL an answer may be used while it is refreshed (RFC 8767)
 * @param ignoreNetworks networks, and groups of them, to which no MX record and no address literal may send mail; a
 *                    configured route may. The groups: {@code loopback}, {@code link-local}, {@code unspecified}, {@code own}
 *                    (all addresses of this machine), {@code private}
 */
public record DnsConfig(List<String> servers, Duration timeout, Duration deadline, int maxInFlight, int cacheSize,
        Duration minTtl, Duration maxTtl, Duration negativeTtl, Duration failureTtl, Duration staleTtl,
        List<String> ignoreNetworks) {
    public static final DnsConfig DEFAULT = new DnsConfig(List.of(), Duration.ofSeconds(3), Duration.ofSeconds(15), 256,
            100_000, Duration.ofSeconds(30), Duration.ofDays(1), Duration.ofHours(1), Duration.ofSeconds(15),
            Duration.ofHours(1), List.of("loopback", "link-local", "unspecified", "own"));

    private static final long USUAL_ANSWER = 512; // octets

    public DnsConfig {
        servers = List.copyOf(servers);
        ignoreNetworks = List.copyOf(ignoreNetworks);
    }

    /** Octets that are kept of domains, and as much of mail hosts. */
    public long cacheOctets() {
        return cacheSize * USUAL_ANSWER;
    }
}
