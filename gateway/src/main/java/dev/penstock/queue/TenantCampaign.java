package dev.penstock.queue;

import dev.penstock.shaping.OpeningLimiter.Party;
import dev.penstock.units.MailClass;

/**
 * Whose turn it is: a tenant and one of its campaigns, empty when unknown, mail of one class, and by which pool it was said
 * to go.
 *
 * @param reports whether it is the reports made here for the tenant, and not its mail
 * @param pool    that was named for the mail; empty when the configuration says which
 * @param mailClass transactional mail goes before bulk
 */
record TenantCampaign(String tenant, String campaign, boolean reports, String pool, MailClass mailClass) {
    /** Of bulk mail. */
    TenantCampaign(String tenant, String campaign, boolean reports, String pool) {
        this(tenant, campaign, reports, pool, MailClass.BULK);
    }

    TenantCampaign(String tenant, String campaign) {
        this(tenant, campaign, false, "");
    }

    /** Whose sessions its mail needs. */
    Party party() {
        return reports ? Party.REPORTS : Party.tenant(tenant);
    }
}
