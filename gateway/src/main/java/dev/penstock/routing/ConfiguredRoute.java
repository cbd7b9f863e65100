package dev.penstock.routing;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.RouteConfig;
import dev.penstock.config.TlsPolicy;

/**
 * A route from configuration, its hosts parsed. Immutable.
 *
 * @param site also its key in the cache
 */
record ConfiguredRoute(String site, List<Endpoint> hosts, boolean lmtp, @Nullable TlsPolicy tls) {
    /** IANA: 24 is for any private mail system; Postfix's lmtp_tcp_port. RFC 2033 5: LMTP must not use 25. */
    private static final int LMTP_PORT = 24;

    /** @throws IllegalArgumentException naming the host that can't be read */
    static ConfiguredRoute of(RouteConfig config, int smtpPort) {
        int port = config.lmtp() ? LMTP_PORT : smtpPort;
        return new ConfiguredRoute(SiteNames.ofRoute(config.hosts()),
                config.hosts().stream().map(host -> Endpoint.parse(host, port)).toList(), config.lmtp(), config.tls());
    }

    /** No domain has a space, so domains and routes can share a cache. */
    String key() {
        return (lmtp ? "lmtp " : "smtp ") + (tls == null ? "" : tls + " ") + site;
    }
}
