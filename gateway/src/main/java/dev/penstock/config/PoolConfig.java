package dev.penstock.config;

import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.texts;

import java.util.List;
import java.util.Map;

/** Sources that share mail: {@code [pool."marketing"]}. Each component is the key of its name. */
public record PoolConfig(Map<String, Integer> sources, boolean sticky, List<String> tenants, List<String> campaigns)
        implements
            TableRecord<PoolConfig> {
    /** Twice as many sources of the heaviest weight as a table can name still add up to less than 2^63. */
    static final int MAX_WEIGHT = 1_000_000;

    static final Table<PoolConfig> TABLE = Table.of(PoolConfig.class, PoolConfig::new, "");
    public static final Key<PoolConfig, Map<String, Integer>> SOURCES = TABLE
            .key("sources", PoolConfig::sources, PoolReader.weights(),
                    "Its sources and their weights: of the pool's mail each sends the share that its weight is of all. "
                            + "While one can't be used, the others send its share by their weights; while none can, mail "
                            + "waits, and never goes by another pool.")
            .required().example("{ \"ip-17\" = 4, \"ip-18\" = 3 }");
    public static final Key<PoolConfig, Boolean> STICKY = TABLE.key("sticky", PoolConfig::sticky, flag(true),
            "A message keeps its source over all of its attempts, as greylisting wants it. With false each attempt "
                    + "draws anew.");
    public static final Key<PoolConfig, List<String>> TENANTS = TABLE.key("tenants", PoolConfig::tenants,
            texts(PoolReader::name), "Tenants whose mail goes by it, unless it is named another pool or its campaign "
                    + "has one. A tenant may stand in one pool.")
            .example("[\"shop\"]");
    public static final Key<PoolConfig, List<String>> CAMPAIGNS = TABLE.key("campaigns", PoolConfig::campaigns,
            texts(PoolReader::name), "Campaigns whose mail goes by it, unless it is named another pool: \"spring\" of "
                    + "whichever tenant, or \"shop/spring\" of one, which comes first.")
            .example("[\"shop/spring\", \"newsletter\"]");

    public PoolConfig {
        sources = Map.copyOf(sources);
        tenants = List.copyOf(tenants);
        campaigns = List.copyOf(campaigns);
    }

    private PoolConfig(Values<PoolConfig> values) {
        this(values.get(SOURCES), values.get(STICKY), values.get(TENANTS), values.get(CAMPAIGNS));
    }
}
