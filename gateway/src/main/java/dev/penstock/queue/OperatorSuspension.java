package dev.penstock.queue;

import java.time.Instant;

/**
 * Mail that an operator wants kept back, what is queued of it and what comes. Immutable.
 *
 * @param id          names it
 * @param mail        which: of a domain, a site, a provider, a source, a pool, a tenant, a campaign, or any of these together;
 *                    see {@link Selection#isOfPlaces()}
 * @param sinceMillis since 1970
 * @param untilMillis since 1970; 0 when somebody has to resume it
 * @param who         has suspended it
 * @param why         for people
 */
public record OperatorSuspension(String id, Selection mail, long sinceMillis, long untilMillis, String who,
        String why) {
    public OperatorSuspension {
        if (!mail.isOfPlaces()) {
            throw new IllegalArgumentException("a suspension is of domains, sites, providers, sources, pools, tenants, "
                    + "campaigns or classes; hold single messages instead");
        }
    }

    boolean isOver(long wallMillis) {
        return untilMillis != 0 && untilMillis <= wallMillis;
    }

    /** When it ends, if that is after {@code wallMillis}; else {@link Long#MAX_VALUE}. */
    long endAfter(long wallMillis) {
        return untilMillis > wallMillis ? untilMillis : Long.MAX_VALUE;
    }

    /** What its mail waits for. */
    String words() {
        return (untilMillis == 0
                ? "an operator to resume it"
                : "the end of an operator's suspension at " + Instant.ofEpochMilli(untilMillis))
                + " (" + id + ", " + mail + ", by " + who + "): " + why;
    }
}
