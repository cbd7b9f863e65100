package dev.penstock.config;

import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

/**
 * A configured route, used instead of MX records.
 *
 * @param hosts   {@code name}, {@code name:port}, {@code address:port}, {@code [v6]:port} or {@code unix:/path}, tried
 *                in order
 * @param lmtp    speak LMTP
 * @param tls     instead of the shaping file's and {@code delivery.tls}; null for what those say
 * @param maildir write into Maildirs, and speak to nobody; only a local domain has this
 */
public record RouteConfig(List<String> hosts, boolean lmtp, @Nullable TlsPolicy tls,
        Optional<MaildirConfig> maildir) {
    public RouteConfig {
        hosts = List.copyOf(hosts);
    }

    /** To hosts, with TLS as everywhere. */
    public RouteConfig(List<String> hosts, boolean lmtp) {
        this(hosts, lmtp, null);
    }

    /** To hosts. */
    public RouteConfig(List<String> hosts, boolean lmtp, @Nullable TlsPolicy tls) {
        this(hosts, lmtp, tls, Optional.empty());
    }

    /** The same with {@code policy} where it says nothing about TLS. */
    RouteConfig orTls(TlsPolicy policy) {
        return tls == null && maildir.isEmpty() ? new RouteConfig(hosts, lmtp, policy) : this;
    }

    /** Into Maildirs. */
    public static RouteConfig of(MaildirConfig maildir) {
        return new RouteConfig(List.of(), false, null, Optional.of(maildir));
    }
}
