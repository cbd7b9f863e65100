package dev.penstock.queue;

/**
 * What the sessions of a lane have in common. Immutable.
 *
 * @param source the source address pool; {@code default} until there are several
 * @param site   the shaping key: a site's name, or {@code domain:} and a domain with a shaping section of its own
 * @param lmtp   whether its hosts speak LMTP
 */
public record LaneKey(String source, String site, boolean lmtp) {
    public static final String DEFAULT_SOURCE = "default";

    /** For logs: {@code default->mx.example.net}. */
    @Override
    public String toString() {
        return source + "->" + site + (lmtp ? " (LMTP)" : "");
    }
}
