package dev.penstock.inbound;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * A session's input that waits for its turn, and the beginning of a command line that was cut by the end of a read.
 * Confined to the session's event loop. What is more than one line counts in the memory of all sessions: fifteen thousand
 * of them may each keep a read of 64 KB.
 */
final class PendingInput {
    private static final int FIRST_LINE_SIZE = 128;

    private final ReceptionMemory memory;
    private final int free; // octets that aren't counted
    private byte @Nullable [] held;
    private byte @Nullable [] line;
    private int lineLength;
    private long counted; // of these two

    PendingInput(ReceptionMemory memory, int free) {
        this.memory = memory;
        this.free = free;
    }

    boolean isHeld() {
        return held != null;
    }

    /** Keeps input behind what is held already. */
    void hold(byte[] in, int from, int to) {
        byte[] before = held;
        if (before == null) {
            held = Arrays.copyOfRange(in, from, to);
        } else {
            held = Arrays.copyOf(before, before.length + to - from);
            System.arraycopy(in, from, held, before.length, to - from);
        }
    }

    /** @return what was held, which isn't any more; null when nothing was */
    byte @Nullable [] take() {
        byte[] taken = held;
        held = null;
        return taken;
    }

    boolean hasLine() {
        return line != null;
    }

    /** Octets of the line that was begun. */
    int lineLength() {
        return lineLength;
    }

    /** Adds to the line, of which no more than {@code most} octets are kept: more tells no more. */
    void addToLine(byte[] in, int from, int to, int most) {
        int part = to - from;
        byte[] kept = line == null ? new byte[Math.min(Math.max(part, FIRST_LINE_SIZE), most)] : line;
        int wanted = Math.min(lineLength + part, most);
        if (wanted > kept.length) {
            kept = Arrays.copyOf(kept, Math.min(Math.max(wanted, kept.length * 2), most));
        }
        int copied = Math.max(0, Math.min(wanted, kept.length) - lineLength); // the limit may have become smaller
        System.arraycopy(in, from, kept, lineLength, copied);
        lineLength += copied;
        line = kept;
    }

    /** @return the line that was begun, in a longer array perhaps; the next one begins anew */
    byte[] takeLine() {
        byte[] whole = line;
        if (whole == null) {
            throw new IllegalStateException("no line was begun");
        }
        line = null;
        lineLength = 0;
        return whole;
    }

    /**
     * Counts what is kept now.
     *
     * @param owed whether it is counted even without room, since the client must hear of its message
     * @return false when there is no room for it
     */
    boolean fits(boolean owed) {
        long now = Math.max(0, (held == null ? 0 : held.length) + (line == null ? 0 : line.length) - free);
        if (now > counted) {
            long more = now - counted;
            if (owed) {
                memory.forceEnvelope(more);
            } else if (!memory.addEnvelope(more)) {
                return false;
            }
        }
        if (now < counted) {
            memory.releaseEnvelope(counted - now);
        }
        counted = now;
        return true;
    }

    boolean isCounted() {
        return counted > 0;
    }

    /** Nothing waits any more, and nothing counts. */
    void forget() {
        held = null;
        line = null;
        lineLength = 0;
        memory.releaseEnvelope(counted);
        counted = 0;
    }
}
