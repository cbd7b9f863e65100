package dev.penstock.message;

import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Gives out the message ids of one node. Thread-safe, never blocks. They grow, also when the clock is set back, and
 * nodes with different numbers never give out the same one.
 *
 * <p>An id has the clock's milliseconds while a millisecond has ids left, 512 at least; when they are given out, the next
 * ones are those of the milliseconds to come. The ids run ahead of the clock only for as long as more than 1,024,000 a
 * second are taken, and by what they are too many: at 100,000 a second not at all.
 *
 * <p>The lowest 9 bits of the sequence count the ids, also from one millisecond to the next: what is shared out by them is
 * shared out evenly.
 */
public final class MessageIds {
    /** Of the sequence, what counts on. */
    private static final long COUNT_MASK = 511;

    private final int node;
    private final InstantSource clock;
    private final AtomicLong highest;

    /**
     * @param node    this node's number, 0 to {@link MessageId#MAX_NODE}
     * @param highest the value of the highest id given out before, by whichever node: ids grow beyond it
     */
    public MessageIds(int node, long highest, InstantSource clock) {
        if (node < 0 || node > MessageId.MAX_NODE) {
            throw new IllegalArgumentException("node " + node + " isn't from 0 to " + MessageId.MAX_NODE);
        }
        this.node = node;
        this.clock = clock;
        this.highest = new AtomicLong(highest);
    }

    public MessageId next() {
        long now = clock.millis() << MessageId.MILLIS_SHIFT - MessageId.NODE_BITS;
        long before;
        long id;
        do {
            before = highest.get();
            long next = before == 0 && now > 0 ? 0 : (before >>> MessageId.NODE_BITS) + 1;
            id = Math.max(next, now | next & COUNT_MASK) << MessageId.NODE_BITS | node;
        } while (!highest.compareAndSet(before, id));
        return new MessageId(id);
    }

    /** {@link MessageId#value()} of the highest id so far. */
    public long highest() {
        return highest.get();
    }
}
