package dev.penstock.egress;

/**
 * Where in its pool a message falls: a number drawn from its id, so that it is the same at every attempt and after every
 * restart, without anything being kept. Stateless.
 *
 * <p>The lowest {@value #COUNTED_BITS} bits of an id's sequence count messages ({@link dev.penstock.message.MessageIds}).
 * Times the golden ratio they make a low-discrepancy sequence (Weyl 1916, Knuth TAOCP 6.4): of any number of messages in a
 * row, and of every second, third, … of them, the shares of a pool are those of its weights but for a few messages. The
 * count begins anew after 512, so the sequence is turned by another angle every {@value #WINDOW_SECONDS} s: what comes back
 * every so many messages doesn't meet the same source for ever; and by less than a step each millisecond, so that shares
 * aren't rounded to 512ths. Where a pool gets a part of the messages only, by chance,
 * its shares are as good as that chance: of 10,000 messages some hundred more or less.
 */
public final class Draw {
    /** Below the milliseconds of an id are 10 bits of sequence and 10 of node; of the sequence the lowest 9 count on. */
    private static final int COUNTED_BITS = 9;
    private static final int NODE_BITS = 10;
    private static final long COUNT_MASK = (1 << COUNTED_BITS) - 1;
    private static final int MILLIS_SHIFT = 20;
    /** The odd number next to 512 times the golden ratio's fraction. */
    private static final long STEP = 317L << Long.SIZE - COUNTED_BITS;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L; // 2^64 times that fraction
    private static final long ROOT_OF_2 = 0x6A09E667F3BCC908L; // likewise
    private static final int WINDOW_BITS = 12; // of milliseconds

    private Draw() {}

    /** @return a fraction of 2^64, unsigned */
    public static long of(long messageId) {
        long millis = messageId >>> MILLIS_SHIFT;
        return (messageId >>> NODE_BITS & COUNT_MASK) * STEP + (millis >>> WINDOW_BITS) * ROOT_OF_2
                + (millis * ROOT_OF_2 >>> COUNTED_BITS);
    }

    /** Likewise, another one for each attempt. */
    public static long of(long messageId, int attempts) {
        return of(messageId) + attempts * GOLDEN;
    }
}
