package dev.penstock.shaping.control;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.AutomationRule.Action;

/**
 * What an automation rule does for a while. Immutable.
 *
 * @param kind      what is done
 * @param source    whose mail
 * @param site      by its name, where to
 * @param provider  whose hosts those are; empty when that isn't known
 * @param domain    to which alone; empty for the whole site
 * @param tenant    whose mail alone; empty for all
 * @param campaign  of the tenant; empty for all
 * @param set       the key that has another value; null but for {@link Kind#SET}
 * @param untilNanos by {@link System#nanoTime()}
 * @param rule      its {@link dev.penstock.config.AutomationRule#identity}
 * @param place     of the rule, {@code FILE:LINE}
 * @param why       for people: the reply
 */
record Effect(Kind kind, String source, String site, String provider, String domain, String tenant,
        String campaign, Action.@Nullable Set set, long untilNanos, String rule, String place,
        String why) {
    /** What is done. */
    enum Kind {
        SUSPEND, SUSPEND_TENANT, SUSPEND_CAMPAIGN, BOUNCE, BOUNCE_TENANT, BOUNCE_CAMPAIGN, SET;

        boolean bounces() {
            return this == BOUNCE || this == BOUNCE_TENANT || this == BOUNCE_CAMPAIGN;
        }

        boolean suspends() {
            return this == SUSPEND || this == SUSPEND_TENANT || this == SUSPEND_CAMPAIGN;
        }
    }

    boolean isOver(long nowNanos) {
        return nowNanos - untilNanos >= 0;
    }

    /** Whether the other takes this one's place: the same, but for its end and reason. */
    boolean isSame(Effect other) {
        return kind == other.kind && source.equals(other.source) && site.equals(other.site)
                && domain.equals(other.domain) && tenant.equals(other.tenant) && campaign.equals(other.campaign)
                && (set == null ? other.set == null : other.set != null && set.name().equals(other.set.name()));
    }

    boolean isOfPath(String ofSource, String ofSite) {
        return source.equals(ofSource) && site.equals(ofSite);
    }

    /** Of the path that it is about. */
    Scope scope() {
        return new Scope(source, provider, provider.isEmpty() ? site : "", "", "");
    }

    /** Whether mail of that sender to that domain is concerned, by whichever source; a suspension is its path's alone. */
    boolean concerns(String ofDomain, String ofTenant, String ofCampaign) {
        return (domain.isEmpty() || domain.equals(ofDomain)) && (tenant.isEmpty() || tenant.equals(ofTenant))
                && (campaign.isEmpty() || campaign.equals(ofCampaign));
    }

    /** KumoMTA's word for it. */
    String word() {
        return switch (kind) {
            case SUSPEND -> "Suspend";
            case SUSPEND_TENANT -> "SuspendTenant";
            case SUSPEND_CAMPAIGN -> "SuspendCampaign";
            case BOUNCE -> "Bounce";
            case BOUNCE_TENANT -> "BounceTenant";
            case BOUNCE_CAMPAIGN -> "BounceCampaign";
            case SET -> set == null ? "SetConfig" : set.word();
        };
    }
}
