package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/**
 * Counts the Received fields in a message's header, over content that comes in pieces of any size, to tell a loop
 * (RFC 5321 6.3), and finds the first Message-ID field (RFC 5322 3.6.4). Confined to its connection; {@link #reset()}
 * makes it ready for the next message.
 */
public final class ReceivedCounter {
    private static final byte[] RECEIVED = {'r', 'e', 'c', 'e', 'i', 'v', 'e', 'd', ':'};
    private static final byte[] MESSAGE_ID = {'m', 'e', 's', 's', 'a', 'g', 'e', '-', 'i', 'd', ':'};
    private static final int TO_LOWER_CASE = 0x20; // leaves the colon and the hyphen as they are
    private static final int NO_MATCH = -1;
    private static final int MAX_ID = 998; // RFC 5322 2.1.1: a line without its CRLF

    private int count;
    private byte[] name = RECEIVED; // the one that the line may begin with
    private int matched; // octets of name that the line begins with so far
    private boolean inHeader = true;
    private long headerOctets;
    private byte[] id = new byte[80]; // of a usual one
    private int idLength;
    private boolean hasId;
    private boolean inId;
    private boolean idLineEnded; // what comes next tells whether the field goes on

    /** As new. */
    public void reset() {
        count = 0;
        matched = 0;
        inHeader = true;
        headerOctets = 0;
        idLength = 0;
        hasId = false;
        inId = false;
        idLineEnded = false;
    }

    /** Looks at content; after the empty line that ends the header it costs nothing. */
    public void scan(byte[] in, int offset, int length) {
        if (!inHeader) {
            return;
        }
        int end = offset + length;
        int i = offset;
        while (inHeader && i < end) {
            if (inId) {
                i = takeId(in, i, end);
            } else if (matched >= 0) {
                byte b = in[i];
                if (matched == 0) {
                    name = (b | TO_LOWER_CASE) == MESSAGE_ID[0] ? MESSAGE_ID : RECEIVED;
                }
                if (matched == 0 && b == '\r') {
                    inHeader = false;
                } else if ((b | TO_LOWER_CASE) == name[matched]) {
                    i++;
                    matched++;
                    if (matched == name.length) {
                        named();
                    }
                } else {
                    matched = NO_MATCH;
                }
            } else {
                i = ByteScan.indexOf((byte) '\n', in, i, end) + 1;
                matched = i <= end ? 0 : NO_MATCH;
            }
        }
        headerOctets += Math.min(i, end) - offset;
    }

    private void named() {
        matched = NO_MATCH;
        if (name.length == RECEIVED.length) {
            count++;
        } else if (!hasId) {
            hasId = true;
            inId = true;
        }
    }

    /** @return where the field's value ends, or {@code end} */
    private int takeId(byte[] in, int from, int end) {
        for (int i = from; i < end; i++) {
            byte b = in[i];
            if (idLineEnded && b != ' ' && b != '\t') {
                inId = false;
                matched = 0;
                return i;
            }
            idLineEnded = b == '\n';
            if (b != '\r' && b != '\n' && idLength < MAX_ID) {
                if (idLength == id.length) {
                    id = Arrays.copyOf(id, 2 * idLength);
                }
                id[idLength++] = b;
            }
        }
        return end;
    }

    public int count() {
        return count;
    }

    /** Octets of the header section so far. */
    public long headerOctets() {
        return headerOctets;
    }

    /** The first Message-ID field, unfolded; empty when none has come yet. */
    public String messageId() {
        return idLength == 0 ? "" : new String(id, 0, idLength, UTF_8).strip();
    }
}
