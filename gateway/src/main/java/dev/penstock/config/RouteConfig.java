package dev.penstock.config;

import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * A configured route, used instead of MX records.
 *
 * @param hosts {@code name}, {@code name:port}, {@code address:port} or {@code [v6]:port}, tried in order
 * @param lmtp  speak LMTP
 * @param tls   instead of {@code delivery.tls}; null for the same
 */
public record RouteConfig(List<String> hosts, boolean lmtp, @Nullable TlsPolicy tls) {
    public RouteConfig {
        hosts = List.copyOf(hosts);
    }

    /** With TLS as everywhere. */
    public RouteConfig(List<String> hosts, boolean lmtp) {
        this(hosts, lmtp, null);
    }
}
