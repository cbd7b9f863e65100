package dev.penstock.message;

import java.io.IOException;

/**
 * A message's header and body in wire form but for dot-stuffing: lines end in CRLF, the last one too, and no end of
 * data follows. May be read any number of times, by any thread.
 */
public interface Content {
    /** Octets before dot-stuffing. */
    long size();

    /** Whether some line begins with a dot, so that sending needs dot-stuffing (RFC 5321 4.5.2). */
    boolean hasDotLines();

    /** Whether some octet is above 127, so that sending needs 8BITMIME (RFC 6152). */
    boolean hasEightBit();

    /**
     * Gives the octets in order. Content that isn't in memory is read piece by piece while this call runs; the calling
     * thread may be a virtual one.
     *
     * @throws IOException when reading failed, or thrown by {@code sink}
     */
    void forEachChunk(ChunkSink sink) throws IOException;

    /** Takes pieces of content; the array is valid only during the call. */
    @FunctionalInterface
    interface ChunkSink {
        void accept(byte[] bytes, int offset, int length) throws IOException;
    }
}
