package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Finds the records of a data segment by looking at every octet of it. Confined to one thread. Where a record should
 * begin and none does, it goes on eight octets further until one is found again. Zeros up to the end are room that was
 * reserved, and no damage.
 */
final class SegmentScanner {
    private static final int WINDOW = 4 << 20;

    private final SegmentStore.Segment data;
    private final long salt;
    private final long end;
    private ByteBuffer window;
    private long windowAt;

    SegmentScanner(SegmentStore.Segment data, long salt) {
        this.data = data;
        this.salt = salt;
        this.end = data.end();
        this.window = ByteBuffer.allocate((int) Math.min(WINDOW, end)).limit(0);
    }

    /** Takes what is found, in order; the buffer is valid during the call. */
    interface Findings {
        /** A whole record, at {@code at} of {@code octets}. */
        void record(long position, ByteBuffer octets, int at) throws IOException;

        /**
         * Octets that are no records.
         *
         * @param atEnd whether nothing follows
         */
        void damage(long from, long to, boolean atEnd) throws IOException;
    }

    /** @return where the last whole record ends */
    long scan(Findings findings) throws IOException {
        long position = SegmentHeader.LENGTH;
        long good = position;
        long damagedFrom = -1;
        while (position < end) {
            int length = recordAt(position);
            if (length > 0) {
                if (damagedFrom >= 0) {
                    findings.damage(damagedFrom, position, false);
                    damagedFrom = -1;
                }
                findings.record(position, window, (int) (position - windowAt));
                position = Records.align(position + length);
                good = Math.min(position, end);
                continue;
            }
            if (damagedFrom < 0) {
                if (lastNonZero(position) < position) {
                    return good;
                }
                damagedFrom = position;
            }
            position += Records.ALIGNMENT;
        }
        if (damagedFrom >= 0) {
            findings.damage(damagedFrom, lastNonZero(damagedFrom) + 1, true);
        }
        return good;
    }

    /** The length of the record at {@code position}, 0 when there is none. */
    private int recordAt(long position) throws IOException {
        if (!load(position, Records.HEADER)) {
            return 0;
        }
        int at = (int) (position - windowAt);
        if (!Records.plausible(window, at)) {
            return 0;
        }
        int length = Records.length(window, at);
        if (!load(position, length)) {
            return 0;
        }
        at = (int) (position - windowAt);
        return Records.checksum(salt, window, at, length) == window.getInt(at + Records.CRC_AT) ? length : 0;
    }

    /** Has the window hold {@code length} octets from {@code position}. */
    private boolean load(long position, int length) throws IOException {
        if (position + length > end) {
            return false;
        }
        if (position >= windowAt && position + length <= windowAt + window.limit()) {
            return true;
        }
        if (window.capacity() < length) {
            window = ByteBuffer.allocate(length);
        }
        window.clear().limit((int) Math.min(window.capacity(), end - position));
        data.read(position, window);
        window.flip();
        windowAt = position;
        return true;
    }

    private long lastNonZero(long from) throws IOException {
        ByteBuffer slice = ByteBuffer.allocate((int) Math.min(WINDOW / 4, end - from));
        for (long to = end; to > from;) {
            long start = Math.max(from, to - slice.capacity());
            slice.clear().limit((int) (to - start));
            data.read(start, slice);
            for (int i = slice.limit() - 1; i >= 0; i--) {
                if (slice.get(i) != 0) {
                    return start + i;
                }
            }
            to = start;
        }
        return from - 1;
    }
}
