package dev.penstock.config;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import org.tomlj.Toml;
import org.tomlj.TomlArray;

/** Values as TOML writes them. Stateless. */
final class TomlText {
    private TomlText() {}

    /** What {@link #of} has written: a text, a whole number, a flag, or a list of them. */
    static Object value(String text) {
        Object value = Toml.parse("value = " + text).get("value");
        return switch (value) {
            case null -> text;
            case TomlArray array -> array.toList();
            default -> value;
        };
    }

    static String of(Object value) {
        return switch (value) {
            case String text -> "\"" + Toml.tomlEscape(text) + "\"";
            case List<?> list -> list.stream().map(TomlText::of).collect(Collectors.joining(", ", "[", "]"));
            case Map<?, ?> map -> map.entrySet().stream()
                    .map(entry -> of(entry.getKey()) + " = " + of(entry.getValue()))
                    .collect(Collectors.joining(", ", "{ ", " }"));
            default -> value.toString();
        };
    }
}
