package dev.penstock.config;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

import dev.penstock.config.ValueType.Plain;

/** Reads the tables {@code [pool."marketing"]}. Stateless. */
final class PoolReader {
    /** The source and the pool that are there though nothing is configured. */
    static final String DEFAULT = "default";
    /** Names go into logs, metrics and header fields. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
    private static final int MAX_NAME = 257; // a tenant and a campaign of 128 characters each

    private PoolReader() {}

    /** The name of a pool, or of a source. */
    static String poolName(String text) {
        if (!NAME.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "expected a name of 1 to 64 letters, digits, dots, hyphens and underscores, a letter or digit first");
        }
        return text;
    }

    /** Of a tenant or campaign. */
    static String name(String text) {
        if (text.isBlank() || text.length() > MAX_NAME) {
            throw new IllegalArgumentException("expected a name of 1 to " + MAX_NAME + " characters");
        }
        return text;
    }

    static Plain<Map<String, Integer>> weights() {
        return new Plain<>(Map.of(), PoolReader::weights,
                weights -> new TreeMap<>(weights),
                () -> Types.schema("object", "minProperties", 1, "additionalProperties",
                        Types.schema("integer", "minimum", 1, "maximum", PoolConfig.MAX_WEIGHT)),
                "each 1 to " + PoolConfig.MAX_WEIGHT, false);
    }

    private static Map<String, Integer> weights(TableBinder table, String key, Map<String, Integer> fallback) {
        TableBinder weights = table.table(key);
        if (!table.hasTable(key)) {
            return fallback;
        }
        Map<String, Integer> read = new LinkedHashMap<>();
        for (String source : weights.keys()) {
            read.put(source, weights.integer(source, 1, 1, PoolConfig.MAX_WEIGHT));
        }
        return read;
    }

    static Map<String, PoolConfig> read(TableBinder table) {
        Map<String, PoolConfig> pools = new LinkedHashMap<>();
        Map<String, String> tenants = new HashMap<>();
        Map<String, String> campaigns = new HashMap<>();
        for (String name : table.keys()) {
            TableBinder pool = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            PoolConfig config = PoolConfig.TABLE.readKeys(pool, PoolConfig.TABLE.defaults());
            pool.end();
            if (!pool.has("sources")) {
                table.reject(name, "sources is missing; expected a table like { \"ip-17\" = 4, \"ip-18\" = 3 }");
            } else if (pool.hasTable("sources") && config.sources().isEmpty()) {
                pool.reject("sources", "at least one source is needed");
            }
            try {
                pools.put(poolName(name), config);
            } catch (IllegalArgumentException e) {
                table.reject(name, String.valueOf(e.getMessage()));
            }
            once(pool, "tenants", name, config.tenants(), tenants);
            once(pool, "campaigns", name, config.campaigns(), campaigns);
        }
        return pools;
    }

    private static void once(TableBinder pool, String key, String name, List<String> members,
            Map<String, String> pools) {
        for (String member : members) {
            String before = pools.put(member.startsWith("*/") ? member.substring(2) : member, name);
            if (before != null) {
                pool.reject(key, "\"" + member + "\" stands in pool \"" + before + "\" already; allowed: in one");
            }
        }
    }

    /** Sources and pools that are named have to be there. */
    static void check(TableBinder file, Map<String, PoolConfig> pools, Set<String> sources, String usual) {
        TableBinder table = file.table("pool");
        pools.forEach((name, pool) -> {
            for (String source : pool.sources().keySet()) {
                if (!source.equals(DEFAULT) && !sources.contains(source)) {
                    table.table(name).table("sources").reject(source,
                            unknown("source", source, sources, "[source.\"" + source + "\"]"));
                }
            }
        });
        if (!usual.isEmpty() && !usual.equals(DEFAULT) && !pools.containsKey(usual)) {
            file.table("delivery").reject("pool", unknown("pool", usual, pools.keySet(), "[pool.\"" + usual + "\"]"));
        }
    }

    private static String unknown(String what, String name, Set<String> known, String table) {
        String nearest = Nearest.to(name, known);
        return "there is no " + what + " \"" + name + "\"; allowed: \"default\", or one that has a table " + table
                + (nearest == null ? "" : "; did you mean \"" + nearest + "\"?");
    }
}
