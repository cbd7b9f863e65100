package dev.penstock.verbs;

import java.util.List;

/**
 * What a verb would be done to. Immutable.
 *
 * @param destinations   messages, once for each of their recipients' domains
 * @param octets         of content, counted for each
 * @param inHand         of the destinations, such as sessions have in hand
 * @param oldestMillis   when the oldest was received, milliseconds since 1970; 0 when there is none
 * @param domains        with most of them, at most ten
 */
public record JobCount(long destinations, long octets, long inHand, long oldestMillis, List<OfDomain> domains) {
    public record OfDomain(String domain, long destinations) {}
}
