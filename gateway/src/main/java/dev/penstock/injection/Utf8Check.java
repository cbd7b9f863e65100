package dev.penstock.injection;

/**
 * Whether octets that come piece by piece are UTF-8 (RFC 3629 4), which RFC 8259 8.1 wants and the JSON parser is lenient
 * about: no overlong forms, no surrogates. Confined to the thread that reads.
 */
final class Utf8Check {
    private static final int LOWEST = 0x80;
    private static final int HIGHEST = 0xbf;

    private int following; // octets of the character that has begun
    private int lowest = LOWEST; // what the next of them may be
    private int highest = HIGHEST;

    /** False when these can't follow the ones before. A character may be cut at the end. */
    boolean accepts(byte[] octets, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            if ((octets[i] < 0 || following > 0) && !accepts(octets[i] & 0xff)) {
                return false;
            }
        }
        return true;
    }

    private boolean accepts(int octet) {
        if (following > 0) {
            boolean fits = octet >= lowest && octet <= highest;
            following--;
            lowest = LOWEST;
            highest = HIGHEST;
            return fits;
        }
        if (octet < 0xc2 || octet > 0xf4) {
            return false;
        }
        following = octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3;
        lowest = octet == 0xe0 ? 0xa0 : octet == 0xf0 ? 0x90 : LOWEST;
        highest = octet == 0xed ? 0x9f : octet == 0xf4 ? 0x8f : HIGHEST;
        return true;
    }
}
