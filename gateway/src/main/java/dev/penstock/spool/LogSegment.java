package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

/**
 * A data segment in use: where it is in its life, what of it is needed, by whom, and the handle to read it. Thread-safe.
 *
 * <p>It is open, then sealing, then sealed. Sealed means that each of its records is accounted for: the message is in
 * the index and lies here, or it counts as gone; nothing that is not sealed is compacted or deleted.
 */
final class LogSegment {
    /** Where a segment is in its life; it only goes forward. */
    enum Life {
        /** Appended to. */
        OPEN,
        /** Left by who appended to it; records of the batch in which that happened may not be accounted for yet. */
        SEALING,
        /** All of its records are accounted for, and nothing is appended any more. */
        SEALED
    }

    final long number;
    final boolean cold;
    final SegmentStore.Segment data;
    /** Octets of records, and of parts being taken in, that are still needed. */
    final AtomicLong live = new AtomicLong();
    /**
     * Segments with an ACCEPTED record whose DONE lies here: while one of them exists, this one has to. Never holds the
     * segment itself: both go at once.
     */
    final Set<LogSegment> tombstonesFor = ConcurrentHashMap.newKeySet();
    /** Segments that may hold an older copy of a message whose copy here counts: a DONE has to outlive them too. */
    final Set<LogSegment> olderCopies = ConcurrentHashMap.newKeySet();

    /** ACCEPTED records in it that don't count any more: the message is done, or another copy counts. */
    final AtomicLong gone = new AtomicLong();
    private volatile Life life;
    /** Where its records end; negative while it is appended to. */
    private volatile long recordsEnd = -1;
    /** Whether its index is whole: without one it is deleted when dead, but never compacted. */
    volatile boolean indexed;
    /** Damage was met: what else is in it stays where it is until it's done. */
    volatile boolean damaged;
    /**
     * It stays, whatever is live, and the next start looks at it again: damage in it could not be set aside, or its deletion
     * was refused.
     */
    volatile boolean keep;
    /** Needed tombstones that were copied here; in a cold segment they count as live. */
    final AtomicLong tombstoneBytes = new AtomicLong();
    /** {@link Segments#changes} when a compaction was found not to pay; it is worth looking again after the next. */
    volatile long notWorthAt = -1;

    /** Confined to the committer until the segment is handed to be sealed. */
    @Nullable
    IndexBlocks index;

    private final AtomicInteger users = new AtomicInteger(1);

    /** @param life OPEN for a new one, SEALING for one found at the start */
    LogSegment(long number, boolean cold, SegmentStore.Segment data, Life life) {
        this.number = number;
        this.cold = cold;
        this.data = data;
        this.life = life;
    }

    Life life() {
        return life;
    }

    boolean sealed() {
        return life == Life.SEALED;
    }

    /** Nothing is appended any more. */
    void leave() {
        advance(Life.OPEN, Life.SEALING);
    }

    /** Every record in it is accounted for. */
    void accountedFor(long end) {
        recordsEnd = end;
        advance(Life.SEALING, Life.SEALED);
    }

    private void advance(Life from, Life to) {
        if (life != from) {
            throw new IllegalStateException(this + " is " + life + ", and can't become " + to);
        }
        life = to;
    }

    /** Where the records of a segment that was found at the start end. */
    void found(long end) {
        recordsEnd = end;
    }

    long bytes() {
        long end = recordsEnd;
        return end >= 0 ? end : data.end();
    }

    /** Reads {@code into} full. */
    void read(long position, ByteBuffer into) throws IOException {
        if (users.getAndUpdate(n -> n == 0 ? 0 : n + 1) == 0) {
            throw new ClosedChannelException();
        }
        try {
            data.read(position, into);
        } finally {
            release();
        }
    }

    boolean deleted() {
        return users.get() == 0;
    }

    /** Gives up the owner's use: closed when the last reader is gone. */
    void release() throws IOException {
        if (users.decrementAndGet() == 0) {
            data.close();
        }
    }

    @Override
    public String toString() {
        return "segment " + number;
    }
}
