package dev.penstock.history;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What a block of lines is found by: one of its lines has this value. A value becomes a number of 32 bits, in which the kind
 * has its part; two values may have the same, so whoever finds a block by it reads its lines. Letters of ASCII are the same
 * in upper and lower case. Pure functions.
 */
enum Key {
    RECIPIENT(1),
    /** Of a recipient: behind the last {@code @}. */
    DOMAIN(2),
    SENDER(3),
    /** The message's id as text. */
    ID(4),
    TENANT(5),
    CAMPAIGN(6),
    /** The Message-ID field. */
    MESSAGE_ID(7),
    /** The event's type by its label. */
    TYPE(8);

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    // Eight octets are taken at a time; the constants are those of FNV-1a.
    private static final long BASIS = 0xcbf29ce484222325L;
    private static final long PRIME = 0x100000001b3L;
    private static final long MIX = 0xff51afd7ed558ccdL; // the first multiplier of MurmurHash3's finalizer
    private static final long LOW_BITS = 0x7f7f7f7f7f7f7f7fL;
    private static final long HIGH_BITS = 0x8080808080808080L;
    private static final long FROM_A = 0x3f3f3f3f3f3f3f3fL; // with it octets from 'A' on have the high bit
    private static final long BEHIND_Z = 0x2525252525252525L; // and those behind 'Z'

    private final long seed;

    /** @param number stands in the index: never another kind's */
    Key(int number) {
        seed = (BASIS ^ number) * PRIME;
    }

    int of(String value) {
        byte[] octets = value.getBytes(StandardCharsets.UTF_8);
        return of(octets, 0, octets.length);
    }

    /** Of a text in UTF-8. */
    int of(byte[] text, int from, int to) {
        long hash = seed ^ to - from;
        int i = from;
        for (; i + Long.BYTES <= to; i += Long.BYTES) {
            hash = mix(hash, (long) LONG.get(text, i));
        }
        long rest = 0;
        for (int shift = 0; i < to; i++, shift += Byte.SIZE) {
            rest |= (text[i] & 0xffL) << shift;
        }
        return (int) (mix(hash, rest) * MIX >>> Integer.SIZE);
    }

    private static long mix(long hash, long octets) {
        long low = octets & LOW_BITS;
        long upper = (low + FROM_A ^ low + BEHIND_Z) & HIGH_BITS & ~octets;
        long mixed = (hash ^ octets ^ upper >>> 2) * MIX; // 0x80 >>> 2 is what lower case has and upper hasn't
        return mixed ^ mixed >>> 29;
    }
}
