package dev.penstock.reception;

import dev.penstock.smtp.ByteScan;

/** Finds the empty line that ends a header section, however it is cut into pieces. Confined to one thread. */
public final class EndOfHeader {
    private static final int EMPTY_LINE = 4; // octets of CRLFCRLF

    private int matched = 2; // of CRLFCRLF: the line before the message ended with CRLF

    /** @return the index after the empty line when it ends among these octets, else -1 */
    public int find(byte[] octets, int from, int to) {
        for (int i = from; i < to; i++) {
            if (matched == 0) {
                i = ByteScan.indexOf((byte) '\r', octets, i, to);
                if (i == to) {
                    return -1;
                }
            }
            boolean next = octets[i] == (matched % 2 == 0 ? '\r' : '\n');
            matched = next ? matched + 1 : octets[i] == '\r' ? 1 : 0;
            if (matched == EMPTY_LINE) {
                return i + 1;
            }
        }
        return -1;
    }
}
