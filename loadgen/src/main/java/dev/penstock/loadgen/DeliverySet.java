package dev.penstock.loadgen;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;

/**
 * A set of delivery numbers that costs one bit per number. Thread-safe; {@link #add} takes no lock but for the first
 * number of each million.
 */
public final class DeliverySet {
    /** Above what one run can number; a damaged header must not make the set grow to it. */
    static final long LIMIT = 1L << 34;

    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int CHUNK_BITS = 20;
    private static final int CHUNK_MASK = (1 << CHUNK_BITS) - 1;

    private final LongAdder size = new LongAdder();
    private volatile long[][] chunks = {};

    /**
     * @return false when the number was there already
     * @throws IllegalArgumentException when it isn't in [0, 2^34)
     */
    public boolean add(long number) {
        if (number < 0 || number >= LIMIT) {
            throw new IllegalArgumentException("no delivery number: " + number);
        }
        long bit = 1L << number;
        boolean added = ((long) WORDS.getAndBitwiseOr(chunk((int) (number >>> CHUNK_BITS)), word(number), bit)
                & bit) == 0;
        if (added) {
            size.increment();
        }
        return added;
    }

    public boolean contains(long number) {
        long[][] table = chunks;
        long index = number >>> CHUNK_BITS;
        return number >= 0 && index < table.length
                && table[(int) index].length > 0
                && ((long) WORDS.getOpaque(table[(int) index], word(number)) & 1L << number) != 0;
    }

    public long size() {
        return size.sum();
    }

    /** In rising order. */
    public void forEach(LongConsumer action) {
        long[][] table = chunks;
        for (int i = 0; i < table.length; i++) {
            for (int w = 0; w < table[i].length; w++) {
                for (long word = table[i][w]; word != 0; word &= word - 1) {
                    action.accept(((long) i << CHUNK_BITS) + w * 64L + Long.numberOfTrailingZeros(word));
                }
            }
        }
    }

    private static int word(long number) {
        return ((int) number & CHUNK_MASK) >>> 6;
    }

    private long[] chunk(int index) {
        long[][] table = chunks;
        return index < table.length && table[index].length > 0 ? table[index] : grow(index);
    }

    private synchronized long[] grow(int index) {
        long[][] table = chunks;
        if (index >= table.length) {
            int before = table.length;
            table = Arrays.copyOf(table, index + 1);
            Arrays.fill(table, before, table.length, new long[0]);
        } else {
            table = table.clone();
        }
        if (table[index].length == 0) {
            table[index] = new long[1 << CHUNK_BITS - 6];
        }
        chunks = table;
        return table[index];
    }
}
