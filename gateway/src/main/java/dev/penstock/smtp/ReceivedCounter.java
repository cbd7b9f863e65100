package dev.penstock.smtp;

/**
 * Counts the Received fields in a message's header, over content that comes in pieces of any size, to tell a loop
 * (RFC 5321 6.3). Confined to its connection; {@link #reset()} makes it ready for the next message.
 */
public final class ReceivedCounter {
    private static final byte[] NAME = {'r', 'e', 'c', 'e', 'i', 'v', 'e', 'd', ':'};
    private static final int TO_LOWER_CASE = 0x20; // leaves the colon as it is
    private static final int NO_MATCH = -1;

    private int count;
    private int matched; // octets of NAME that the line begins with so far
    private boolean inHeader = true;
    private long headerOctets;

    /** As new. */
    public void reset() {
        count = 0;
        matched = 0;
        inHeader = true;
        headerOctets = 0;
    }

    /** Looks at content; after the empty line that ends the header it costs nothing. */
    public void scan(byte[] in, int offset, int length) {
        if (!inHeader) {
            return;
        }
        int end = offset + length;
        int i = offset;
        while (inHeader && i < end) {
            if (matched >= 0) {
                byte b = in[i];
                if (matched == 0 && b == '\r') {
                    inHeader = false;
                } else if ((b | TO_LOWER_CASE) == NAME[matched]) {
                    i++;
                    matched++;
                    if (matched == NAME.length) {
                        count++;
                        matched = NO_MATCH;
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

    public int count() {
        return count;
    }

    /** Octets of the header section so far. */
    public long headerOctets() {
        return headerOctets;
    }
}
