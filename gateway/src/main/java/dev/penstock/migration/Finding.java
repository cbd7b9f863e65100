package dev.penstock.migration;

import java.nio.file.Path;

/**
 * What became of one key of the other server's file. Immutable.
 *
 * @param line from 1
 * @param key  as it is written there
 * @param text what it has become, or why it has no counterpart and what to do instead
 */
public record Finding(Path file, int line, String key, Kind kind, String text) {
    /** How well it went. */
    public enum Kind {
        /** It means the same. */
        CONVERTED("converted"),
        /** It means nearly the same: the text says what is different. */
        DIFFERS("converted, differs"),
        /** Nothing here does that. */
        NONE("no counterpart"),
        /** Nobody here knows it. */
        UNKNOWN("unknown");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        public String words() {
            return words;
        }
    }

    /** {@code config:12: max-smtp-out: converted: ["gmail.com"] connection_limit = 20}. */
    @Override
    public String toString() {
        return file + ":" + line + ": " + key + ": " + kind.words + (text.isEmpty() ? "" : ": " + text);
    }
}
