package dev.penstock.queue;

import dev.penstock.routing.Route.Protocol;

/**
 * What the sessions of a lane have in common. Immutable.
 *
 * @param source the source address pool; {@code default} until there are several
 * @param site   the shaping key: a site's name, or {@code domain:} and a domain with a shaping section of its own
 * @param protocol how its mail is handed over
 */
public record LaneKey(String source, String site, Protocol protocol) {
    public static final String DEFAULT_SOURCE = "default";

    /** To hosts. */
    public LaneKey(String source, String site, boolean lmtp) {
        this(source, site, lmtp ? Protocol.LMTP : Protocol.SMTP);
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
