package dev.penstock.config;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

/** What may be done to a message on its way without breaking its signature (RFC 6376 3.4). */
public enum Canonicalization {
    /** Nothing but empty lines at the end. */
    SIMPLE,
    /** White space may be changed, header fields folded anew. */
    RELAXED;

    /** As in {@code c=}. */
    public String tag() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @return null for an unknown one */
    public static @Nullable Canonicalization of(String tag) {
        return switch (tag.toLowerCase(Locale.ROOT)) {
            case "simple" -> SIMPLE;
            case "relaxed" -> RELAXED;
            default -> null;
        };
    }
}
