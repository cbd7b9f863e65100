package dev.penstock.classification;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Finds in a regular expression what every text that it matches must hold: so that most expressions needn't be run at
 * all. Stateless.
 *
 * <p>It knows RE2's syntax only as far as it is sure: what it doesn't know gives the empty text, which every text holds.
 */
final class Literals {
    /** Shorter ones are in too many texts. */
    private static final int SHORTEST = 3;

    private Literals() {}

    /**
     * One of the alternatives that an expression is made of.
     *
     * @param regex    which is this alternative
     * @param literal  in lower case; empty when none is sure
     * @param isSimple whether the expression is this literal and nothing else
     */
    record Alternative(String regex, String literal, boolean isSimple) {}

    /** Together they match what the expression does. */
    static List<Alternative> alternatives(String regex) {
        if (isBeyond(regex)) {
            return List.of(new Alternative(regex, "", false));
        }
        List<Alternative> alternatives = new ArrayList<>();
        for (String part : parts(regex)) {
            alternatives.add(alternative(part));
        }
        return alternatives;
    }

    /** Flags change what follows, {@code \Q} quotes it, and some escapes are followed by what they stand for. */
    private static boolean isBeyond(String regex) {
        for (int i = 0; i + 1 < regex.length(); i++) {
            char c = regex.charAt(i);
            char next = regex.charAt(i + 1);
            if (c == '\\') {
                if (next >= '0' && next <= '9' || "QEpPxXCk".indexOf(next) >= 0) {
                    return true;
                }
                i++;
            } else if (c == '(' && next == '?' && !regex.startsWith("(?:", i)) {
                return true;
            }
        }
        return false;
    }

    private static List<String> parts(String regex) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        int i = 0;
        while (i < regex.length()) {
            char c = regex.charAt(i);
            if (c == '|') {
                parts.add(regex.substring(from, i));
                from = i + 1;
            }
            i = endOfAtom(regex, i);
        }
        parts.add(regex.substring(from));
        return parts;
    }

    private static Alternative alternative(String regex) {
        String longest = "";
        StringBuilder run = new StringBuilder();
        boolean simple = true;
        int i = 0;
        while (i < regex.length()) {
            char c = regex.charAt(i);
            int end = endOfAtom(regex, i);
            char literal = c == '\\' && i + 1 < regex.length() ? escaped(regex.charAt(i + 1)) : plain(c);
            if (literal != 0) {
                run.append(literal);
            } else {
                simple = false;
                if ((c == '*' || c == '?' || c == '{') && !run.isEmpty()) {
                    run.setLength(run.length() - 1); // perhaps it isn't there
                }
                longest = longer(longest, run);
                run.setLength(0);
            }
            i = end;
        }
        longest = longer(longest, run);
        if (longest.length() < SHORTEST) {
            return new Alternative(regex, "", false);
        }
        return new Alternative(regex, longest.toLowerCase(Locale.ROOT), simple);
    }

    private static String longer(String longest, StringBuilder run) {
        return run.length() > longest.length() ? run.toString() : longest;
    }

    /** @return 0 for what isn't itself */
    private static char plain(char c) {
        return c >= ' ' && c < 127 && "\\^$.|?*+()[]{}".indexOf(c) < 0 ? c : 0;
    }

    /** @return 0 for what stands for something else */
    private static char escaped(char c) {
        return c > ' ' && c < 127 && !Character.isLetterOrDigit(c) ? c : 0;
    }

    private static int endOfAtom(String regex, int from) {
        return switch (regex.charAt(from)) {
            case '\\' -> Math.min(from + 2, regex.length());
            case '[' -> endOfSet(regex, from);
            case '(' -> endOfGroup(regex, from);
            case '{' -> Math.max(from + 1, regex.indexOf('}', from) + 1);
            default -> from + 1;
        };
    }

    private static int endOfSet(String regex, int from) {
        int i = from + 1;
        if (i < regex.length() && regex.charAt(i) == '^') {
            i++;
        }
        if (i < regex.length() && regex.charAt(i) == ']') { // first, it is itself
            i++;
        }
        while (i < regex.length() && regex.charAt(i) != ']') {
            if (regex.charAt(i) == '\\') {
                i += 2;
            } else if (regex.startsWith("[:", i)) {
                int end = regex.indexOf(":]", i);
                i = end < 0 ? i + 1 : end + 2;
            } else {
                i++;
            }
        }
        return Math.min(i + 1, regex.length());
    }

    private static int endOfGroup(String regex, int from) {
        int i = from + 1;
        while (i < regex.length() && regex.charAt(i) != ')') {
            i = endOfAtom(regex, i);
        }
        return Math.min(i + 1, regex.length());
    }
}
