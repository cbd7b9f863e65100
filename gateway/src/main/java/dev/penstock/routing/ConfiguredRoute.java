package dev.penstock.routing;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.RouteConfig;
import dev.penstock.config.TlsPolicy;

/**
 * A route from configuration, its hosts parsed. Immutable.
 *
 * @param site  also its key in the cache
 * @param store the answer itself when there is nothing to look up, else null
 */
record ConfiguredRoute(String site, List<Endpoint> hosts, boolean lmtp, @Nullable TlsPolicy tls,
        @Nullable CompletableFuture<Route> store) {
    /** IANA: 24 is for any private mail system; Postfix's lmtp_tcp_port. RFC 2033 5: LMTP must not use 25. */
    private static final int LMTP_PORT = 24;

    /** @throws IllegalArgumentException naming the host that can't be read */
    static ConfiguredRoute of(String domain, RouteConfig config, int smtpPort) {
        if (config.maildir().isPresent()) {
            // Of its own, since sessions are shared within a site and Maildirs differ between domains.
            return new ConfiguredRoute(domain, List.of(), false, null, CompletableFuture
                    .completedFuture(new Route.Store(new Site(domain), config.maildir().get())));
        }
        int port = config.lmtp() ? LMTP_PORT : smtpPort;
        return new ConfiguredRoute(SiteNames.ofRoute(config.hosts()),
                config.hosts().stream().map(host -> Endpoint.parse(host, port)).toList(), config.lmtp(), config.tls(),
                null);
    }

    /** No domain has a space, so domains and routes can share a cache. */
    String key() {
        return (lmtp ? "lmtp " : "smtp ") + (tls == null ? "" : tls + " ") + site;
    }
}
