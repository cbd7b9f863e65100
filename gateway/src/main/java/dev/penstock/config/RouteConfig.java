package dev.penstock.config;

import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.texts;

import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

/**
 * A configured route, used instead of MX records. Each component but one is the key of its name.
 *
 * @param tls     instead of the shaping file's and {@code delivery.tls}; null for what those say
 * @param maildir write into Maildirs, and speak to nobody; only a local domain has this
 */
public record RouteConfig(List<String> hosts, boolean lmtp, @Nullable TlsPolicy tls,
        Optional<MaildirConfig> maildir) {
    static final Table<RouteConfig> TABLE = Table.of(RouteConfig.class, RouteConfig::new, "");
    public static final Key<RouteConfig, List<String>> HOSTS = TABLE
            .key("hosts", RouteConfig::hosts, texts(Syntax::host).allowing("", "minItems", 1),
                    "\"name\", \"name:port\", \"address:port\", \"[v6]:port\" or \"unix:/path\", tried in order.")
            .required().example("[\"mx.internal.example:2526\", \"192.0.2.7\"]");
    public static final Key<RouteConfig, Boolean> LMTP = TABLE.key("lmtp", RouteConfig::lmtp, flag(false),
            "Speak LMTP (RFC 2033).");
    public static final Key<RouteConfig, @Nullable TlsPolicy> TLS = TABLE
            .key("tls", RouteConfig::tls, Types.orNone(TlsPolicy.type()),
                    "Instead of what delivery.tls and the shaping file say.")
            .example("\"opportunistic\"");

    public RouteConfig {
        hosts = List.copyOf(hosts);
    }

    private RouteConfig(Values<RouteConfig> values) {
        this(values.get(HOSTS), values.get(LMTP), values.get(TLS), Optional.empty());
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
