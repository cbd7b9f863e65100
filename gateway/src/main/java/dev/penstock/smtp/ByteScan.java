package dev.penstock.smtp;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Searches byte arrays eight octets at a time. Pure functions. */
public final class ByteScan {
    private static final VarHandle WORD = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONES = 0x0101010101010101L;
    static final long HIGH_BITS = 0x8080808080808080L;

    private ByteScan() {}

    static long word(byte[] bytes, int index) {
        return (long) WORD.get(bytes, index);
    }

    /**
     * A word with the high bit set in the place of octets of {@code word} that are less than {@code limit} (1 to 128).
     * Exact up to the lowest bit that is set; above it there may be false ones.
     */
    static long lessThan(long word, int limit) {
        return word - ONES * limit & ~word & HIGH_BITS;
    }

    /** @return {@code to} when there is none */
    public static int indexOf(byte wanted, byte[] bytes, int from, int to) {
        long pattern = ONES * (wanted & 0xff);
        int i = from;
        for (; i + Long.BYTES <= to; i += Long.BYTES) {
            long hits = lessThan(word(bytes, i) ^ pattern, 1);
            if (hits != 0) {
                return i + (Long.numberOfTrailingZeros(hits) >>> 3);
            }
        }
        while (i < to && bytes[i] != wanted) {
            i++;
        }
        return i;
    }
}
