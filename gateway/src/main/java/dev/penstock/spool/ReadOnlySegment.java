package dev.penstock.spool;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** A segment that is only read. The channel is its opener's. */
record ReadOnlySegment(long number, FileChannel channel) implements SegmentStore.Segment {
    @Override
    public void read(long position, ByteBuffer into) throws IOException {
        FileSegmentStore.readFully(number, channel, position, into);
    }

    @Override
    public long end() {
        try {
            return channel.size();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public long append(ByteBuffer octets, long spare) {
        throw readOnly();
    }

    @Override
    public long room() {
        return 0;
    }

    @Override
    public void sync() {
        throw readOnly();
    }

    @Override
    public void seal(long end) {
        throw readOnly();
    }

    @Override
    public void secure(long from, long to) {
        throw readOnly();
    }

    @Override
    public void close() {
        // the channel is its opener's
    }

    private static UnsupportedOperationException readOnly() {
        return new UnsupportedOperationException("an inspected spool is not written to");
    }
}
