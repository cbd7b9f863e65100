package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;

import dev.penstock.config.Canonicalization;
import dev.penstock.smtp.ByteScan;

/**
 * The fields of a header section, where they are, and their canonical forms. Immutable by agreement: the array isn't copied.
 * What is no field is left out.
 */
public final class HeaderFields {
    private static final int TO_LOWER_CASE = 0x20; // for letters
    private static final int USUAL = 24; // fields

    private final byte[] octets;
    private int[] places = new int[3 * USUAL]; // of each field the index of its beginning, its colon and its end
    private int count;

    /** @param length octets of the section, with or without the empty line at its end */
    public HeaderFields(byte[] octets, int length) {
        this.octets = octets;
        for (int start = 0; start < length;) {
            int end = endOfField(start, length);
            int colon = ByteScan.indexOf((byte) ':', octets, start, end);
            if (colon < end && colon > start && octets[start] != ' ' && octets[start] != '\t') {
                add(start, colon, end);
            }
            start = end;
        }
    }

    private void add(int start, int colon, int end) {
        if (3 * count == places.length) {
            places = Arrays.copyOf(places, 2 * places.length);
        }
        places[3 * count] = start;
        places[3 * count + 1] = colon;
        places[3 * count + 2] = end;
        count++;
    }

    /** The index after the field, its folded lines included (RFC 5322 2.2.3). A line ends with CRLF. */
    private int endOfField(int start, int length) {
        int i = start;
        do {
            do {
                i = ByteScan.indexOf((byte) '\n', octets, i, length) + 1;
            } while (i < length && (i < 2 || octets[i - 2] != '\r'));
        } while (i < length && (octets[i] == ' ' || octets[i] == '\t'));
        return Math.min(i, length);
    }

    public int count() {
        return count;
    }

    /** How many have this name, in lower case. */
    public int count(String name) {
        int found = 0;
        for (int field = 0; field < count; field++) {
            if (isNamed(field, name)) {
                found++;
            }
        }
        return found;
    }

    /**
     * The last one but so many of those with this name, as fields are chosen by {@code h=} (RFC 6376 5.4.2).
     *
     * @param name in lower case
     * @return -1 when there is none
     */
    public int fromBottom(String name, int skipped) {
        int left = skipped;
        for (int field = count - 1; field >= 0; field--) {
            if (isNamed(field, name) && left-- == 0) {
                return field;
            }
        }
        return -1;
    }

    boolean isNamed(int field, String name) {
        int start = places[3 * field];
        int end = nameEnd(field);
        if (end - start != name.length()) {
            return false;
        }
        for (int i = 0; i < name.length(); i++) {
            if (lower(octets[start + i]) != name.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** Without the space that obsolete syntax (RFC 5322 4.5) allows before the colon. */
    private int nameEnd(int field) {
        int end = places[3 * field + 1];
        while (end > places[3 * field] && isSpace(octets[end - 1])) {
            end--;
        }
        return end;
    }

    private static int lower(byte octet) {
        return octet >= 'A' && octet <= 'Z' ? octet | TO_LOWER_CASE : octet;
    }

    private static boolean isSpace(byte octet) {
        return octet == ' ' || octet == '\t';
    }

    /** What stands behind the colon, as it is, each octet a character. */
    String value(int field) {
        int colon = places[3 * field + 1];
        return new String(octets, colon + 1, places[3 * field + 2] - colon - 1, ISO_8859_1);
    }

    /** The whole field as it is, each octet a character. */
    String text(int field) {
        int start = places[3 * field];
        return new String(octets, start, places[3 * field + 2] - start, ISO_8859_1);
    }

    /** Gives the canonical form with its CRLF. */
    void write(int field, Canonicalization canonicalization, Octets out) {
        switch (canonicalization) {
            case SIMPLE -> out.write(octets, places[3 * field], places[3 * field + 2] - places[3 * field]);
            case RELAXED -> {
                for (int i = places[3 * field]; i < nameEnd(field); i++) {
                    out.write((byte) lower(octets[i]));
                }
                out.write((byte) ':');
                relaxedValue(octets, places[3 * field + 1] + 1, places[3 * field + 2], out);
                out.write((byte) '\r');
                out.write((byte) '\n');
            }
        }
    }

    /** RFC 6376 3.4.2: unfolded, white space reduced to one space each, none at the ends. */
    static void relaxedValue(byte[] octets, int from, int to, Octets out) {
        boolean space = false;
        boolean begun = false;
        for (int i = from; i < to; i++) {
            byte octet = octets[i];
            if (octet == '\r' && i + 1 < to && octets[i + 1] == '\n') {
                i++; // the white space after it stays
            } else if (isSpace(octet)) {
                space = begun;
            } else {
                if (space) {
                    out.write((byte) ' ');
                    space = false;
                }
                out.write(octet);
                begun = true;
            }
        }
    }
}
