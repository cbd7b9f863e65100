package dev.penstock.message;

import java.util.List;

/**
 * The recipients of one message that share a domain: the unit that is queued, attempted and finished.
 *
 * @param index      this destination's place among the envelope's destinations, from 0
 * @param domain     as {@link Recipient#domain()}
 * @param recipients indices into {@link Envelope#recipients()}, ascending
 */
public record Destination(int index, String domain, List<Integer> recipients) {}
