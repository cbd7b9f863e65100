package dev.penstock.trace;

import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Networks;

/**
 * Which sessions a watcher wants. Immutable. All that is given must hold; a text that is empty is not given.
 *
 * @param direction null for both
 * @param sessions  by id; empty for all
 * @param networks  of the client or the host; empty for all
 * @param domain    of the sender or of a recipient, lower case, as A-labels
 * @param site      as in the delivery log, without its source
 */
public record TraceFilter(@Nullable Direction direction, List<String> sessions, Networks networks, String domain,
        String tenant, String listener, String source, String site, String provider) {
    /** Everything. */
    public static final TraceFilter ALL = new TraceFilter(null, List.of(), Networks.parse(List.of()), "", "", "", "",
            "", "");

    public TraceFilter {
        sessions = List.copyOf(sessions);
    }

    /** Whether a session is wanted. */
    enum Match {
        YES,
        /** By what it may have in hand, or be with, later. */
        LATER,
        /** Whatever comes. */
        NO
    }

    /** @param domains of the sender and the recipients of the transaction under way, lower case, as A-labels */
    Match test(SessionFacts facts, Set<String> domains) {
        if (direction != null && direction != facts.direction()
                || !sessions.isEmpty() && !sessions.contains(facts.session())
                || isOther(listener, facts.listener()) || isOther(source, facts.source())
                || isOther(site, facts.site()) || isOther(provider, facts.provider())) {
            return Match.NO;
        }
        if (!networks.isEmpty() && (facts.address() == null || !networks.contains(facts.address()))) {
            // A host that isn't reached may be followed by another; a client stays who it is.
            return facts.direction() == Direction.OUT ? Match.LATER : Match.NO;
        }
        boolean ofMessage = (domain.isEmpty() || domains.contains(domain))
                && (tenant.isEmpty() || facts.tenant().equals(tenant));
        return ofMessage ? Match.YES : Match.LATER;
    }

    private static boolean isOther(String wanted, String known) {
        return !wanted.isEmpty() && !wanted.equals(known);
    }
}
