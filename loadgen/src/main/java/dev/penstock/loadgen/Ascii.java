package dev.penstock.loadgen;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A growing byte array that text and numbers are appended to without garbage. Confined to its owner's thread. */
final class Ascii {
    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    private static final int LONGEST_DECIMAL = 20; // digits of Long.MIN_VALUE with its sign

    private byte[] bytes;
    private int length;

    Ascii(int capacity) {
        bytes = new byte[capacity];
    }

    byte[] array() {
        return bytes;
    }

    int length() {
        return length;
    }

    Ascii clear() {
        length = 0;
        return this;
    }

    Ascii add(byte[] text) {
        return add(text, 0, text.length);
    }

    /** Keeps the first {@code count} octets. */
    void truncate(int count) {
        length = count;
    }

    Ascii add(byte[] text, int offset, int count) {
        room(count);
        System.arraycopy(text, offset, bytes, length, count);
        length += count;
        return this;
    }

    Ascii add(char c) {
        room(1);
        bytes[length++] = (byte) c;
        return this;
    }

    Ascii crlf() {
        return add('\r').add('\n');
    }

    Ascii decimal(long value) {
        room(LONGEST_DECIMAL);
        long rest = value;
        int end = length + digits(value);
        for (int i = end; i > length; i--) {
            bytes[i - 1] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        length = end;
        return this;
    }

    /** Exactly {@code width} decimal digits: zeros before, higher digits cut. */
    Ascii paddedDecimal(long value, int width) {
        room(width);
        long rest = value;
        for (int i = length + width; i > length; i--) {
            bytes[i - 1] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        length += width;
        return this;
    }

    /** Exactly eight hexadecimal digits. */
    Ascii hex32(int value) {
        room(8);
        for (int shift = 28; shift >= 0; shift -= 4) {
            bytes[length++] = HEX[value >>> shift & 15];
        }
        return this;
    }

    private void room(int count) {
        if (bytes.length - length < count) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + count));
        }
    }

    private static int digits(long value) {
        int digits = 1;
        for (long rest = value / 10; rest != 0; rest /= 10) {
            digits++;
        }
        return digits;
    }

    static byte[] of(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
