package dev.penstock.config;

import java.util.Map;

/** Reads the tables {@code [local."example.com"]}. Stateless. */
final class LocalDomainReader {
    private LocalDomainReader() {}

    static Map<String, LocalDomainConfig> read(TableBinder table) {
        table.end();
        return Map.of();
    }
}
