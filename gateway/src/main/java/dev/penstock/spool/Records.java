package dev.penstock.spool;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The record's frame, byte for byte as docs/spool-format.md has it. Stateless. The checksum begins with the spool's own
 * random salt: octets that a client put into a message can never pass for a record.
 */
final class Records {
    static final int MAGIC = 0x504E5354; // "PNST"
    static final int HEADER = 32;
    static final int ALIGNMENT = 8;
    /** Longer records are never written, so a longer length is damage. */
    static final int MAX_LENGTH = 64 << 20;

    static final byte ACCEPTED = 1;
    static final byte PART = 2;
    static final byte ATTEMPT = 3;
    static final byte DONE = 4;
    /** In a cold segment, before all others: the segments whose survivors it holds. */
    static final byte REPLACES = 5;
    /** What was answered under an idempotency key; the {@link #HELD} messages of its request count with it. */
    static final byte KEY = 6;
    /** After a batch with KEY records: the sync of what lies before it in the segment has returned. */
    static final byte SYNCED = 7;

    static final byte HAS_DOT_LINES = 1;
    static final byte HAS_EIGHT_BIT = 2;
    /** The content lies in PART records. */
    static final byte IN_PARTS = 4;
    /** The message counts only when the log has the KEY of its request, whose id ends the meta. */
    static final byte HELD = 8;

    /** Of KEY: it has no key, and only makes the messages of its request count. */
    static final byte KEYLESS = 1;

    static final int CRC_AT = 4;
    static final int LENGTH_AT = 8;
    static final int META_LENGTH_AT = 12;
    static final int TYPE_AT = 16;
    static final int FLAGS_AT = 17;
    static final int DESTINATION_AT = 18;
    static final int SERIAL_AT = 20;
    static final int ID_AT = 24;

    static final int MAX_DESTINATIONS = 0xFFFF;

    private Records() {}

    /** Puts the header at {@code at}, all but the checksum. */
    static void putHeader(ByteBuffer into, int at, int length, int metaLength, byte type, byte flags, int destination,
            int serial, long id) {
        into.putInt(at, MAGIC);
        into.putInt(at + LENGTH_AT, length);
        into.putInt(at + META_LENGTH_AT, metaLength);
        into.put(at + TYPE_AT, type);
        into.put(at + FLAGS_AT, flags);
        into.putShort(at + DESTINATION_AT, (short) destination);
        into.putInt(at + SERIAL_AT, serial);
        into.putLong(at + ID_AT, id);
    }

    /** A checksum that has taken in the salt. */
    static CRC32C checksum(long salt) {
        CRC32C crc = new CRC32C();
        for (int shift = Long.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
            crc.update((int) (salt >>> shift));
        }
        return crc;
    }

    /** The checksum of the record that begins at {@code at} of {@code octets}. */
    static int checksum(long salt, ByteBuffer octets, int at, int length) {
        CRC32C crc = checksum(salt);
        crc.update(octets.slice(at + LENGTH_AT, length - LENGTH_AT));
        return (int) crc.getValue();
    }

    /** Whether a header at {@code at} could be one: what can be told without the rest of the record. */
    static boolean plausible(ByteBuffer octets, int at) {
        if (octets.getInt(at) != MAGIC) {
            return false;
        }
        int length = length(octets, at);
        int meta = metaLength(octets, at);
        return length >= HEADER && length <= MAX_LENGTH && meta >= 0 && meta <= length - HEADER;
    }

    static int length(ByteBuffer octets, int at) {
        return octets.getInt(at + LENGTH_AT);
    }

    static int metaLength(ByteBuffer octets, int at) {
        return octets.getInt(at + META_LENGTH_AT);
    }

    static byte type(ByteBuffer octets, int at) {
        return octets.get(at + TYPE_AT);
    }

    static byte flags(ByteBuffer octets, int at) {
        return octets.get(at + FLAGS_AT);
    }

    static int destination(ByteBuffer octets, int at) {
        return Short.toUnsignedInt(octets.getShort(at + DESTINATION_AT));
    }

    static int serial(ByteBuffer octets, int at) {
        return octets.getInt(at + SERIAL_AT);
    }

    static long id(ByteBuffer octets, int at) {
        return octets.getLong(at + ID_AT);
    }

    /** Where the next record begins. */
    static long align(long position) {
        return position + (ALIGNMENT - 1) & -ALIGNMENT;
    }
}
