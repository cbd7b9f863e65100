package dev.penstock.inbound;

import java.util.Arrays;

import dev.penstock.reception.EndOfHeader;
import dev.penstock.reception.HeaderEdits;
import dev.penstock.reception.HeaderSection;
import dev.penstock.smtp.Sink;

/**
 * Holds back the beginning of a message, its header section first of all, until it is decided what becomes of it: then
 * gives it on as edited. Confined to the session's event loop; one for each message.
 *
 * <p>What follows the header section in the same read is held too. The session reads no more until the decision is
 * there, so that is bounded by one read.
 */
final class HeaderGate {
    private static final int FIRST_SIZE = 8 << 10; // a usual message whole

    private byte[] held = new byte[FIRST_SIZE];
    private int size;
    private final EndOfHeader endOfHeader = new EndOfHeader();
    private int headerLength = -1;
    private boolean open;

    /** Takes content, as long as the gate {@link #isOpen() isn't open}. */
    void write(byte[] bytes, int offset, int length) {
        if (size + length > held.length) {
            held = Arrays.copyOf(held, Math.max(size + length, held.length * 2));
        }
        System.arraycopy(bytes, offset, held, size, length);
        if (headerLength < 0) {
            headerLength = endOfHeader.find(held, size, size + length);
        }
        size += length;
    }

    /** Whether the whole header section is there; from then on it can be decided about. */
    boolean isReady() {
        return headerLength >= 0 && !open;
    }

    /** The message has ended: a header section without an empty line after it is whole now. */
    void end() {
        if (headerLength < 0) {
            headerLength = size;
        }
    }

    boolean isOpen() {
        return open;
    }

    /** What was held of the header section, until it is {@link #release released}. */
    HeaderSection section() {
        return new HeaderSection(held, headerLength);
    }

    /** Gives on what was held, the header section as edited, and opens. */
    <X extends Exception> void release(HeaderEdits edits, Sink<X> out) throws X {
        open = true;
        section().edit(edits, size, out);
        held = new byte[0];
        size = 0;
    }
}
