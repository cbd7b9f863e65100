package dev.penstock.units;

import org.jspecify.annotations.Nullable;

/**
 * What objects take on the heap, about: for accounts of what strangers make the gateway keep, where a third more or less
 * doesn't matter and a thousandfold does. Pure functions.
 */
public final class HeapSize {
    /** A small object: a record of some references, with its place in a list. */
    public static final int OBJECT = 48;
    private static final int TEXT = 48; // the String and the header of its array

    private HeapSize() {}

    /** Octets of a text and its array, as if no character fitted one octet; nothing for none. */
    public static long of(@Nullable String text) {
        return text == null ? 0 : TEXT + (long) text.length() * Character.BYTES;
    }
}
