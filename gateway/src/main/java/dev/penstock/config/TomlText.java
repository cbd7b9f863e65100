package dev.penstock.config;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import org.tomlj.Toml;

/** Values as TOML writes them. Stateless. */
final class TomlText {
    private TomlText() {}

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
