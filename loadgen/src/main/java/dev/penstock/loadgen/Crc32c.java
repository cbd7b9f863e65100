package dev.penstock.loadgen;

/**
 * CRC-32C that can go on from a known state, which {@link java.util.zip.CRC32C} can't: the sum of a long shared body is
 * computed once and only the short line that makes it unique is added per message. Pure functions.
 */
final class Crc32c {
    private static final int CASTAGNOLI = 0x82f63b78; // RFC 3720 B.4, reflected
    private static final int[] TABLE = table();

    private Crc32c() {}

    /** The sum of A followed by B, from the sum of A and the octets of B. */
    static int extend(int sum, byte[] bytes, int offset, int length) {
        int crc = ~sum;
        for (int i = offset; i < offset + length; i++) {
            crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ crc >>> 8;
        }
        return ~crc;
    }

    private static int[] table() {
        int[] table = new int[256];
        for (int i = 0; i < table.length; i++) {
            int crc = i;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) == 0 ? crc >>> 1 : crc >>> 1 ^ CASTAGNOLI;
            }
            table[i] = crc;
        }
        return table;
    }
}
