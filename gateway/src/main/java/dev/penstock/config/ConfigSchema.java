package dev.penstock.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.penstock.config.ValueType.Nested;
import dev.penstock.config.ValueType.Plain;

/**
 * JSON Schemas (draft 2020-12) of the configuration and of the shaping file, for editors. Stateless.
 *
 * <p>They refuse what the reader refuses for an unknown key, a type or a range; rules across keys, and what a text must
 * look like beyond that, only the reader knows. They refuse nothing that it takes.
 */
public final class ConfigSchema {
    private static final String DIALECT = "https://json-schema.org/draft/2020-12/schema";
    private static final String RESTART = " A change takes a restart.";

    private ConfigSchema() {}

    /** Of the configuration file. */
    public static String gateway() {
        return JsonText.indented(root("Penstock's configuration", table(GatewayConfig.TABLE)));
    }

    /** Of the shaping file. */
    public static String shaping() {
        Map<String, Object> properties = new LinkedHashMap<>();
        for (Table<?> keys : List.of(TrafficLimits.TABLE, ShapingReader.furtherKeys(), ShapingReader.sharedKeys(false))) {
            properties.putAll(properties(table(keys)));
        }
        for (String key : ShapingReader.NOT_SUPPORTED.stream().sorted().toList()) {
            properties.put(key, Map.of("description", "KumoMTA's; " + NoCounterpart.why(key) + "."));
        }
        Map<String, Object> section = section(properties);
        Map<String, Object> file = table(ShapingConfig.TABLE);
        Map<String, Object> sections = new LinkedHashMap<>(properties(file));
        sections.put(ShapingConfig.DEFAULTS.name(), section);
        sections.put(ShapingReader.PROVIDER, providers(properties));
        file.put("properties", sections);
        Map<String, Object> named = new LinkedHashMap<>(section);
        named.put("description", ShapingConfig.SECTIONS.text());
        file.put("additionalProperties", named);
        return JsonText.indented(root("Penstock's shaping file", file));
    }

    /** With what a section may hold beside its keys. */
    private static Map<String, Object> section(Map<String, Object> keys) {
        Map<String, Object> properties = new LinkedHashMap<>(keys);
        properties.put("sources", Types.schema("object", "description", "What is said for one source, by its name.",
                "additionalProperties", closed(keys)));
        properties.put(AutomationReader.AUTOMATION, Types.schema("array", "description",
                "What is done when replies of a kind come; KumoMTA's.", "items", AutomationReader.schema()));
        return closed(properties);
    }

    private static Map<String, Object> closed(Map<String, Object> properties) {
        return Types.schema("object", "additionalProperties", false, "properties", properties);
    }

    private static Map<String, Object> providers(Map<String, Object> ofSections) {
        Map<String, Object> keys = new LinkedHashMap<>(ofSections);
        keys.putAll(properties(table(ShapingReader.sharedKeys(true))));
        Map<String, Object> provider = section(keys);
        Map<String, Object> properties = properties(table(ProviderConfig.TABLE));
        properties.putAll(properties(provider));
        provider.put("properties", properties);
        return Types.schema("object", "description", ShapingConfig.PROVIDERS.text(), "additionalProperties",
                provider);
    }

    private static Map<String, Object> root(String title, Map<String, Object> table) {
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("$schema", DIALECT);
        schema.put("title", title);
        schema.putAll(table);
        return schema;
    }

    private static Map<?, ?> propertiesOf(Map<String, Object> schema) {
        return schema.get("properties") instanceof Map<?, ?> properties ? properties : Map.of();
    }

    private static Map<String, Object> properties(Map<String, Object> schema) {
        Map<String, Object> properties = new LinkedHashMap<>();
        propertiesOf(schema).forEach((name, property) -> properties.put(String.valueOf(name), property));
        return properties;
    }

    private static Map<String, Object> table(Table<?> table) {
        Map<String, Object> properties = new LinkedHashMap<>();
        List<String> required = new ArrayList<>();
        keys(table, properties, required);
        Map<String, Object> schema = Types.schema("object");
        if (!table.text().isEmpty()) {
            schema.put("description", table.text());
        }
        schema.put("additionalProperties", false);
        schema.put("properties", properties);
        if (!required.isEmpty()) {
            schema.put("required", required);
        }
        return schema;
    }

    private static void keys(Table<?> table, Map<String, Object> properties, List<String> required) {
        for (Key<?, ?> key : table.keys()) {
            if (key.isRequired()) {
                required.add(key.name());
            }
            key(key, properties, required);
        }
    }

    private static <T> void key(Key<?, T> key, Map<String, Object> properties, List<String> required) {
        switch (key.type()) {
            case Plain<T> plain -> {
                properties.put(key.name(), described(plain(key, plain), key));
                if (!key.alias().isEmpty()) {
                    properties.put(key.alias(), described(key.aliasSchema(), key));
                }
            }
            case Nested<T, ?> nested -> {
                switch (nested.nesting()) {
                    case INLINE -> keys(nested.table(), properties, required);
                    case TABLE, OPTIONAL -> properties.put(key.name(), described(table(nested.table()), key));
                    case LIST -> properties.put(key.name(), described(list(key, nested), key));
                    case MAP -> properties.put(key.name(), described(
                            Types.schema("object", "additionalProperties", table(nested.table())), key));
                }
            }
        }
    }

    private static <T> Map<String, Object> plain(Key<?, T> key, Plain<T> plain) {
        Map<String, Object> schema = new LinkedHashMap<>(plain.schema());
        Object written = key.isRequired() || !key.example().isEmpty() ? null : plain.written().apply(plain.fallback());
        if (written != null) {
            schema.put("default", written);
        }
        return schema;
    }

    /** Where one stands when nothing is said, an empty array isn't allowed. */
    private static <T> Map<String, Object> list(Key<?, T> key, Nested<T, ?> nested) {
        Map<String, Object> schema = Types.schema("array", "items", table(nested.table()));
        if (!nested.records().apply(key.fallback()).isEmpty()) {
            schema.put("minItems", 1);
        }
        return schema;
    }

    private static Map<String, Object> described(Map<String, Object> schema, Key<?, ?> key) {
        Map<String, Object> described = new LinkedHashMap<>(schema);
        if (!key.text().isEmpty()) {
            described.put("description", key.text() + (key.needsRestart() ? RESTART : ""));
        }
        return described;
    }
}
