package dev.penstock.reception;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.regex.Pattern;

import dev.penstock.policy.Policy;
import dev.penstock.smtp.ByteScan;
import dev.penstock.smtp.Sink;

/**
 * The beginning of a message up to the empty line that ends its header section, in wire form, whatever a client made of it:
 * what is no field stays where it is. Immutable by agreement: the array is not copied.
 */
public final class HeaderSection {
    private static final int FIELD_OVERHEAD = 200; // octets: a record and two texts
    private static final Pattern FOLD = Pattern.compile("\\r\\n(?=[ \\t])");
    private static final int TO_LOWER_CASE = 0x20; // for letters; the hyphen of field names has the bit already

    private final byte[] octets;
    private final int length;

    /** @param length octets of the section, its empty line included, from the beginning of {@code octets} */
    public HeaderSection(byte[] octets, int length) {
        this.octets = octets;
        this.length = length;
    }

    /** Of a whole message; without an empty line all of it. */
    public static HeaderSection of(byte[] message) {
        EndOfHeader end = new EndOfHeader();
        int length = end.find(message, 0, message.length);
        return new HeaderSection(message, length < 0 ? message.length : length);
    }

    /** What {@link #fields} takes in memory, about: a section of nothing but short fields takes many times its octets. */
    public long weight(Collection<String> names) {
        long sum = 0;
        if (!names.isEmpty()) {
            for (int start = 0; start < length;) {
                int end = endOfField(start);
                if (isOneOf(names, start, end)) {
                    sum += FIELD_OVERHEAD + (long) (end - start) * Character.BYTES;
                }
                start = end;
            }
        }
        return sum;
    }

    /** Fields whose lower case name is among {@code names}, in their order, unfolded. */
    public List<Policy.HeaderField> fields(Collection<String> names) {
        List<Policy.HeaderField> found = List.of();
        if (names.isEmpty()) {
            return found;
        }
        for (int start = 0; start < length;) {
            int end = endOfField(start);
            if (isOneOf(names, start, end)) {
                found = found.isEmpty() ? new ArrayList<>(2) : found;
                int colon = ByteScan.indexOf((byte) ':', octets, start, end);
                found.add(new Policy.HeaderField(new String(octets, start, colon - start, US_ASCII).strip(),
                        FOLD.matcher(new String(octets, colon + 1, end - colon - 1, UTF_8)).replaceAll("").strip()));
            }
            start = end;
        }
        return found;
    }

    /** Whether an octet is above 127. */
    public boolean hasEightBit() {
        for (int i = 0; i < length; i++) {
            if (octets[i] < 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Gives the section as it is after the edits, and what follows it in the array, in one pass and without a copy.
     *
     * @param to the index after the last octet to give, at or behind the section's end
     */
    public <X extends Exception> void edit(HeaderEdits edits, int to, Sink<X> out) throws X {
        if (edits.added().length > 0) {
            out.write(edits.added(), 0, edits.added().length);
        }
        int kept = 0; // from here nothing has been given
        if (!edits.removed().isEmpty()) {
            for (int start = 0; start < length;) {
                int end = endOfField(start);
                if (isOneOf(edits.removed(), start, end)) {
                    if (start > kept) {
                        out.write(octets, kept, start - kept);
                    }
                    kept = end;
                }
                start = end;
            }
        }
        if (to > kept) {
            out.write(octets, kept, to - kept);
        }
    }

    /** The array after the edits; itself when they change nothing. */
    public byte[] edited(HeaderEdits edits) {
        if (edits.isEmpty()) {
            return octets;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(edits.added().length + octets.length);
        edit(edits, octets.length, out::write);
        return out.toByteArray();
    }

    /** The index after the field that begins at {@code start}, its folded lines included (RFC 5322 2.2.3). */
    private int endOfField(int start) {
        int i = start;
        do {
            i = ByteScan.indexOf((byte) '\n', octets, i, length) + 1;
        } while (i < length && (octets[i] == ' ' || octets[i] == '\t'));
        return Math.min(i, length);
    }

    private boolean isOneOf(Collection<String> names, int start, int end) {
        for (String name : names) {
            if (isNamed(name, start, end)) {
                return true;
            }
        }
        return false;
    }

    /** Whether {@code name} stands before the colon, with the space that obsolete syntax (RFC 5322 4.5) allows there. */
    private boolean isNamed(String name, int start, int end) {
        int nameLength = name.length();
        if (end - start <= nameLength) {
            return false;
        }
        for (int i = 0; i < nameLength; i++) {
            byte octet = octets[start + i];
            int lower = octet >= 'A' && octet <= 'Z' ? octet | TO_LOWER_CASE : octet;
            if (lower != name.charAt(i)) {
                return false;
            }
        }
        int i = start + nameLength;
        while (i < end && (octets[i] == ' ' || octets[i] == '\t')) {
            i++;
        }
        return i < end && octets[i] == ':';
    }
}
