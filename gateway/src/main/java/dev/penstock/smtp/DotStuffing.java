package dev.penstock.smtp;

/**
 * The client's side of message data (RFC 5321 4.5.2): doubles the dot that begins a line and ends the data, over
 * content that comes in pieces of any size. Confined to its connection; {@link #reset()} makes it ready for the next
 * message.
 */
public final class DotStuffing {
    private static final byte[] DOT = {'.'};
    private static final byte[] END_OF_DATA = {'\r', '\n', '.', '\r', '\n'};

    private boolean lineStart = true;
    private boolean afterCr;

    /** As new. */
    public void reset() {
        lineStart = true;
        afterCr = false;
    }

    /** Gives content on, with dots where they are needed. */
    public <X extends Exception> void encode(byte[] in, int offset, int length, Sink<X> out) throws X {
        if (length == 0) {
            return;
        }
        int end = offset + length;
        int run = offset;
        int i = offset;
        if (lineStart && in[i] == '.') {
            out.write(DOT, 0, 1);
        }
        if (afterCr && in[i] == '\n') {
            i++;
            if (i < end && in[i] == '.') {
                out.write(in, run, i - run);
                out.write(DOT, 0, 1);
                run = i;
            }
        }
        while (true) {
            i = ByteScan.indexOf((byte) '\n', in, i, end) + 1;
            if (i >= end) {
                break;
            }
            if (in[i] == '.' && i - 2 >= offset && in[i - 2] == '\r') {
                out.write(in, run, i - run);
                out.write(DOT, 0, 1);
                run = i;
            }
        }
        out.write(in, run, end - run);
        boolean crBeforeLast = length > 1 ? in[end - 2] == '\r' : afterCr;
        lineStart = in[end - 1] == '\n' && crBeforeLast;
        afterCr = in[end - 1] == '\r';
    }

    /** Ends the data, and before that the last line, should it have no CRLF. */
    public <X extends Exception> void end(Sink<X> out) throws X {
        int skip = lineStart ? 2 : 0;
        out.write(END_OF_DATA, skip, END_OF_DATA.length - skip);
    }
}
