package dev.penstock.trace;

import java.util.Arrays;

/**
 * Tells what a client of ours writes, which comes in the pieces that its buffer makes: commands line by line, and content
 * by its octets. Confined to its session. Who writes says where in the stream content begins and ends; what is neither told
 * as content nor a command that is known to be public is masked, so that a mark that is missing shows nothing.
 */
public final class SentLines {
    private static final long NOWHERE = Long.MAX_VALUE;
    /** RFC 5321 4.5.3.1.4 with what extensions add, and a SASL response (RFC 4954 4), which is masked. */
    private static final int MAX_LINE = 4_096;
    private static final int FIRST_LINE = 128;

    private final SessionTrace trace;
    private byte[] line = new byte[0];
    private int length;
    /** Octets written so far. */
    private long position;
    private long contentFrom = NOWHERE;
    private long contentTo = NOWHERE;
    private boolean whole;

    public SentLines(SessionTrace trace) {
        this.trace = trace;
    }

    /** @param ahead octets that will be written before it */
    public void contentBegins(long ahead) {
        contentFrom = position + ahead;
        contentTo = NOWHERE;
    }

    /**
     * Where what began ends.
     *
     * @param ahead   octets that will be written before its end; 0 when all of it is written
     * @param message whether the message ends with it
     */
    public void contentEnds(long ahead, boolean message) {
        contentTo = position + ahead;
        whole = message;
        endOfContent();
    }

    /** These octets are being written. */
    public void written(byte[] in, int offset, int count) {
        if (!trace.tells()) {
            length = 0;
            position += count;
            if (position > contentFrom) {
                trace.content(in, offset, 0); // some of it is gone, and no later part of it is a header
            }
            endOfContent();
            return;
        }
        int end = offset + count;
        int i = offset;
        while (i < end) {
            if (position < contentFrom) {
                int next = i + (int) Math.min(end - i, contentFrom - position);
                lines(in, i, next);
                position += next - i;
                i = next;
            } else {
                int next = i + (int) Math.min(end - i, contentTo - position);
                trace.content(in, i, next - i);
                position += next - i;
                i = next;
                endOfContent();
            }
        }
    }

    private void endOfContent() {
        if (position >= contentTo) {
            contentFrom = NOWHERE;
            contentTo = NOWHERE;
            trace.endOfContent(whole);
        }
    }

    private void lines(byte[] in, int from, int to) {
        for (int i = from; i < to; i++) {
            if (in[i] != '\n') {
                keep(in[i]);
                continue;
            }
            int end = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
            trace.command(line, 0, end);
            length = 0;
        }
    }

    private void keep(byte octet) {
        if (length == MAX_LINE) {
            return;
        }
        if (length == line.length) {
            line = Arrays.copyOf(line, Math.max(FIRST_LINE, length * 2));
        }
        line[length++] = octet;
    }
}
