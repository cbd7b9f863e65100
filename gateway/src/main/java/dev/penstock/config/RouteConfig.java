package dev.penstock.config;

import java.util.List;

/**
 * A configured route, used instead of MX records.
 *
 * @param hosts {@code name}, {@code name:port}, {@code address:port} or {@code [v6]:port}, tried in order
 * @param lmtp  speak LMTP
 */
public record RouteConfig(List<String> hosts, boolean lmtp) {
    public RouteConfig {
        hosts = List.copyOf(hosts);
    }
}
