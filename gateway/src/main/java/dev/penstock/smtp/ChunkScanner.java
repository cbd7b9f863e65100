package dev.penstock.smtp;

/**
 * Looks at content that comes without dot-stuffing and with a length of its own (BDAT, RFC 3030), over pieces of any
 * size: the same findings as {@link DataDecoder}, and nothing changed. Confined to its connection; {@link #reset()}
 * makes it ready for the next message.
 */
public final class ChunkScanner {
    private static final int SPECIAL_BELOW = '\r' + 1; // NUL, LF, CR, and a few that cost a look

    private boolean lineStart = true;
    private boolean afterCr;
    private long lineLength;
    private long longestLine;
    private boolean dotLines;
    private boolean bareCr;
    private boolean bareLf;
    private boolean nul;
    private long seen; // every octet, or-ed

    /** As new. */
    public void reset() {
        lineStart = true;
        afterCr = false;
        lineLength = 0;
        longestLine = 0;
        dotLines = false;
        bareCr = false;
        bareLf = false;
        nul = false;
        seen = 0;
    }

    public void scan(byte[] in, int offset, int length) {
        int end = offset + length;
        int i = offset;
        while (i < end) {
            if (lineStart) {
                lineStart = false;
                dotLines |= in[i] == '.';
            }
            int plain = skipPlain(in, i, end);
            if (plain > i) {
                bareCr |= afterCr;
                afterCr = false;
                lineLength += plain - i;
                i = plain;
                if (i == end) {
                    break;
                }
            }
            special(in[i]);
            i++;
        }
        longestLine = Math.max(longestLine, lineLength);
    }

    private void special(byte octet) {
        switch (octet) {
            case '\n' -> {
                if (afterCr) {
                    longestLine = Math.max(longestLine, lineLength);
                    lineLength = 0;
                    lineStart = true;
                } else {
                    bareLf = true;
                    lineLength++;
                }
                afterCr = false;
            }
            case '\r' -> {
                bareCr |= afterCr;
                lineLength += afterCr ? 1 : 0;
                afterCr = true;
            }
            default -> {
                bareCr |= afterCr;
                afterCr = false;
                nul |= octet == 0;
                lineLength++;
            }
        }
    }

    private int skipPlain(byte[] in, int from, int end) {
        long bits = 0;
        int i = from;
        for (; i + Long.BYTES <= end; i += Long.BYTES) {
            long word = ByteScan.word(in, i);
            if (ByteScan.lessThan(word, SPECIAL_BELOW) != 0) {
                break;
            }
            bits |= word;
        }
        for (; i < end && (in[i] < 0 || in[i] >= SPECIAL_BELOW); i++) {
            bits |= in[i];
        }
        seen |= bits;
        return i;
    }

    /** No more comes: a CR at the very end is a bare one. */
    public void end() {
        bareCr |= afterCr;
        afterCr = false;
    }

    /** Whether the content so far ends with CRLF, or there is none. */
    public boolean atLineStart() {
        return lineStart;
    }

    /** Whether a line begins with a dot. */
    public boolean hasDotLines() {
        return dotLines;
    }

    /** Whether an octet is above 127. */
    public boolean hasEightBit() {
        return (seen & ByteScan.HIGH_BITS) != 0;
    }

    /** Whether a CR was seen that no LF followed. */
    public boolean bareCr() {
        return bareCr;
    }

    /** Whether an LF was seen that no CR preceded. */
    public boolean bareLf() {
        return bareLf;
    }

    /** Whether a NUL octet was seen. */
    public boolean hasNul() {
        return nul;
    }

    /** Octets of the longest line so far, without its CRLF. */
    public long longestLine() {
        return longestLine;
    }
}
