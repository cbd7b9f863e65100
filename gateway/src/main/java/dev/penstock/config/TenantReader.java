package dev.penstock.config;

import java.util.LinkedHashMap;
import java.util.Map;

import dev.penstock.units.Rate;

/** Reads the tables {@code [tenant."shop"]} and {@code [campaign."shop/spring"]}. Stateless. */
final class TenantReader {
    private TenantReader() {}

    static Map<String, TenantConfig> tenants(TableBinder table) {
        return read(table, TenantConfig.TABLE);
    }

    static Map<String, CampaignConfig> campaigns(TableBinder table) {
        return read(table, CampaignConfig.TABLE);
    }

    private static <R extends Record> Map<String, R> read(TableBinder table, Table<R> type) {
        Map<String, R> configs = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder inner = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            R config = type.read(inner, type.defaults());
            try {
                configs.put(PoolReader.name(name), config);
            } catch (IllegalArgumentException e) {
                table.reject(name, String.valueOf(e.getMessage()));
            }
        }
        return configs;
    }

    static void check(TableBinder table, TenantConfig tenant) {
        Rate rate = tenant.acceptRate();
        if (rate != null && rate.burst() != 1) {
            table.reject(TenantConfig.ACCEPT_RATE.name(),
                    "max_burst isn't allowed here: the whole count may come at once");
        }
    }
}
