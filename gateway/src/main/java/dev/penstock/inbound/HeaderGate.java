package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

import dev.penstock.policy.Policy;
import dev.penstock.smtp.ByteScan;
import dev.penstock.smtp.Sink;

/**
 * Holds back the beginning of a message, its header section first of all, until it is decided what becomes of it: then
 * gives it on without some fields. Confined to the session's event loop; one for each message.
 *
 * <p>What follows the header section in the same read is held too. The session reads no more until the decision is
 * there, so that is bounded by one read.
 */
final class HeaderGate {
    private static final int FIRST_SIZE = 8 << 10; // a usual message whole
    private static final int FIELD_OVERHEAD = 200; // octets: a record and two texts
    private static final int TO_LOWER_CASE = 0x20; // for letters; the hyphen of field names has the bit already

    private byte[] held = new byte[FIRST_SIZE];
    private int size;
    private int matched = 2; // octets of CRLFCRLF: the line before the message ended with CRLF
    private int headerLength = -1;
    private boolean open;

    /** Takes content, as long as the gate {@link #isOpen() isn't open}. */
    void write(byte[] bytes, int offset, int length) {
        if (size + length > held.length) {
            held = Arrays.copyOf(held, Math.max(size + length, held.length * 2));
        }
        System.arraycopy(bytes, offset, held, size, length);
        if (headerLength < 0) {
            findEnd(size, size + length);
        }
        size += length;
    }

    private void findEnd(int from, int to) {
        for (int i = from; i < to; i++) {
            if (matched == 0) {
                i = ByteScan.indexOf((byte) '\r', held, i, to);
                if (i == to) {
                    return;
                }
            }
            boolean next = held[i] == (matched % 2 == 0 ? '\r' : '\n');
            matched = next ? matched + 1 : held[i] == '\r' ? 1 : 0;
            if (matched == 4) {
                headerLength = i + 1;
                return;
            }
        }
    }

    /** Whether the whole header section is there; from then on it can be decided about. */
    boolean isReady() {
        return headerLength >= 0 && !open;
    }

    /** The message has ended: a header section without an empty line after it is whole now. */
    void end() {
        if (headerLength < 0) {
            headerLength = size;
        }
    }

    boolean isOpen() {
        return open;
    }

    /** What {@link #fields} takes in memory, about: a section of nothing but short fields takes many times its octets. */
    long weight(Collection<String> names) {
        long octets = 0;
        if (!names.isEmpty()) {
            for (int start = 0; start < headerLength;) {
                int end = endOfField(start);
                if (isOneOf(names, start, end)) {
                    octets += FIELD_OVERHEAD + (long) (end - start) * Character.BYTES;
                }
                start = end;
            }
        }
        return octets;
    }

    /** Fields whose lower case name is among {@code names}, in their order, unfolded. */
    List<Policy.HeaderField> fields(Collection<String> names) {
        List<Policy.HeaderField> found = List.of();
        if (names.isEmpty()) {
            return found;
        }
        for (int start = 0; start < headerLength;) {
            int end = endOfField(start);
            if (isOneOf(names, start, end)) {
                found = found.isEmpty() ? new ArrayList<>(2) : found;
                int colon = ByteScan.indexOf((byte) ':', held, start, end);
                found.add(new Policy.HeaderField(new String(held, start, colon - start, US_ASCII).strip(),
                        new String(held, colon + 1, end - colon - 1, UTF_8).replaceAll("\\r\\n(?=[ \\t])", "")
                                .strip()));
            }
            start = end;
        }
        return found;
    }

    /** Gives on what was held, without the fields whose lower case name is among {@code removed}, and opens. */
    <X extends Exception> void release(Collection<String> removed, Sink<X> out) throws X {
        open = true;
        int kept = 0; // from here nothing has been given on
        if (!removed.isEmpty()) {
            for (int start = 0; start < headerLength;) {
                int end = endOfField(start);
                if (isOneOf(removed, start, end)) {
                    if (start > kept) {
                        out.write(held, kept, start - kept);
                    }
                    kept = end;
                }
                start = end;
            }
        }
        if (size > kept) {
            out.write(held, kept, size - kept);
        }
        held = new byte[0];
        size = 0;
    }

    /** The index after the field that begins at {@code start}, its folded lines included (RFC 5322 2.2.3). */
    private int endOfField(int start) {
        int i = start;
        do {
            i = ByteScan.indexOf((byte) '\n', held, i, headerLength) + 1;
        } while (i < headerLength && (held[i] == ' ' || held[i] == '\t'));
        return Math.min(i, headerLength);
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
        int length = name.length();
        if (end - start <= length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            byte octet = held[start + i];
            int lower = octet >= 'A' && octet <= 'Z' ? octet | TO_LOWER_CASE : octet;
            if (lower != name.charAt(i)) {
                return false;
            }
        }
        int i = start + length;
        while (i < end && (held[i] == ' ' || held[i] == '\t')) {
            i++;
        }
        return i < end && held[i] == ':';
    }
}
