package dev.penstock.spool;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;

/**
 * A segment's index: {position, record header, meta} of each of its records, in blocks that each have a checksum, and a
 * last block that says the segment is complete. Confined to one thread while written. The blocks go to the store while
 * the segment grows, so memory holds one at most; without a store segment they stay in memory.
 */
final class IndexBlocks {
    private static final long MAGIC = 0x504E53544B494458L; // "PNSTKIDX"
    private static final int FILE_HEADER = 32;
    private static final int BLOCK_HEADER = 12;
    private static final int ENTRIES = 1;
    private static final int TRAILER = 2;
    private static final int TRAILER_LENGTH = 16;
    private static final int BLOCK_SIZE = 64 << 10;
    private static final int ENTRY_HEADER = Long.BYTES + Records.HEADER;

    private final long salt;
    private SegmentStore.@Nullable Segment out;
    private final List<byte[]> kept = new ArrayList<>();
    private ByteBuffer block = ByteBuffer.allocate(BLOCK_SIZE + BLOCK_SIZE / 8);
    private long entries;
    private boolean broken;

    /** @param out null when the index has to stay in memory */
    IndexBlocks(long number, boolean cold, long salt, SegmentStore.@Nullable Segment out) {
        this.salt = salt;
        this.out = out;
        block.position(BLOCK_HEADER);
        if (out != null) {
            ByteBuffer header = ByteBuffer.allocate(FILE_HEADER).putLong(MAGIC).putInt(SegmentHeader.VERSION)
                    .putInt(cold ? 1 : 0).putLong(number).putLong(salt).flip();
            try {
                out.append(header, 0);
            } catch (IOException _) {
                broken = true; // a scan replaces the index
            }
        }
    }

    /** Takes the record that begins at {@code at} of {@code octets} and lies at {@code position} of the segment. */
    void add(long position, ByteBuffer octets, int at) {
        int length = Records.HEADER + Records.metaLength(octets, at);
        if (block.remaining() < Long.BYTES + length) {
            flush();
            if (block.remaining() < Long.BYTES + length) {
                block = ByteBuffer.allocate(BLOCK_HEADER + Long.BYTES + length + BLOCK_SIZE).position(BLOCK_HEADER);
            }
        }
        block.putLong(position);
        block.put(block.position(), octets, at, length);
        block.position(block.position() + length);
        entries++;
        if (block.position() >= BLOCK_SIZE) {
            flush();
        }
    }

    private void flush() {
        if (block.position() > BLOCK_HEADER) {
            emit(ENTRIES);
        }
    }

    private void emit(int type) {
        block.flip();
        int length = block.limit() - BLOCK_HEADER;
        block.putInt(0, type).putInt(4, length).putInt(8, crc(salt, block, type, length));
        if (out == null) {
            byte[] copy = new byte[block.limit()];
            block.get(copy);
            kept.add(copy);
        } else if (!broken) {
            try {
                out.append(block, 0);
            } catch (IOException _) {
                broken = true;
            }
        }
        block.clear().position(BLOCK_HEADER);
    }

    /**
     * Ends the index.
     *
     * @param dataEnd where the segment's records end
     * @return whether it is whole; it isn't when the store had no room
     */
    boolean finish(long dataEnd) throws IOException {
        flush();
        block.putLong(dataEnd).putLong(entries);
        emit(TRAILER);
        if (out == null || broken) {
            return false;
        }
        out.seal(out.end());
        return true;
    }

    /** What was written so far, when it stayed in memory. */
    Index inMemory(long dataEnd) {
        flush();
        List<byte[]> blocks = List.copyOf(kept);
        return new Index(dataEnd, visitor -> {
            for (byte[] bytes : blocks) {
                ByteBuffer in = ByteBuffer.wrap(bytes);
                if (in.getInt(0) == ENTRIES) {
                    visit(in.position(BLOCK_HEADER), visitor);
                }
            }
        });
    }

    void close() throws IOException {
        if (out != null) {
            out.close();
            out = null;
            broken = true;
        }
    }

