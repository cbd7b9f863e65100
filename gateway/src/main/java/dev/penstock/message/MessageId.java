package dev.penstock.message;

import org.jspecify.annotations.Nullable;

/**
 * The number under which Penstock knows a message: milliseconds since 1970 in the upper 44 bits, a sequence in the
 * lower 20, so that ids sort by time of reception. Its text is 13 characters of Crockford's base 32.
 */
public record MessageId(long value) implements Comparable<MessageId> {
    public static final int SEQUENCE_BITS = 20;
    public static final int TEXT_LENGTH = 13; // 13 * 5 bits hold 64
    private static final String ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /** The millisecond the id was given out at. */
    public long millis() {
        return value >>> SEQUENCE_BITS;
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
