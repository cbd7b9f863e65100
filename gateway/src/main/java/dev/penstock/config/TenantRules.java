package dev.penstock.config;

import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.MailClass;

/**
 * What is configured for tenants and their campaigns. Immutable. Mail without a tenant is of weight 1, and bound by no quota.
 *
 * @param tenants   by name; {@code *} for those without a table of their own
 * @param campaigns of a tenant; of whichever where its name is empty
 */
public record TenantRules(Map<String, TenantConfig> tenants, Map<Campaign, CampaignConfig> campaigns) {
    /** Nothing is configured. */
    public static final TenantRules NONE = new TenantRules(Map.of(), Map.of());
    private static final String OTHERS = "*";

    /** @param tenant empty for whichever */
    public record Campaign(String tenant, String name) {}

    public TenantRules {
        tenants = Map.copyOf(tenants);
        campaigns = Map.copyOf(campaigns);
    }

    public static TenantRules of(GatewayConfig config) {
        Map<Campaign, CampaignConfig> campaigns = new HashMap<>();
        config.campaigns().forEach((written, campaign) -> campaigns.put(campaign(written), campaign));
        return new TenantRules(config.tenants(), campaigns);
    }

    /** As pools name them: {@code spring} of whichever tenant, {@code shop/spring} of one. */
    private static Campaign campaign(String written) {
        int slash = written.indexOf('/');
        String tenant = slash < 0 ? "" : written.substring(0, slash);
        return new Campaign(tenant.equals(OTHERS) ? "" : tenant, written.substring(slash + 1));
    }

    /** @param name empty for mail without a tenant */
    public TenantConfig tenant(String name) {
        if (tenants.isEmpty() || name.isEmpty()) {
            return TenantConfig.DEFAULT;
        }
        TenantConfig own = tenants.get(name);
        return own != null ? own : tenants.getOrDefault(OTHERS, TenantConfig.DEFAULT);
    }

    /** @param name empty for mail without a campaign */
    public CampaignConfig campaign(String tenant, String name) {
        if (campaigns.isEmpty() || name.isEmpty()) {
            return CampaignConfig.DEFAULT;
        }
        CampaignConfig own = tenant.isEmpty() ? null : campaigns.get(new Campaign(tenant, name));
        return own != null ? own : campaigns.getOrDefault(new Campaign("", name), CampaignConfig.DEFAULT);
    }

    /** Of mail that doesn't say its class itself: its campaign's, else its tenant's; null when neither says one. */
    public @Nullable MailClass mailClass(String tenant, String campaign) {
        MailClass ofCampaign = campaign(tenant, campaign).mailClass();
        return ofCampaign != null ? ofCampaign : tenant(tenant).mailClass();
    }
}
