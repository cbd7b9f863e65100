package dev.penstock.message;

import java.io.IOException;

/**
 * Content held in memory: one array, and perhaps another whose octets go before it. Immutable by agreement: the arrays are
 * not copied and nobody writes to them.
 */
public final class MemoryContent implements Content {
    private static final byte[] NOTHING = {};

    private final byte[] before;
    private final byte[] bytes;
    private final int offset;
    private final int length;
    private final boolean hasDotLines;
    private final boolean hasEightBit;

    public MemoryContent(byte[] bytes, int offset, int length, boolean hasDotLines, boolean hasEightBit) {
        this(NOTHING, bytes, offset, length, hasDotLines, hasEightBit);
    }

    /** All of {@code before}, then the beginning of {@code bytes}. */
    public MemoryContent(byte[] before, byte[] bytes, int length, boolean hasDotLines, boolean hasEightBit) {
        this(before, bytes, 0, length, hasDotLines, hasEightBit);
    }

    private MemoryContent(byte[] before, byte[] bytes, int offset, int length, boolean hasDotLines,
            boolean hasEightBit) {
        this.before = before;
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
        return (long) before.length + length;
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
        if (before.length > 0) {
            sink.accept(before, 0, before.length);
        }
        sink.accept(bytes, offset, length);
    }
}
