package dev.penstock.verbs;

import org.jspecify.annotations.Nullable;

import dev.penstock.delivery.Verbs.Words;
import dev.penstock.queue.Selection;

/**
 * What an operator wants done. Immutable.
 *
 * @param mail          to which of what is queued when the job begins
 * @param who           wants it
 * @param why           for people; never empty
 * @param key           of the client's: the same request under the same key is the same job; null for none
 * @param expiresMillis milliseconds since 1970, then the job ends though it isn't through; 0 for never
 * @param details       what the verb needs besides
 */
public record JobRequest(Verb verb, Selection mail, String who, String why, @Nullable String key, long expiresMillis,
        Details details) {
    /** In whose words mail is given up when nothing else is said: RFC 3463 3.8, X.7.1, delivery not authorized. */
    static final Words USUAL = new Words(550, "5.7.1", "Withdrawn by the administrator of this mail system",
            "Uncategorized");

    /**
     * @param untilMillis   of a hold: when it ends, 0 for when it is released; of a delay: no attempt before. Milliseconds
     *                      since 1970
     * @param report        of a bounce: whether the sender is told
     * @param words         of a bounce or a deletion
     * @param tenant        of a rebinding, like the next three: null for no change
     * @param routingDomain by whose route it goes; empty for the recipients' own
     */
    public record Details(long untilMillis, boolean report, Words words, @Nullable String tenant,
            @Nullable String campaign, @Nullable String pool, @Nullable String routingDomain) {
        public static final Details NONE = new Details(0, false, USUAL, null, null, null, null);

        public Details until(long millis) {
            return new Details(millis, report, words, tenant, campaign, pool, routingDomain);
        }

        public Details report(boolean told) {
            return new Details(untilMillis, told, words, tenant, campaign, pool, routingDomain);
        }

        public Details words(Words said) {
            return new Details(untilMillis, report, said, tenant, campaign, pool, routingDomain);
        }

        public Details bind(@Nullable String toTenant, @Nullable String toCampaign, @Nullable String toPool,
                @Nullable String toRoute) {
            return new Details(untilMillis, report, words, toTenant, toCampaign, toPool, toRoute);
        }

        boolean bindsNothing() {
            return tenant == null && campaign == null && pool == null && routingDomain == null;
        }
    }

    /** @throws IllegalArgumentException when something is missing, with a sentence for people */
    public JobRequest {
        if (why.isBlank()) {
            throw new IllegalArgumentException("a reason is missing");
        }
        if (verb == Verb.DELAY && details.untilMillis == 0) {
            throw new IllegalArgumentException("delay wants a time until when");
        }
        if (verb == Verb.REBIND && details.bindsNothing()) {
            throw new IllegalArgumentException("rebind wants a tenant, a campaign, a pool or a route");
        }
    }
}
