package dev.penstock.egress;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.PoolConfig;
import dev.penstock.config.SourceConfig;

/**
 * Which pools there are, and which of them a message goes by: the one that was named for it, else that of its tenant's
 * campaign, else of the campaign, else of the tenant, else the usual one. Immutable.
 *
 * @param owners tenants that a pool is for, by its name; a pool that isn't there is for all
 */
public record Pools(Map<String, Pool> pools, Map<Campaign, String> byCampaign, Map<String, String> byTenant,
        String usual, Map<String, Set<String>> owners) {
    /** The source and the pool of that alone, where nothing is configured. */
    public static final String DEFAULT = SourceConfig.DEFAULT_NAME;
    private static final Pool LONE = new Pool(DEFAULT, List.of(new Pool.Member(DEFAULT, 1)), true);
    /** With that alone. */
    public static final Pools NONE = new Pools(Map.of(), Map.of(), Map.of(), DEFAULT);

    /** @param tenant empty for any */
    public record Campaign(String tenant, String name) {}

    public Pools {
        Map<String, Pool> all = new HashMap<>(pools);
        all.putIfAbsent(DEFAULT, LONE);
        pools = Map.copyOf(all);
        byCampaign = Map.copyOf(byCampaign);
        byTenant = Map.copyOf(byTenant);
        owners = Map.copyOf(owners);
    }

    public Pools(Map<String, Pool> pools, Map<Campaign, String> byCampaign, Map<String, String> byTenant,
            String usual) {
        this(pools, byCampaign, byTenant, usual, owners(byCampaign, byTenant));
    }

    private static Map<String, Set<String>> owners(Map<Campaign, String> byCampaign, Map<String, String> byTenant) {
        Map<String, Set<String>> owners = new HashMap<>();
        byTenant.forEach((tenant, pool) -> owners.computeIfAbsent(pool, _ -> new HashSet<>()).add(tenant));
        byCampaign.forEach((campaign, pool) -> {
            if (!campaign.tenant().isEmpty()) {
                owners.computeIfAbsent(pool, _ -> new HashSet<>()).add(campaign.tenant());
            }
        });
        owners.replaceAll((_, tenants) -> Set.copyOf(tenants));
        return owners;
    }

    public static Pools of(GatewayConfig config) {
        if (config.pools().isEmpty() && config.delivery().pool().isEmpty()) {
            return NONE;
        }
        Map<String, Pool> pools = new HashMap<>();
        Map<Campaign, String> byCampaign = new HashMap<>();
        Map<String, String> byTenant = new HashMap<>();
        config.pools().forEach((name, pool) -> {
            pools.put(name, new Pool(name, members(pool), pool.sticky()));
            pool.campaigns().forEach(campaign -> byCampaign.put(campaign(campaign), name));
            pool.tenants().forEach(tenant -> byTenant.put(tenant, name));
        });
        String usual = config.delivery().pool();
        return new Pools(pools, byCampaign, byTenant, usual.isEmpty() ? DEFAULT : usual);
    }

    private static List<Pool.Member> members(PoolConfig pool) {
        return pool.sources().entrySet().stream().sorted(Map.Entry.comparingByKey())
                .map(source -> new Pool.Member(source.getKey(), source.getValue())).toList();
    }

    private static Campaign campaign(String written) {
        int slash = written.indexOf('/');
        String tenant = slash < 0 ? "" : written.substring(0, slash);
        return new Campaign(tenant.equals("*") ? "" : tenant, written.substring(slash + 1));
    }

    /** Whether all mail goes by the default source whoever sends what. */
    public boolean isPlain() {
        return equals(NONE);
    }

    /** @param named empty when none was; else it may be one that isn't configured any more */
    public String nameFor(String named, String tenant, String campaign) {
        if (!named.isEmpty()) {
            return named;
        }
        String name = null;
        if (!campaign.isEmpty() && !byCampaign.isEmpty()) {
            name = byCampaign.get(new Campaign(tenant, campaign));
            name = name == null && !tenant.isEmpty() ? byCampaign.get(new Campaign("", campaign)) : name;
        }
        name = name == null ? byTenant.get(tenant) : name;
        return name == null ? usual : name;
    }

    /** @return null when there is none of that name */
    public @Nullable Pool pool(String name) {
        return pools.get(name);
    }

    /** Of all there are, in order. */
    public List<String> names() {
        return pools.keySet().stream().sorted().toList();
    }

    public boolean has(String name) {
        return pools.containsKey(name);
    }

    /**
     * Whether mail of the tenant may be sent by the pool because its sender wants it so: by one that lists tenants, or
     * campaigns of tenants, only theirs may.
     *
     * @param tenant empty for none
     */
    public boolean isFor(String pool, String tenant) {
        Set<String> theirs = owners.get(pool);
        return theirs == null || theirs.contains(tenant);
    }

    /** Those that the source is in. */
    public Collection<Pool> with(String source) {
        return pools.values().stream().filter(pool -> pool.has(source)).toList();
    }
}
