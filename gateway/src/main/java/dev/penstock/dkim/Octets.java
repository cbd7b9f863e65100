package dev.penstock.dkim;

import java.util.Arrays;

/** Octets that grow. Confined to one thread. */
final class Octets {
    private byte[] octets;
    private int length;

    Octets(int expected) {
        octets = new byte[expected];
    }

    void write(byte octet) {
        room(1);
        octets[length++] = octet;
    }

    void write(byte[] source, int offset, int count) {
        room(count);
        System.arraycopy(source, offset, octets, length, count);
        length += count;
    }

    private void room(int more) {
        if (length + more > octets.length) {
            octets = Arrays.copyOf(octets, Math.max(length + more, 2 * octets.length));
        }
    }

    byte[] toArray() {
        return Arrays.copyOf(octets, length);
    }
}
