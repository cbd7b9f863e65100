package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;
import dev.penstock.routing.HostProof;
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
 * @param proof what vouches for the hosts that DNS names
 * @param login how they are logged in to, null for not at all
 */
public record QueueKey(String source, Site site, Protocol protocol, boolean configured, @Nullable TlsPolicy tls,
        HostProof proof, @Nullable RouteLogin login) {
    public static final String DEFAULT_SOURCE = EgressPath.DEFAULT_SOURCE;

    /** Of hosts that DNS told. */
    public QueueKey(String source, Site site, boolean lmtp) {
        this(source, site, lmtp ? Protocol.LMTP : Protocol.SMTP, false, null);
    }

    /** Of hosts that nothing vouches for but the configuration, where it names them. */
    public QueueKey(String source, Site site, Protocol protocol, boolean configured, @Nullable TlsPolicy tls) {
        this(source, site, protocol, configured, tls, HostProof.NONE, null);
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
