package dev.penstock.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.penstock.config.ValueType.Plain;

/**
 * A section {@code [provider."name"]} of the shaping file: who runs the hosts of many domains. Immutable.
 *
 * @param name  as it is written
 * @param match what makes a domain the provider's, in the file's order; nothing matches when it is empty
 */
public record ProviderConfig(String name, List<ProviderMatch> match) {
    static final String MATCH_KEY = "match";
    static final Table<ProviderConfig> TABLE = Table.of(ProviderConfig.class, ProviderConfig::new, "");
    static final Key<ProviderConfig, List<ProviderMatch>> MATCH = TABLE.key(MATCH_KEY, ProviderConfig::match,
            matches(),
            "What makes a domain the provider's: {MXSuffix=\".google.com\"} (all MX hosts end so), "
                    + "{HostName=\"mx.example.net\"} (an MX host's name; the others are named so or end so too), "
                    + "{DomainSuffix=\".gov\"} (the recipients' domain ends so). Of several providers one named by "
                    + "HostName comes first, then one by DomainSuffix, then one by MXSuffix, and among equals the first "
                    + "in the file.");

    public ProviderConfig {
        match = List.copyOf(match);
    }

    private ProviderConfig(Values<ProviderConfig> values) {
        this("", values.get(MATCH));
    }

    private static Plain<List<ProviderMatch>> matches() {
        return new Plain<>(List.of(), ProviderConfig::read,
                matches -> matches.stream().map(match -> Map.of(match.kind().key(), match.text())).toList(),
                () -> Types.schema("array", "items",
                        Map.of("oneOf", Stream.of(ProviderMatch.Kind.values()).map(ProviderConfig::schema).toList())),
                Stream.of(ProviderMatch.Kind.values()).map(kind -> "{" + kind.key() + "=\"…\"}")
                        .collect(Collectors.joining(", ", "array of ", "")),
                false);
    }

    private static Map<String, Object> schema(ProviderMatch.Kind kind) {
        Map<String, Object> schema = new LinkedHashMap<>(Types.schema("object", "additionalProperties", false));
        schema.put("properties", Map.of(kind.key(), Types.schema("string")));
        schema.put("required", List.of(kind.key()));
        return schema;
    }

    private static List<ProviderMatch> read(TableBinder section, String key, List<ProviderMatch> fallback) {
        List<TableBinder> items = section.tables(key);
        if (items == null) {
            return fallback;
        }
        List<ProviderMatch> matches = new ArrayList<>();
        for (TableBinder item : items) {
            int before = matches.size();
            int keys = item.keys().size();
            for (ProviderMatch.Kind kind : ProviderMatch.Kind.values()) {
                item.text(kind.key(), Optional.<ProviderMatch>empty(), "a text in quotes",
                        text -> Optional.of(ProviderMatch.parse(kind, text))).ifPresent(matches::add);
            }
            item.end();
            if (keys == 0 || matches.size() - before > 1) {
                section.reject(key, "each item says one thing, like {MXSuffix=\".example.net\"}; allowed: "
                        + Stream.of(ProviderMatch.Kind.values()).map(ProviderMatch.Kind::key)
                                .collect(Collectors.joining(", ")));
            }
        }
        return matches;
    }
}
