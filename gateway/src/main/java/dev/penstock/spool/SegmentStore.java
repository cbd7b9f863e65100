package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Where segments are kept: append, sync, seal, read, delete. The local disk is one such place
 * ({@link FileSegmentStore}), a replicated log of ledgers can be another. Thread-safe; its segments say for themselves.
 *
 * <p>A store has one owner at a time: who opens it either is refused while another has it, or fences that other off, whose
 * appends, publications and deletions fail from then on.
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
     * @param room octets that can be appended to it for certain
     * @throws NoSpaceException when there is no room
     */
    Segment create(Kind kind, long number, long room) throws IOException;

    /** Makes a segment permanent, durably. What it holds must be synced before. */
    void publish(Kind kind, long number) throws IOException;

    /** Opens a published segment to be read, and sealed if it wasn't. Nobody appends to it any more. */
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

    /** One segment. {@link #append} and {@link #seal} belong to one thread; the rest is thread-safe. */
    interface Segment extends AutoCloseable {
        long number();

        /**
         * Appends all of {@code octets}, not yet durably, if there is {@link #room} for {@code spare} more behind them.
         *
         * @return the position of the first octet
         * @throws NoSpaceException when there is no room for both: nothing of it remains, and the room that there was
         *                          for certain still is
         */
        long append(ByteBuffer octets, long spare) throws IOException;

        /** Octets that can be appended for certain; only appending takes from it. */
        long room();

        /** Makes all appends that have returned durable. A failure is final: nobody knows what is on the medium then. */
        void sync() throws IOException;

        /**
         * Ends the segment at {@code end}, durably: what lies behind is dropped, and nothing is appended any more.
         */
        void seal(long end) throws IOException;

        /**
         * Reads as much as {@code into} has room for.
         *
         * @throws java.io.EOFException when the segment ends before
         */
        void read(long position, ByteBuffer into) throws IOException;

        /**
         * The position after the last octet. In a segment that was opened and isn't sealed, what a crash left behind its
         * last append is counted too: part of an append, or zeros.
         */
        long end();

        /**
         * Makes durable what is read between two positions, whatever became of the syncs before: after one that failed, a
         * kernel takes for written what isn't.
         */
        void secure(long from, long to) throws IOException;

        @Override
        void close() throws IOException;
    }
}
