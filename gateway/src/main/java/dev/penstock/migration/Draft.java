package dev.penstock.migration;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;

/** A TOML file being written: tables and the tables of arrays behind them, in the order in which they were begun. Confined to one thread. */
final class Draft {
    private final Map<String, Map<String, String>> tables = new LinkedHashMap<>();
    private final Map<String, List<Map<String, String>>> arrays = new LinkedHashMap<>();

    /** The table under that header, {@code ["example.com"]}, begun when it isn't there. */
    Map<String, String> table(String header) {
        return tables.computeIfAbsent(header, _ -> new LinkedHashMap<>());
    }

    /** @return what the key had before; null for nothing, or the same */
    @Nullable
    String put(String header, String key, String toml) {
        String before = table(header).put(key, toml);
        return toml.equals(before) ? null : before;
    }

    List<String> headers() {
        return List.copyOf(tables.keySet());
    }

    /** One table more of the array under that header, {@code [[rule]]}. */
    void add(String header, Map<String, String> table) {
        arrays.computeIfAbsent(header, _ -> new ArrayList<>()).add(table);
    }

    boolean isEmpty() {
        return tables.isEmpty() && arrays.isEmpty();
    }

    /** @param comment above everything, without # */
    String text(List<String> comment) {
        StringBuilder text = new StringBuilder();
        comment.forEach(line -> text.append("# ").append(line).append('\n'));
        tables.forEach((header, keys) -> append(text, header, keys));
        arrays.forEach((header, items) -> items.forEach(keys -> append(text, header, keys)));
        return text.toString();
    }

    private static void append(StringBuilder text, String header, Map<String, String> keys) {
        text.append('\n').append(header).append('\n');
        keys.forEach((key, value) -> text.append(key).append(" = ").append(value).append('\n'));
    }

    static String quoted(String text) {
        return "\"" + Toml.tomlEscape(text) + "\"";
    }

    /** A regular expression reads best as it is. */
    static String literal(String text) {
        return text.indexOf('\'') >= 0 || text.chars().anyMatch(Character::isISOControl)
                ? quoted(text)
                : "'" + text + "'";
    }

    static String array(List<String> texts) {
        return texts.stream().map(Draft::quoted).collect(Collectors.joining(", ", "[", "]"));
    }
}
