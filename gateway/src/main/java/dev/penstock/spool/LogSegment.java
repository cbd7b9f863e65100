package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

/** A data segment in use: what of it is needed, by whom, and the handle to read it. Thread-safe. */
final class LogSegment {
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
    final Set<LogSegment> twins = ConcurrentHashMap.newKeySet();

    /** Where its records end; known when sealed. */
    volatile long sealedAt = -1;
    /** Whether its index is whole: without one it is deleted when dead, but never compacted. */
    volatile boolean indexed;
    /** Damage was met: what else is in it stays where it is until it's done. */
    volatile boolean damaged;
    /** Damage in it could not be set aside: it stays, whatever is live, and the next start scans it again. */
    volatile boolean keep;
    /** Needed tombstones that were copied here; in a cold segment they count as live. */
    final AtomicLong tombstoneBytes = new AtomicLong();
    /** {@link Reclaimer#deletions} when a compaction was found not to pay; it is worth looking again after the next. */
    volatile long notWorthAt = -1;

    /** Confined to the committer until the segment is handed to be sealed. */
    @Nullable
    IndexBlocks index;

    private final AtomicInteger users = new AtomicInteger(1);

    LogSegment(long number, boolean cold, SegmentStore.Segment data) {
        this.number = number;
        this.cold = cold;
        this.data = data;
    }

    boolean sealed() {
        return sealedAt >= 0;
    }

    long bytes() {
        return sealed() ? sealedAt : data.end();
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
