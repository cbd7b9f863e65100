package dev.penstock.queue;

import dev.penstock.config.TenantRules;

/**
 * How those whose mail waits for the same sessions share them. Immutable; compared by identity, so that whoever keeps a
 * weight knows when to ask anew.
 */
final class Shares {
    /** All alike, and bulk at its usual share. */
    static final Shares EQUAL = new Shares(TenantRules.NONE, 10);

    private final TenantRules rules;
    private final int bulkPercent;

    /** @param bulkPercent of the messages taken while transactional mail waits too */
    Shares(TenantRules rules, int bulkPercent) {
        this.rules = rules;
        this.bulkPercent = bulkPercent;
    }

    int bulkPercent() {
        return bulkPercent;
    }

    int weight(String tenant) {
        return rules.tenant(tenant).weight();
    }

    int weight(String tenant, String campaign) {
        return rules.campaign(tenant, campaign).weight();
    }
}
