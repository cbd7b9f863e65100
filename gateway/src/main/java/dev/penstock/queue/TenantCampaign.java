package dev.penstock.queue;

import dev.penstock.shaping.OpeningLimiter.Party;

/**
 * Whose turn it is: a tenant and one of its campaigns, empty when unknown.
 *
 * @param reports whether it is the reports made here for the tenant, and not its mail
 */
record TenantCampaign(String tenant, String campaign, boolean reports) {
    TenantCampaign(String tenant, String campaign) {
        this(tenant, campaign, false);
    }

    /** Whose sessions its mail needs. */
    Party party() {
        return reports ? Party.REPORTS : Party.tenant(tenant);
    }
}
