package dev.penstock.smtp;

/**
 * Makes lines of content end in CRLF: a CR or LF that stands alone becomes CRLF, a NUL is left out, each only when
 * asked for. Over pieces of any size. It comes after the end of data was found, so nothing that it makes of content can
 * end the data. Confined to its connection; {@link #reset} makes it ready for the next message.
 */
public final class LineNormaliser {
    private static final byte[] CRLF = {'\r', '\n'};
    private static final byte[] CR = {'\r'};

    private boolean lines;
    private boolean nuls;
    private boolean afterCr; // that hasn't been given out
    private boolean lineStart = true;
    private boolean dotLines;

    /**
     * As new.
     *
     * @param newlines whether a bare CR or LF becomes CRLF; else it is left as it is
     * @param dropNul  whether NUL is left out
     */
    public void reset(boolean newlines, boolean dropNul) {
        lines = newlines;
        nuls = dropNul;
        afterCr = false;
        lineStart = true;
        dotLines = false;
    }

    public <X extends Exception> void normalise(byte[] in, int offset, int length, Sink<X> out) throws X {
        int end = offset + length;
        int run = offset;
        for (int i = offset; i < end; i++) {
            byte octet = in[i];
            if (nuls && octet == 0) {
                give(in, run, i, out);
                run = i + 1;
                continue;
            }
            if (afterCr) {
                afterCr = false;
                boolean whole = octet == '\n';
                if (whole || lines) {
                    out.write(CRLF, 0, 2);
                    lineStart = true;
                } else {
                    out.write(CR, 0, 1);
                }
                if (whole) {
                    run = i + 1;
                    continue;
                }
            }
            if (octet == '\r') {
                give(in, run, i, out);
                run = i + 1;
                afterCr = true;
            } else if (octet == '\n' && lines) {
                give(in, run, i, out);
                run = i + 1;
                out.write(CRLF, 0, 2);
                lineStart = true;
            } else if (lineStart) {
                lineStart = false;
                dotLines |= octet == '.';
            }
        }
        give(in, run, end, out);
    }

    /** No more comes. */
    public <X extends Exception> void end(Sink<X> out) throws X {
        if (afterCr) {
            afterCr = false;
            out.write(lines ? CRLF : CR, 0, lines ? 2 : 1);
            lineStart = lines;
        }
    }

    private static <X extends Exception> void give(byte[] in, int from, int to, Sink<X> out) throws X {
        if (to > from) {
            out.write(in, from, to - from);
        }
    }

    /** Whether what was given out so far ends with CRLF, or there is none. */
    public boolean atLineStart() {
        return lineStart;
    }

    /** Whether a line, as given out, begins with a dot. */
    public boolean hasDotLines() {
        return dotLines;
    }
}
