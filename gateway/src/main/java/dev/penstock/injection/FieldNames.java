package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

/** The lower case names of the fields of a header section that has nothing but fields, from top to bottom. Immutable. */
final class FieldNames {
    private final List<String> names;

    private FieldNames(List<String> names) {
        this.names = names;
    }

    /**
     * Finds the fields.
     *
     * @param message its lines end in CRLF
     * @throws RefusedException when what comes first isn't a header section
     */
    static FieldNames of(byte[] message) {
        List<String> names = new ArrayList<>();
        int at = 0;
        int line = 1;
        while (at < message.length && message[at] != '\r') {
            int next = at;
            while (message[next] != '\n') {
                next++;
            }
            next++;
            if (message[at] == ' ' || message[at] == '\t') {
                if (names.isEmpty()) {
                    throw RefusedException.content("line 1 of the message isn't a header field");
                }
            } else {
                String name = name(message, at, next);
                if (name == null) {
                    throw RefusedException.content("line " + line + " of the message isn't a header field; "
                            + "an empty line ends the header");
                }
                names.add(name);
            }
            at = next;
            line++;
        }
        return new FieldNames(names);
    }

    private static @Nullable String name(byte[] message, int from, int to) {
        int colon = from;
        while (colon < to && message[colon] != ':') {
            colon++;
        }
        int nameEnd = colon;
        while (nameEnd > from && (message[nameEnd - 1] == ' ' || message[nameEnd - 1] == '\t')) { // RFC 5322 4.5
            nameEnd--;
        }
        if (colon == to || nameEnd == from) {
            return null;
        }
        for (int i = from; i < nameEnd; i++) {
            if (message[i] <= ' ' || message[i] > '~') {
                return null;
            }
        }
        return new String(message, from, nameEnd - from, US_ASCII).toLowerCase(Locale.ROOT);
    }

    boolean has(String name) {
        return names.contains(name);
    }

    /** The first name that is there more than once, of those that may be there once; null for none. */
    @Nullable
    String firstRepeated(Predicate<String> single) {
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            if (single.test(name) && !seen.add(name)) {
                return name;
            }
        }
        return null;
    }
}
