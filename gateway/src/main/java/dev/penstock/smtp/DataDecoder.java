package dev.penstock.smtp;

/**
 * The server's side of message data (RFC 5321 4.5.2): finds the end of data and removes the stuffed dots, over input
 * that comes in pieces of any size. Content of chunks (BDAT, RFC 3030), whose length is told and whose dots aren't
 * stuffed, goes through unchanged for the same findings. Confined to its connection; {@link #reset()} or
 * {@link #resetForChunks()} makes it ready for the next message.
 *
 * <p>Only {@code CRLF.CRLF} ends data. A CR or LF that stands alone never ends a line, let alone the data, whatever
 * surrounds it; it is passed on and reported by {@link #bareCr()} or {@link #bareLf()}, so that the message can be
 * refused after its true end (SMTP smuggling, CVE-2023-51764 and its kin).
 */
public final class DataDecoder {
    private static final byte[] CR = {'\r'};
    /** NUL, LF and CR are below it; TAB and FF too, which cost a few nanoseconds each. */
    private static final int SPECIAL_BELOW = '\r' + 1;

    private enum State {
        LINE_START,
        IN_LINE,
        /** After a CR that has been given out. */
        AFTER_CR,
        /** After a dot at the start of a line; it isn't given out. */
        AFTER_DOT,
        /** After dot and CR at the start of a line; neither is given out. */
        AFTER_DOT_CR,
        FINISHED
    }

    private State state = State.LINE_START;
    private boolean stuffed = true;
    private long lineLength;
    private long longestLine;
    private boolean dotLines;
    private boolean bareCr;
    private boolean bareLf;
    private boolean nul;
    private long seen; // every octet of content, or-ed

    /** As new, for what follows DATA. */
    public void reset() {
        reset(true);
    }

    /** As new, for what follows BDAT: a dot is a dot, and nothing in the content ends it. */
    public void resetForChunks() {
        reset(false);
    }

    private void reset(boolean dotsAreStuffed) {
        stuffed = dotsAreStuffed;
        state = State.LINE_START; // the CRLF that ended DATA is the one before the first line, RFC 5321 4.1.1.4
        lineLength = 0;
        longestLine = 0;
        dotLines = false;
        bareCr = false;
        bareLf = false;
        nul = false;
        seen = 0;
    }

    /**
     * Decodes input up to the end of data and no further.
     *
     * @return how many octets were taken: all, unless the end of data was among them
     */
    public <X extends Exception> int decode(byte[] in, int offset, int length, Sink<X> out) throws X {
        int end = offset + length;
        int i = offset;
        int run = offset; // from here to i nothing has been given out
        long lineStart = offset - lineLength;
        while (i < end && state != State.FINISHED) {
            switch (state) {
                case LINE_START -> {
                    lineStart = i;
                    if (in[i] != '.') {
                        state = State.IN_LINE;
                    } else if (stuffed) {
                        if (i > run) {
                            out.write(in, run, i - run);
                        }
                        i++;
                        run = i;
                        lineStart = i;
                        state = State.AFTER_DOT;
                    } else {
                        dotLines = true;
                        state = State.IN_LINE;
                    }
                }
                case IN_LINE -> {
                    i = skipPlain(in, i, end);
                    if (i < end) {
                        switch (in[i]) {
                            case '\r' -> state = State.AFTER_CR;
                            case '\n' -> bareLf = true;
                            case 0 -> nul = true;
                            default -> {
                            }
                        }
                        i++;
                    }
                }
                case AFTER_CR -> {
                    if (in[i] == '\n') {
                        longestLine = Math.max(longestLine, i - 1 - lineStart);
                        i++;
                        lineStart = i;
                        state = State.LINE_START;
                    } else {
                        bareCr = true;
                        state = State.IN_LINE;
                    }
                }
                case AFTER_DOT -> {
                    if (in[i] == '\r') {
                        i++;
                        run = i;
                        state = State.AFTER_DOT_CR;
                    } else {
                        dotLines |= in[i] == '.';
                        state = State.IN_LINE;
                    }
                }
                case AFTER_DOT_CR -> {
                    if (in[i] == '\n') {
                        i++;
                        run = i;
                        state = State.FINISHED;
                    } else {
                        bareCr = true;
                        out.write(CR, 0, 1);
                        lineStart = i - 1L;
                        state = State.IN_LINE;
                    }
                }
                case FINISHED -> throw new IllegalStateException("decode after the end of data");
            }
        }
        if (i > run) {
            out.write(in, run, i - run);
        }
        if (state != State.FINISHED) {
            lineLength = i - lineStart;
            boolean crLast = state == State.AFTER_CR || state == State.AFTER_DOT_CR;
            longestLine = Math.max(longestLine, crLast ? lineLength - 1 : lineLength);
        }
        return i - offset;
    }

    /** The index of the next octet that needs a look; all before it are noted. */
    private int skipPlain(byte[] in, int from, int end) {
        long bits = 0;
        int i = from;
        for (; i + Long.BYTES <= end; i += Long.BYTES) {
            long word = ByteScan.word(in, i);
            long hits = ByteScan.lessThan(word, SPECIAL_BELOW);
            if (hits != 0) {
                int plain = Long.numberOfTrailingZeros(hits) >>> 3;
                seen |= bits | word & (1L << plain * Byte.SIZE) - 1;
                return i + plain;
            }
            bits |= word;
        }
        for (; i < end && (in[i] < 0 || in[i] >= SPECIAL_BELOW); i++) {
            bits |= in[i];
        }
        seen |= bits;
        return i;
    }

    /** No more chunks come: a CR at the very end is a bare one. */
    public void endOfChunks() {
        bareCr |= state == State.AFTER_CR;
    }

    /** Whether the content so far ends with CRLF, or there is none. */
    public boolean atLineStart() {
        return state == State.LINE_START;
    }

    /** Whether the end of data was seen. */
    public boolean finished() {
        return state == State.FINISHED;
    }

    /** Whether a line of the content, as given out, begins with a dot. */
    public boolean hasDotLines() {
        return dotLines;
    }

    /** Whether an octet of the content is above 127. */
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

    /** Octets of the longest line so far, without CRLF and stuffed dot; a line that hasn't ended yet counts too. */
    public long longestLine() {
        return longestLine;
    }
}
