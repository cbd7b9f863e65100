package dev.penstock.preflight;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** {@code tag=value; tag=value} (RFC 6376 3.2), as keys, signatures and DMARC records have it. Pure functions. */
final class TagList {
    /** More than any of these records has. */
    private static final int MAX_TAGS = 64;

    private TagList() {}

    /**
     * Lower case names to values, the space around both removed, in their order.
     *
     * @throws IllegalArgumentException when it is none, or has a tag twice
     */
    static Map<String, String> parse(String text) {
        Map<String, String> tags = new LinkedHashMap<>();
        for (String part : text.split(";", MAX_TAGS)) {
            if (part.isBlank()) {
                continue;
            }
            int equals = part.indexOf('=');
            if (equals <= 0 || part.substring(0, equals).isBlank()) {
                throw new IllegalArgumentException("no tag=value: " + part.strip());
            }
            String name = part.substring(0, equals).strip().toLowerCase(Locale.ROOT);
            if (tags.put(name, part.substring(equals + 1).strip()) != null) {
                throw new IllegalArgumentException("the tag " + name + " stands there twice");
            }
        }
        return tags;
    }
}
