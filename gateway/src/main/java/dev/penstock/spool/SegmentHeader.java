package dev.penstock.spool;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;

/**
 * What a data segment begins with, written twice so that one bad sector leaves one. Immutable.
 *
 * @param cold   written by the reclaimer
 * @param salt   the same in all segments of a spool
 * @param highId the highest message id given out when the segment was started
 * @param keyed  whether its writer keeps KEY records for as long as messages count by them; one that knows nothing of
 *               them lets them go
 */
record SegmentHeader(long number, boolean cold, long salt, long highId, boolean keyed) {
    static final int COPY = 64;
    /** Where records begin. */
    static final int LENGTH = 2 * COPY;
    static final int VERSION = 1;
    private static final long MAGIC = 0x504E53544B534547L; // "PNSTKSEG"
    private static final int CRC_AT = 40;
    private static final int KEYED_AT = 44; // not in the checksum: earlier readers take any octets there
    private static final int KEYED = 0x4B455953; // "KEYS"

    /** Of a segment to be written. */
    SegmentHeader(long number, boolean cold, long salt, long highId) {
        this(number, cold, salt, highId, true);
    }

    ByteBuffer encode() {
        ByteBuffer out = ByteBuffer.allocate(LENGTH);
        for (int at = 0; at < LENGTH; at += COPY) {
            out.putLong(at, MAGIC).putInt(at + 8, VERSION).putInt(at + 12, cold ? 1 : 0).putLong(at + 16, number)
                    .putLong(at + 24, salt).putLong(at + 32, highId).putInt(at + CRC_AT, crc(out, at))
                    .putInt(at + KEYED_AT, keyed ? KEYED : 0);
        }
        return out;
    }

    /** @return null when neither copy is whole */
    static @Nullable SegmentHeader decode(ByteBuffer in) {
        for (int at = 0; at + COPY <= in.limit(); at += COPY) {
            if (in.getLong(at) == MAGIC && in.getInt(at + 8) == VERSION && in.getInt(at + CRC_AT) == crc(in, at)) {
                return new SegmentHeader(in.getLong(at + 16), in.getInt(at + 12) != 0, in.getLong(at + 24),
                        in.getLong(at + 32), in.getInt(at + KEYED_AT) == KEYED);
            }
        }
        return null;
    }

    private static int crc(ByteBuffer octets, int at) {
        CRC32C crc = new CRC32C();
        crc.update(octets.slice(at, CRC_AT));
        return (int) crc.getValue();
    }
}
