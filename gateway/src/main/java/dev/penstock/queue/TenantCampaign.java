package dev.penstock.queue;

import dev.penstock.shaping.OpeningLimiter.Party;

/**
 * Whose turn it is: a tenant and one of its campaigns, empty when unknown, and by which pool its mail was said to go.
 *
 * @param reports whether it is the reports made here for the tenant, and not its mail
 * @param pool    that was named for the mail; empty when the configuration says which
 */
record TenantCampaign(String tenant, String campaign, boolean reports, String pool) {
    TenantCampaign(String tenant, String campaign) {
        this(tenant, campaign, false, "");
    }

    /** Whose sessions its mail needs. */
    Party party() {
        return reports ? Party.REPORTS : Party.tenant(tenant);
    }
}
