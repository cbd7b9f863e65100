package dev.penstock.message;

import java.io.IOException;

/** Content held in one array. Immutable by agreement: the array is not copied and nobody writes to it. */
public final class MemoryContent implements Content {
    private final byte[] bytes;
    private final int offset;
    private final int length;
    private final boolean hasDotLines;
    private final boolean hasEightBit;

    public MemoryContent(byte[] bytes, int offset, int length, boolean hasDotLines, boolean hasEightBit) {
        this.bytes = bytes;
        this.offset = offset;
        this.length = length;
        this.hasDotLines = hasDotLines;
        this.hasEightBit = hasEightBit;
    }

    /** Wraps the whole of {@code bytes}, finding out by one scan whether it has dot lines and 8-bit octets. */
    public static MemoryContent of(byte[] bytes) {
        boolean dotLines = false;
        boolean eightBit = false;
        byte previous = '\n';
        for (byte b : bytes) {
            dotLines |= b == '.' && previous == '\n';
            eightBit |= b < 0;
            previous = b;
        }
        return new MemoryContent(bytes, 0, bytes.length, dotLines, eightBit);
    }

    @Override
    public long size() {
        return length;
    }

    @Override
    public boolean hasDotLines() {
        return hasDotLines;
    }

    @Override
    public boolean hasEightBit() {
        return hasEightBit;
    }

    @Override
    public void forEachChunk(ChunkSink sink) throws IOException {
        sink.accept(bytes, offset, length);
    }
}
