package dev.penstock.config;

import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/** JSON of maps, lists, texts, numbers and booleans. Stateless. */
public final class JsonText {
    private static final String INDENT = "  ";

    private JsonText() {}

    /** On one line. */
    public static String compact(@Nullable Object value) {
        StringBuilder text = new StringBuilder();
        write(text, value, null);
        return text.toString();
    }

    /** On a line for each member. */
    public static String indented(Object value) {
        StringBuilder text = new StringBuilder();
        write(text, value, "\n");
        return text.toString();
    }

    /** @param newLine what begins a line at this depth; null for all on one */
    private static void write(StringBuilder text, @Nullable Object value, @Nullable String newLine) {
        switch (value) {
            case null -> text.append("null");
            case String string -> quote(text, string);
            case Map<?, ?> map -> {
                String before = "{";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(before).append(newLine == null ? "" : newLine + INDENT);
                    quote(text, String.valueOf(entry.getKey()));
                    text.append(newLine == null ? ":" : ": ");
                    write(text, entry.getValue(), newLine == null ? null : newLine + INDENT);
                    before = ",";
                }
                text.append(map.isEmpty() ? "{}" : newLine == null ? "}" : newLine + "}");
            }
            case List<?> list -> {
                text.append('[');
                String before = "";
                for (Object item : list) {
                    text.append(before);
                    write(text, item, newLine == null ? null : newLine + INDENT);
                    before = newLine == null ? "," : ", ";
                }
                text.append(']');
            }
            default -> text.append(value);
        }
    }

    private static void quote(StringBuilder text, String string) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ') {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }
}
