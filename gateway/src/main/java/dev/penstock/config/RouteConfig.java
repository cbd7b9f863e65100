package dev.penstock.config;

import java.util.List;
import java.util.Optional;

/**
 * A configured route, used instead of MX records.
 *
 * @param hosts   {@code name}, {@code name:port}, {@code address:port}, {@code [v6]:port} or {@code unix:/path}, tried
 *                in order
 * @param lmtp    speak LMTP
 * @param maildir write into Maildirs, and speak to nobody; only a local domain has this
 */
public record RouteConfig(List<String> hosts, boolean lmtp, Optional<MaildirConfig> maildir) {
    public RouteConfig {
        hosts = List.copyOf(hosts);
    }

    /** To hosts. */
    public RouteConfig(List<String> hosts, boolean lmtp) {
        this(hosts, lmtp, Optional.empty());
    }
}
