package dev.penstock.proxy;

import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** The proxy, as metrics name it. Stateless. */
final class ProxyMetrics {
    private ProxyMetrics() {}

    static PartMeters<ProxyStats> of(Supplier<ProxyStats> source) {
        PartMeters<ProxyStats> part = PartMeters.of("penstock.proxy.", source);
        part.gauge("connections", "Connections of clients", ProxyStats::open);
        part.counter("connections.refused", "Connections beyond a limit, closed at once", ProxyStats::refused);
        part.counter("connections.not.allowed", "Connections from outside of the clients' networks",
                ProxyStats::notAllowed);
        part.counter("logins.failed", "Logins that were wrong or missing", ProxyStats::wrongLogins);
        part.counter("requests.malformed", "Connections that said something else than a request",
                ProxyStats::malformed);
        part.counter("requests.late", "Connections that asked for nothing in time", ProxyStats::late);
        part.counter("connected", "Hosts that were reached", ProxyStats::connected);
        part.counter("addresses.not.plumbed", "Requests for an address that isn't on this machine",
                ProxyStats::notPlumbed);
        part.counter("connect.failures", "Hosts that could not be reached or refused", ProxyStats::connectFailures);
        part.counter("idle", "Connections closed because nothing came either way", ProxyStats::idle);
        part.counter("octets", "Octets carried", ProxyStats::octetsOut, "direction", "out");
        part.counter("octets", "Octets carried", ProxyStats::octetsIn, "direction", "in");
        return part;
    }
}
