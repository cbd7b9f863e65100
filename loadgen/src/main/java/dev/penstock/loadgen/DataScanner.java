package dev.penstock.loadgen;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Finds the end of message data and takes stuffed dots out, with state across chunk borders. Confined to its session's
 * loop. Only CRLF.CRLF ends data (RFC 5321 4.1.1.4): a bare CR or LF never does.
 *
 * <p>Eight octets at a time are searched for a dot, the rarest octet of the sequence, and what precedes a dot is looked
 * at only then.
 */
final class DataScanner {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONES = 0x0101010101010101L;
    private static final long HIGH_BITS = 0x8080808080808080L;
    private static final long DOTS = '.' * ONES;
    private static final byte[] CR = {'\r'};

    /** What the octets before the next one were. */
    private enum State {
        MIDDLE, AFTER_CR, LINE_START, AFTER_DOT, AFTER_DOT_CR
    }

    private State state = State.LINE_START;

    /** Receives message content without stuffed dots, the CRLF before the final dot included. */
    interface Content {
        void content(byte[] bytes, int offset, int length);
    }

    /** @return where the octets behind the final CRLF.CRLF start, or -1 when all of {@code bytes} was content */
    int scan(byte[] bytes, int from, int limit, Content out) {
        int i = from;
        while (i < limit) {
            byte b = bytes[i];
            switch (state) {
                case MIDDLE -> {
                    int dot = dotAtLineStart(bytes, i, limit);
                    if (dot > i) {
                        out.content(bytes, i, dot - i);
                    }
                    state = dot == limit ? after(bytes, i, limit) : State.AFTER_DOT;
                    i = dot + 1;
                }
                case AFTER_CR -> {
                    if (b == '\n') {
                        out.content(bytes, i++, 1);
                        state = State.LINE_START;
                    } else {
                        state = State.MIDDLE;
                    }
                }
                case LINE_START -> {
                    if (b == '.') {
                        i++;
                        state = State.AFTER_DOT;
                    } else {
                        state = State.MIDDLE;
                    }
                }
                case AFTER_DOT -> {
                    if (b == '\r') {
                        i++;
                        state = State.AFTER_DOT_CR;
                    } else {
                        state = State.MIDDLE;
                    }
                }
                case AFTER_DOT_CR -> {
                    if (b == '\n') {
                        state = State.LINE_START;
                        return i + 1;
                    }
                    out.content(CR, 0, 1);
                    state = State.AFTER_CR;
                }
            }
        }
        return -1;
    }

    private static State after(byte[] bytes, int from, int limit) {
        if (bytes[limit - 1] == '\r') {
            return State.AFTER_CR;
        }
        return limit - from >= 2 && bytes[limit - 1] == '\n' && bytes[limit - 2] == '\r'
                ? State.LINE_START
                : State.MIDDLE;
    }

    /** The first dot behind a CRLF that lies wholly in {@code [from, limit)}, or {@code limit}. */
    private static int dotAtLineStart(byte[] bytes, int from, int limit) {
        int i = from + 2;
        for (; i <= limit - Long.BYTES; i += Long.BYTES) {
            long differing = (long) LONGS.get(bytes, i) ^ DOTS;
            long found = differing - ONES & ~differing & HIGH_BITS;
            while (found != 0) {
                int dot = i + (Long.numberOfTrailingZeros(found) >>> 3);
                if (bytes[dot] == '.' && bytes[dot - 1] == '\n' && bytes[dot - 2] == '\r') {
                    return dot;
                }
                found &= found - 1;
            }
        }
        for (; i < limit; i++) {
            if (bytes[i] == '.' && bytes[i - 1] == '\n' && bytes[i - 2] == '\r') {
                return i;
            }
        }
        return limit;
    }
}
