package dev.penstock.smtp;

/**
 * The client's side of message data (RFC 5321 4.5.2): doubles the dot that begins a line and ends the data, over
 * content that comes in pieces of any size. Confined to its connection; {@link #reset()} makes it ready for the next
 * message.
 *
 * <p>A CR or LF that stands alone leaves as CRLF. Receivers differ in what such an octet means to them, and one that
 * takes it for a line's end would find an end of data where there is none, and commands behind it (SMTP smuggling,
 * CVE-2023-51764 and its kin). As CRLF it is a line's end to everybody, and the dot behind it is doubled. NUL, which
 * some receivers drop, doesn't leave at all (RFC 5321 4.5.3.1.6 and RFC 5322 3.5 have no place for it).
 */
public final class DotStuffing {
    private static final byte[] DOT = {'.'};
    private static final byte[] CRLF = {'\r', '\n'};
    private static final byte[] END_OF_DATA = {'\r', '\n', '.', '\r', '\n'};
    /** LF and CR are below it; NUL, TAB and FF too, which cost a few nanoseconds each. */
    private static final int SPECIAL_BELOW = '\r' + 1;

    private boolean dots = true;
    private boolean lineStart = true;
    /** A CR is held back until it is known what follows it. */
    private boolean afterCr;

    /** As new. */
    public void reset() {
        reset(true);
    }

    /** @param stuffed false for content whose octets are counted (RFC 3030 2): no dot is doubled then */
    public void reset(boolean stuffed) {
        dots = stuffed;
        lineStart = true;
        afterCr = false;
    }

    /** Gives content on, with dots where they are needed. */
    public <X extends Exception> void encode(byte[] in, int offset, int length, Sink<X> out) throws X {
        if (length == 0) {
            return;
        }
        int end = offset + length;
        int i = offset;
        if (afterCr) {
            afterCr = false;
            lineStart = true;
            out.write(CRLF, 0, CRLF.length);
            i += in[i] == '\n' ? 1 : 0;
        }
        int run = i; // from here to i nothing has been given out
        while (i < end) {
            if (lineStart && dots && in[i] == '.') {
                if (i > run) {
                    out.write(in, run, i - run);
                }
                out.write(DOT, 0, 1);
                run = i;
            }
            int plainEnd = plainEnd(in, i, end);
            lineStart &= plainEnd == i;
            i = plainEnd;
            if (i == end) {
                break;
            }
            byte special = in[i];
            if (special == '\r' && i + 1 < end && in[i + 1] == '\n') {
                i += 2;
                lineStart = true;
            } else if (special == '\r' || special == '\n') {
                if (i > run) {
                    out.write(in, run, i - run);
                }
                i++;
                run = i;
                afterCr = special == '\r' && i == end;
                lineStart = !afterCr;
                if (lineStart) {
                    out.write(CRLF, 0, CRLF.length);
                }
            } else if (special == 0) {
                if (i > run) {
                    out.write(in, run, i - run);
                }
                i++;
                run = i; // the dot behind it still begins the line
            } else {
                i++;
                lineStart = false;
            }
        }
        if (end > run) {
            out.write(in, run, end - run);
        }
    }

    private static int plainEnd(byte[] in, int from, int end) {
        int i = from;
        for (; i + Long.BYTES <= end; i += Long.BYTES) {
            long hits = ByteScan.lessThan(ByteScan.word(in, i), SPECIAL_BELOW);
            if (hits != 0) {
                return i + (Long.numberOfTrailingZeros(hits) >>> 3);
            }
        }
        while (i < end && (in[i] < 0 || in[i] >= SPECIAL_BELOW)) {
            i++;
        }
        return i;
    }

    /** Ends the data, and before that the last line, should it have no CRLF. */
    public <X extends Exception> void end(Sink<X> out) throws X {
        int skip = lineStart ? CRLF.length : 0;
        out.write(END_OF_DATA, skip, END_OF_DATA.length - skip);
    }

    /** Ends the last line, should it have no CRLF: what counted content ends with. */
    public <X extends Exception> void endLine(Sink<X> out) throws X {
        if (!lineStart) {
            out.write(CRLF, 0, CRLF.length);
        }
    }
}
