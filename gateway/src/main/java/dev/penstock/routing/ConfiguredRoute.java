package dev.penstock.routing;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.RouteConfig;
import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;

/**
 * A route from configuration, its hosts parsed. Immutable.
 *
 * @param key   in the cache that routes and domains share: different for different routes, and no domain's name
 * @param store the answer itself when there is nothing to look up, else null
 */
record ConfiguredRoute(String key, Site site, List<Endpoint> hosts, boolean lmtp, @Nullable TlsPolicy tls,
        @Nullable RouteLogin login, @Nullable CompletableFuture<Route> store) {
    /** IANA: 24 is for any private mail system; Postfix's lmtp_tcp_port. RFC 2033 5: LMTP must not use 25. */
    private static final int LMTP_PORT = 24;

    /** @throws IllegalArgumentException naming the host that can't be read */
    static ConfiguredRoute of(String domain, RouteConfig config, int smtpPort) {
        if (config.maildir().isPresent()) {
            // Of its own, since sessions are shared within a site and Maildirs differ between domains.
            Site site = new Site(domain);
            return new ConfiguredRoute(domain, site, List.of(), false, null, null,
                    CompletableFuture.completedFuture(new Route.Store(site, config.maildir().get())));
        }
        int port = config.lmtp() ? LMTP_PORT : smtpPort;
        // No domain has a space, and neither a host nor a path nor a login a NUL. The key is in no log.
        String key = (config.lmtp() ? "lmtp " : "smtp ") + config.tls() + " " + String.join("\0", config.hosts())
                + config.login().map(login -> "\0\0" + login.user() + "\0" + login.password() + "\0"
                        + login.withoutTls()).orElse("");
        return new ConfiguredRoute(key, Site.ofRoute(config.hosts()),
                config.hosts().stream().map(host -> Endpoint.parse(host, port)).toList(), config.lmtp(), config.tls(),
                config.login().orElse(null), null);
    }
}
