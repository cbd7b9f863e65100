package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TlsPolicy;
import dev.penstock.routing.Route.Protocol;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;

/**
 * What the sessions of a ready queue have in common. Immutable.
 *
 * @param source the name of the source it goes out by
 * @param site   the shaping key: a site, or the stand-in for a domain with a shaping section of its own
 * @param protocol how its mail is handed over
 * @param configured whether the configuration names its hosts
 * @param tls    how TLS is used towards them, null for as everywhere
 */
public record QueueKey(String source, Site site, Protocol protocol, boolean configured, @Nullable TlsPolicy tls) {
    public static final String DEFAULT_SOURCE = EgressPath.DEFAULT_SOURCE;

    /** Of hosts that DNS told. */
    public QueueKey(String source, Site site, boolean lmtp) {
        this(source, site, lmtp ? Protocol.LMTP : Protocol.SMTP, false, null);
    }

    public boolean lmtp() {
        return protocol == Protocol.LMTP;
    }

    /** For logs: {@code default->mx.example.net}. */
    @Override
    public String toString() {
        return source + "->" + site + (protocol == Protocol.SMTP ? "" : " (" + protocol + ")");
    }
}
