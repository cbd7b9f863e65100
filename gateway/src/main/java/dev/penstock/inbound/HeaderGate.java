package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

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
    private final ByteArrayOutputStream held = new ByteArrayOutputStream(2048);
    private int matched = 2; // octets of CRLFCRLF: the line before the message ended with CRLF
    private int headerLength = -1;
    private boolean open;

    /** Takes content, as long as the gate {@link #isOpen() isn't open}. */
    void write(byte[] bytes, int offset, int length) {
        if (headerLength < 0) {
            for (int i = 0; i < length; i++) {
                byte octet = bytes[offset + i];
                boolean next = octet == (matched % 2 == 0 ? '\r' : '\n');
                matched = next ? matched + 1 : octet == '\r' ? 1 : 0;
                if (matched == 4) {
                    headerLength = held.size() + i + 1;
                    break;
                }
            }
        }
        held.write(bytes, offset, length);
    }

    /** Whether the whole header section is there; from then on it can be decided about. */
    boolean isReady() {
        return headerLength >= 0 && !open;
    }

    /** The message has ended: a header section without an empty line after it is whole now. */
    void end() {
        if (headerLength < 0) {
            headerLength = held.size();
        }
    }

    boolean isOpen() {
        return open;
    }

    /** Fields whose lower case name is among {@code names}, in their order, unfolded. */
    List<Policy.HeaderField> fields(List<String> names) {
        if (names.isEmpty()) {
            return List.of();
        }
        List<Policy.HeaderField> found = new ArrayList<>();
        byte[] bytes = held.toByteArray();
        for (int start = 0; start < headerLength;) {
            int end = endOfField(bytes, start);
            String name = name(bytes, start, end);
            if (names.contains(name.toLowerCase(Locale.ROOT))) {
                int value = ByteScan.indexOf((byte) ':', bytes, start, end) + 1;
                found.add(new Policy.HeaderField(name,
                        new String(bytes, value, end - value, UTF_8).replaceAll("\\r\\n(?=[ \\t])", "").strip()));
            }
            start = end;
        }
        return found;
    }

    /** Gives on what was held, without the fields whose lower case name is among {@code removed}, and opens. */
    <X extends Exception> void release(Set<String> removed, Sink<X> out) throws X {
        byte[] bytes = held.toByteArray();
        open = true;
        int kept = 0; // from here nothing has been given on
        if (!removed.isEmpty()) {
            for (int start = 0; start < headerLength;) {
                int end = endOfField(bytes, start);
                if (removed.contains(name(bytes, start, end).toLowerCase(Locale.ROOT))) {
                    if (start > kept) {
                        out.write(bytes, kept, start - kept);
                    }
                    kept = end;
                }
                start = end;
            }
        }
        if (bytes.length > kept) {
            out.write(bytes, kept, bytes.length - kept);
        }
        held.reset();
    }

    /** The index after the field that begins at {@code start}, its folded lines included (RFC 5322 2.2.3). */
    private int endOfField(byte[] bytes, int start) {
        int i = start;
        while (i < headerLength) {
            while (i < headerLength && bytes[i] != '\n') {
                i++;
            }
            i++;
            if (i >= headerLength || bytes[i] != ' ' && bytes[i] != '\t') {
                return Math.min(i, headerLength);
            }
        }
        return headerLength;
    }

    /** What stands before the colon, without the space that obsolete syntax (RFC 5322 4.5) has there. */
    private static String name(byte[] bytes, int start, int end) {
        int colon = start;
        while (colon < end && bytes[colon] != ':' && bytes[colon] != '\r' && bytes[colon] != '\n') {
            colon++;
        }
        return colon < end && bytes[colon] == ':' ? new String(bytes, start, colon - start, UTF_8).strip() : "";
    }
}
