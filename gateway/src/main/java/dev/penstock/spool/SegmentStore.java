package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Where segments are kept: append, sync, seal, read, delete. The local disk is one such place
 * ({@link FileSegmentStore}); a replicated log is meant to be another. Thread-safe; its segments say for themselves.
 *
 * <p>A position is what {@link Segment#append} returned and counts octets from there to the end of what was appended
 * then; apart from that, callers take positions as opaque.
 */
interface SegmentStore extends AutoCloseable {
    /** What a segment holds. */
    enum Kind {
        /** Records. */
        DATA,
        /** What a sealed data segment of the same number holds, without content. */
        INDEX
    }

    /** The numbers of all published segments, ascending. */
    List<Long> list(Kind kind) throws IOException;

    /**
     * Starts a segment. It is lost at a crash, and in no list, until it is {@link #publish published}.
     *
     * @throws NoSpaceException when there is no room
     */
    Segment create(Kind kind, long number) throws IOException;

    /** Makes a segment permanent, durably. What it holds must be synced before. */
    void publish(Kind kind, long number) throws IOException;

    /** Opens a published segment. */
    Segment open(Kind kind, long number) throws IOException;

    /** Deletes a segment, published or not; durable after {@link #syncDeletes}. Readers that have it open may go on. */
    void delete(Kind kind, long number) throws IOException;

    /** Makes all deletes so far durable. */
    void syncDeletes() throws IOException;

    /** Octets that can still be stored. */
    long usableSpace() throws IOException;

    /**
     * Keeps damaged octets for people to look at, under a name that says where they were; does nothing when that name
     * was set aside before.
     *
     * @return false when it was there before
     */
    boolean setAside(String name, ByteBuffer octets, String note) throws IOException;

    /** Gives up the exclusive use of the store. */
    @Override
    void close() throws IOException;

    /** One segment. {@link #append} and {@link #truncate} belong to one thread; the rest is thread-safe. */
    interface Segment extends AutoCloseable {
        long number();

        /**
         * Appends all of {@code octets}, not yet durably.
         *
         * @return the position of the first octet
         * @throws NoSpaceException when there is no room: nothing of it remains
         */
        long append(ByteBuffer octets) throws IOException;

        /**
         * Sets room aside, so that as many octets beyond the {@link #end} can be appended without running out of it.
         *
         * @throws NoSpaceException when there isn't as much
         */
        void reserve(long octets) throws IOException;

        /** Octets that can be appended for certain. */
        long reserved();

        /** Makes all appends that have returned durable. A failure is final: nobody knows what is on the medium then. */
        void sync() throws IOException;

        /** Gives back what is reserved; nothing is appended any more. */
        void seal() throws IOException;

        /**
         * Reads as much as {@code into} has room for.
         *
         * @throws java.io.EOFException when the segment ends before
         */
        void read(long position, ByteBuffer into) throws IOException;

        /** The position after the last octet, reserved room that reads as zeros included when the segment was opened. */
        long end();

        /**
         * Writes the octets between two positions again as they are read, so that the next sync has them to do: after
         * one that failed, a kernel takes them for written.
         */
        void rewrite(long from, long to) throws IOException;

        /** Drops everything from {@code position} on. */
        void truncate(long position) throws IOException;

        @Override
        void close() throws IOException;
    }
}
