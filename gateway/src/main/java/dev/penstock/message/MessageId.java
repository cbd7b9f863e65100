package dev.penstock.message;

import org.jspecify.annotations.Nullable;

/**
 * The number under which Penstock knows a message: milliseconds since 1970 in the upper 44 bits, then a sequence of 10,
 * then the number of the node that gave it out in the lowest 10, so that ids sort by time of reception. Its text is 13
 * characters of Crockford's base 32, of which the last two are the node.
 */
public record MessageId(long value) implements Comparable<MessageId> {
    static final int NODE_BITS = 10;
    /** Nodes have numbers from 0 to this. */
    public static final int MAX_NODE = (1 << NODE_BITS) - 1;
    /** Below the milliseconds: sequence and node. */
    public static final int MILLIS_SHIFT = 20;
    public static final int TEXT_LENGTH = 13; // 13 * 5 bits hold 64
    private static final String ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /** The millisecond the id was given out at. */
    public long millis() {
        return value >>> MILLIS_SHIFT;
    }

    /** The number of the node that gave it out. */
    public int node() {
        return (int) value & MAX_NODE;
    }

    /** @return null when {@code text} isn't an id */
    public static @Nullable MessageId parse(String text) {
        if (text.length() != TEXT_LENGTH) {
            return null;
        }
        long value = 0;
        for (int i = 0; i < TEXT_LENGTH; i++) {
            int digit = ALPHABET.indexOf(Character.toUpperCase(text.charAt(i)));
            if (digit < 0 || (i == 0 && digit > 15)) {
                return null;
            }
            value = value << 5 | digit;
        }
        return new MessageId(value);
    }

    @Override
    public int compareTo(MessageId other) {
        return Long.compareUnsigned(value, other.value);
    }

    @Override
    public String toString() {
        char[] text = new char[TEXT_LENGTH];
        for (int i = 0; i < TEXT_LENGTH; i++) {
            text[i] = ALPHABET.charAt((int) (value >>> (TEXT_LENGTH - 1 - i) * 5) & 31);
        }
        return new String(text);
    }
}
