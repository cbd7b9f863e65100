package dev.penstock.shaping;

import dev.penstock.routing.Site;

/**
 * What limits apply to: mail that one source sends to one site, so that what a receiver thinks of one address says nothing
 * about another. Immutable.
 *
 * @param source the source's name
 * @param site   a site, or the stand-in for a domain with a section of its own
 */
public record EgressPath(String source, Site site) {
    /** The source where none is configured. */
    public static final String DEFAULT_SOURCE = "default";

    /** {@code ip-17->mx.example.net}. */
    @Override
    public String toString() {
        return source + "->" + site;
    }
}
