package dev.penstock.dkim;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

/**
 * A tag list (RFC 6376 3.2), as signatures and keys are: {@code name=value} between semicolons. Immutable.
 *
 * @param tags values without white space at their ends, by names
 */
public record TagList(Map<String, String> tags) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_]*");
    private static final Pattern SPACE = Pattern.compile("[ \\t\\r\\n]+");

    /** @throws IllegalArgumentException when it isn't one */
    public static TagList parse(String text) {
        Map<String, String> tags = new LinkedHashMap<>();
        for (String each : text.split(";", -1)) {
            String part = each.strip();
            if (part.isEmpty()) {
                continue; // the last may be, and of others nobody takes offence
            }
            int equals = part.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("\"" + part + "\" isn't of the form tag=value");
            }
            String name = part.substring(0, equals).strip();
            if (!NAME.matcher(name).matches()) {
                throw new IllegalArgumentException("\"" + name + "\" isn't the name of a tag");
            }
            if (tags.put(name, part.substring(equals + 1).strip()) != null) {
                throw new IllegalArgumentException("the tag " + name + "= is there twice");
            }
        }
        return new TagList(tags);
    }

    /** @return null when the tag isn't there */
    @Nullable
    public String get(String name) {
        return tags.get(name);
    }

    public String get(String name, String otherwise) {
        return tags.getOrDefault(name, otherwise);
    }

    /** @throws IllegalArgumentException when it isn't there or empty */
    String require(String name) {
        String value = tags.get(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException("the tag " + name + "= is missing");
        }
        return value;
    }

    /** Folding white space may stand anywhere in Base64. */
    static String withoutSpace(String value) {
        return SPACE.matcher(value).replaceAll("");
    }
}