    private static int crc(long salt, ByteBuffer octets, int type, int length) {
        CRC32C crc = Records.checksum(salt);
        crc.update(type);
        crc.update(octets.slice(BLOCK_HEADER, length));
        return (int) crc.getValue();
    }

    /** A whole index: where the data ends, and its entries as often as wanted. */
    record Index(long dataEnd, Source source) {}

    /** Gives the entries. */
    @FunctionalInterface
    interface Source {
        void forEach(Visitor visitor) throws IOException;
    }

    /** Takes one entry; the buffer is valid during the call, and holds header and meta from {@code at}. */
    @FunctionalInterface
    interface Visitor {
        void entry(long position, ByteBuffer octets, int at) throws IOException;
    }

    /** @return null when the index isn't whole, whatever the reason */
    static @Nullable Index open(SegmentStore store, long number, long salt) {
        try (SegmentStore.Segment in = store.open(SegmentStore.Kind.INDEX, number)) {
            Index checked = open(in, number, salt);
            return checked == null ? null : new Index(checked.dataEnd, visitor -> {
                try (SegmentStore.Segment again = store.open(SegmentStore.Kind.INDEX, number)) {
                    read(again, number, salt, visitor, new long[1]);
                }
            });
        } catch (IOException _) {
            return null;
        }
    }

    /** As above, from a segment that stays open while the index is used. */
    static @Nullable Index open(SegmentStore.Segment in, long number, long salt) {
        try {
            long[] dataEnd = {-1};
            read(in, number, salt, null, dataEnd);
            return new Index(dataEnd[0], visitor -> read(in, number, salt, visitor, new long[1]));
        } catch (IOException _) {
            return null;
        }
    }

    private static void read(SegmentStore.Segment in, long number, long salt, @Nullable Visitor visitor,
            long[] dataEnd) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BLOCK_SIZE * 2);
        in.read(0, buffer.limit(FILE_HEADER));
        if (buffer.getLong(0) != MAGIC || buffer.getInt(8) != SegmentHeader.VERSION || buffer.getLong(16) != number
                || buffer.getLong(24) != salt) {
            throw new IOException("index " + number + " has a wrong header");
        }
        long end = in.end();
        long position = FILE_HEADER;
        long entries = 0;
        while (position < end) {
            in.read(position, buffer.clear().limit(BLOCK_HEADER));
            int type = buffer.getInt(0);
            int length = buffer.getInt(4);
            int crc = buffer.getInt(8);
            if (length < 0 || length > end - position - BLOCK_HEADER) {
                throw new IOException("index " + number + " is damaged at " + position);
            }
            if (buffer.capacity() < BLOCK_HEADER + length) {
                buffer = ByteBuffer.allocate(BLOCK_HEADER + length);
            }
            in.read(position + BLOCK_HEADER, buffer.clear().position(BLOCK_HEADER).limit(BLOCK_HEADER + length));
            if (crc(salt, buffer, type, length) != crc) {
                throw new IOException("index " + number + " is damaged at " + position);
            }
            buffer.position(BLOCK_HEADER);
            position += BLOCK_HEADER + length;
            if (type == TRAILER) {
                dataEnd[0] = buffer.getLong();
                if (length != TRAILER_LENGTH || buffer.getLong() != entries || position != end) {
                    throw new IOException("index " + number + " doesn't add up");
                }
                return;
            }
            entries += visit(buffer, visitor);
        }
        throw new EOFException("index " + number + " has no end");
    }

    private static long visit(ByteBuffer entries, @Nullable Visitor visitor) throws IOException {
        long count = 0;
        int at = entries.position();
        int limit = entries.limit();
        while (at + ENTRY_HEADER <= limit) {
            int next = at + ENTRY_HEADER + Records.metaLength(entries, at + Long.BYTES);
            if (visitor != null) {
                visitor.entry(entries.getLong(at), entries, at + Long.BYTES);
                entries.limit(limit); // a visitor may narrow it to a meta
            }
            at = next;
            count++;
        }
        return count;
    }
}
