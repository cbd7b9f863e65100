package dev.penstock.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import dev.penstock.config.ValueType.Nested;
import dev.penstock.config.ValueType.Nesting;
import dev.penstock.config.ValueType.Plain;

/** Writes the tables of keys of the documentation from what the keys say of themselves. Confined to one thread. */
final class KeyTables {
    private final List<String> lines = new ArrayList<>();
    private final List<String> restarts = new ArrayList<>();

    /** A table for each table of both files. */
    static List<String> all() {
        KeyTables tables = new KeyTables();
        tables.tables("", GatewayConfig.TABLE);
        tables.table("\"example.com\"", "Sections of the shaping file, and `[\"default\"]`.",
                List.of(TrafficLimits.TABLE, ShapingReader.furtherKeys(), ShapingReader.sharedKeys(false)));
        tables.table("provider.\"example\"", ShapingConfig.PROVIDERS.text() + " In the shaping file.",
                List.of(ProviderConfig.TABLE, ShapingReader.sharedKeys(true)));
        tables.table("[limit]", ShapingConfig.LIMITS.text() + " " + LimitConfig.TABLE.text() + " In the shaping file.",
                List.of(LimitConfig.TABLE));
        return tables.lines;
    }

    /** The keys that take a restart, as one sentence. */
    static List<String> restarts() {
        KeyTables tables = new KeyTables();
        tables.tables("", GatewayConfig.TABLE);
        return List.of(String.join(", ", tables.restarts));
    }

    private void tables(String path, Table<?> table) {
        for (Key<?, ?> key : table.keys()) {
            if (key.type() instanceof Nested<?, ?> nested) {
                String inner = nested.nesting() == Nesting.INLINE ? path : Places.path(path, key.name());
                String name = nested.nesting() == Nesting.MAP ? inner + ".\"" + nameIn(key) + "\"" : inner;
                if (nested.nesting() != Nesting.INLINE) {
                    table(nested.nesting() == Nesting.LIST ? "[" + name + "]" : name,
                            (key.text() + " " + nested.table().text()).strip(), List.of(nested.table()));
                }
                if (key.needsRestart()) {
                    restarts.add("`" + inner + "`, to have any or none");
                }
                restarts(inner, nested.table());
                tables(inner, nested.table());
            }
        }
    }

    /** Of one of the tables that stand under a key by name. */
    static String nameIn(Key<?, ?> key) {
        return key.example().isEmpty() ? "example.com" : key.example();
    }

    private void restarts(String path, Table<?> table) {
        List<Key<?, ?>> plain = table.keys().stream().filter(key -> key.type() instanceof Plain)
                .<Key<?, ?>>map(key -> key).toList();
        List<String> others = plain.stream().filter(key -> !key.needsRestart()).map(Key::name).toList();
        if (plain.size() > 2 && others.size() < 2) {
            restarts.add("`[" + path + "]`" + (others.isEmpty() ? "" : " but `" + others.getFirst() + "`"));
        } else {
            plain.stream().filter(Key::needsRestart)
                    .map(key -> "`" + path + "." + key.name() + "`"
                            + (key.text().contains("takes a restart") ? " to and from `implicit`" : ""))
                    .forEach(restarts::add);
        }
    }

    private void table(String header, String text, List<Table<?>> tables) {
        lines.addAll(List.of("", "### `[" + header + "]`", ""));
        if (!text.isEmpty()) {
            lines.addAll(List.of(escaped(text), ""));
        }
        lines.addAll(List.of("| key | values | default | |", "|---|---|---|---|"));
        tables.stream().flatMap(KeyTables::plainKeys).forEach(this::row);
    }

    private static Stream<Key<?, ?>> plainKeys(Table<?> table) {
        return table.keys().stream().flatMap(key -> switch (key.type()) {
            case Plain<?> _ -> Stream.of(key);
            case Nested<?, ?> nested -> nested.nesting() == Nesting.INLINE
                    ? plainKeys(nested.table())
                    : Stream.of();
        });
    }

    private <T> void row(Key<?, T> key) {
        if (key.type() instanceof Plain<T> plain) {
            Object written = plain.written().apply(plain.fallback());
            String fallback = key.isRequired()
                    ? "none, required"
                    : written == null ? "none" : "`" + TomlText.of(written) + "`";
            boolean restart = key.needsRestart() && !key.text().contains("takes a restart");
            lines.add("| `" + key.name() + "` | " + escaped(values(plain)) + " | " + escaped(fallback) + " | "
                    + escaped(key.text()) + (restart ? " Takes a restart." : "") + " |");
        }
    }

    private static String values(Plain<?> plain) {
        if (!plain.range().isEmpty()) {
            return plain.range();
        }
        Map<String, Object> schema = plain.schema();
        return "array".equals(schema.get("type")) ? "array of texts" : "text";
    }

    private static String escaped(String text) {
        return text.replace("|", "\\|").replaceAll("(?<!`)<", "&lt;");
    }
}
