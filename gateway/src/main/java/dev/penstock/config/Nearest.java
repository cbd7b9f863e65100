package dev.penstock.config;

import java.util.Collection;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

/** Finds the key somebody probably meant. */
final class Nearest {
    private Nearest() {}

    /** @return the candidate with the fewest edits to {@code word}; null when none is near enough to suggest */
    static @Nullable String to(String word, Collection<String> candidates) {
        String nearest = null;
        int fewest = 1 + Math.max(1, word.length() / 3);
        for (String candidate : candidates) {
            int edits = edits(spelling(word), spelling(candidate));
            if (edits < fewest) {
                fewest = edits;
                nearest = candidate;
            }
        }
        return nearest;
    }

    /** {@code maxRecipients}, {@code max_recipients} and {@code max-recipients} are the same word. */
    private static String spelling(String key) {
        return key.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
    }

    /** Levenshtein's distance. */
    private static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
