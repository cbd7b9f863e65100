package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

/** The header section of a message in wire form: where its fields begin and end. Immutable. */
final class HeaderSection {
    /** @param name lower case */
    private record Field(String name, int start, int end) {}

    private final byte[] message;
    private final List<Field> fields;
    private final int end;

    private HeaderSection(byte[] message, List<Field> fields, int end) {
        this.message = message;
        this.fields = fields;
        this.end = end;
    }

    /**
     * Finds the fields.
     *
     * @param message its lines end in CRLF
     * @throws RefusedException when what comes first isn't a header section
     */
    static HeaderSection of(byte[] message) {
        List<Field> fields = new ArrayList<>();
        int at = 0;
        int line = 1;
        while (at < message.length && message[at] != '\r') {
            int next = at;
            while (message[next] != '\n') {
                next++;
            }
            next++;
            if (message[at] == ' ' || message[at] == '\t') {
                if (fields.isEmpty()) {
                    throw RefusedException.content("line 1 of the message isn't a header field");
                }
                Field folded = fields.removeLast();
                fields.add(new Field(folded.name, folded.start, next));
            } else {
                String name = name(message, at, next);
                if (name == null) {
                    throw RefusedException.content("line " + line + " of the message isn't a header field; "
                            + "an empty line ends the header");
                }
                fields.add(new Field(name, at, next));
            }
            at = next;
            line++;
        }
        return new HeaderSection(message, fields, at);
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
        return new String(message, from, nameEnd - from, UTF_8).toLowerCase(Locale.ROOT);
    }

    boolean has(String name) {
        return fields.stream().anyMatch(field -> field.name.equals(name));
    }

    /** The first field's lower case name that there is more than one of, of those that may be there once; null for none. */
    @Nullable
    String firstRepeated(Predicate<String> single) {
        Set<String> seen = new HashSet<>();
        for (Field field : fields) {
            if (single.test(field.name) && !seen.add(field.name)) {
                return field.name;
            }
        }
        return null;
    }

    boolean hasEightBit() {
        for (int i = 0; i < end; i++) {
            if (message[i] < 0) {
                return true;
            }
        }
        return false;
    }

    /** Names as written and values unfolded, of the fields whose lower case name is wanted. */
    List<dev.penstock.policy.Policy.HeaderField> fields(Predicate<String> wanted) {
        return fields.stream().filter(field -> wanted.test(field.name)).map(field -> {
            String text = new String(message, field.start, field.end - field.start, UTF_8);
            int colon = text.indexOf(':');
            return new dev.penstock.policy.Policy.HeaderField(text.substring(0, colon).strip(),
                    text.substring(colon + 1).replace("\r\n", "").strip());
        }).toList();
    }

    /** The message without the fields whose lower case name is given. */
    byte[] without(Predicate<String> unwanted) {
        if (fields.stream().noneMatch(field -> unwanted.test(field.name))) {
            return message;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(message.length);
        for (Field field : fields) {
            if (!unwanted.test(field.name)) {
                out.write(message, field.start, field.end - field.start);
            }
        }
        out.write(message, end, message.length - end);
        return out.toByteArray();
    }
}
