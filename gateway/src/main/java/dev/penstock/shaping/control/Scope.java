package dev.penstock.shaping.control;

import dev.penstock.shaping.EgressPath;

/**
 * What one controller is about: a source towards a receiver, or one sender's mail from it there. Immutable.
 *
 * @param source   by its name
 * @param provider whose hosts they are; empty when that isn't known
 * @param site     by its name, where no provider is known; else empty
 * @param tenant   empty for all
 * @param campaign of that tenant; empty for all
 */
public record Scope(String source, String provider, String site, String tenant, String campaign) {
    /** In a tenant's place: all mail that has none. No tenant is called so, as a name has no control characters. */
    static final String NO_TENANT = "\n";

    static Scope of(EgressPath path, String provider) {
        return new Scope(path.source(), provider, provider.isEmpty() ? path.site().name() : "", "", "");
    }

    Scope of(String ofTenant, String ofCampaign) {
        return new Scope(source, provider, site, ofTenant, ofCampaign);
    }

    boolean isOfSender() {
        return !tenant.isEmpty() || !campaign.isEmpty();
    }

    /** {@code ip-17->google}, {@code ip-17->google of shop/spring}, {@code ip-17->google without tenant}. */
    @Override
    public String toString() {
        String receiver = (source.isEmpty() ? "" : source + "->") + (provider.isEmpty() ? site : provider);
        if (tenant.equals(NO_TENANT)) {
            return receiver + " without tenant";
        }
        return receiver + (isOfSender() ? " of " + tenant + (campaign.isEmpty() ? "" : "/" + campaign) : "");
    }
}
