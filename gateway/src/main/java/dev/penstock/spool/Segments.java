package dev.penstock.spool;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.spool.SegmentStore.Kind;

/**
 * The data segments there are: making, sealing, deleting them. Thread-safe. Nothing else deletes a published segment.
 */
final class Segments {
    private static final Logger log = LoggerFactory.getLogger(Segments.class);
    /** Room that a new segment begins with: some 2,000 messages. With less, mail is refused rather than begun with. */
    private static final long FIRST_ROOM = 8 << 20;

    private final SegmentStore store;
    private final SpoolState state;
    private final long salt;
    private final long capacity;
    private final LongSupplier highId;
    private final ConcurrentNavigableMap<Long, LogSegment> all = new ConcurrentSkipListMap<>();
    private final AtomicLong nextNumber;
    /** The number of the hot segment begun last; confined to who begins them. */
    private long newestInService;
    /** Segments sealed or deleted since the start: what a compaction gains changes with it. */
    private final AtomicLong changes = new AtomicLong();
    private final AtomicReference<@Nullable LogSegment> spare = new AtomicReference<>();

    Segments(SegmentStore store, SpoolState state, long salt, long capacity, Collection<LogSegment> found,
            long nextNumber,
            LongSupplier highId) {
        this.store = store;
        this.state = state;
        this.salt = salt;
        this.capacity = capacity;
        this.highId = highId;
        this.nextNumber = new AtomicLong(nextNumber);
        found.forEach(segment -> all.put(segment.number, segment));
    }

    Collection<LogSegment> all() {
        return all.values();
    }

    boolean exists(long number) {
        return all.containsKey(number);
    }

    /**
     * Takes the spare segment, or makes one, and puts it into service. Numbers grow in the order of service: recovery
     * takes the highest for the one that was being written to.
     */
    LogSegment activate() throws IOException {
        LogSegment segment = spare.getAndSet(null);
        if (segment != null && segment.number < newestInService) { // was being made when the last one was needed
            discard(segment);
            segment = null;
        }
        if (segment == null) {
            segment = create(false, Math.min(FIRST_ROOM, capacity));
        }
        return activate(segment);
    }

    /** The first segment of a start. Where there is no room it has none for certain: what is queued can still be delivered. */
    LogSegment activateFirst() throws IOException {
        try {
            return activate();
        } catch (NoSpaceException _) {
            return activate(create(false, 0));
        }
    }

    private LogSegment activate(LogSegment segment) throws IOException {
        try {
            segment.data.append(new SegmentHeader(segment.number, false, salt, highId.getAsLong()).encode(), 0);
            segment.data.sync();
            store.publish(Kind.DATA, segment.number);
        } catch (IOException e) {
            discard(segment);
            throw e;
        }
        newestInService = segment.number;
        all.put(segment.number, segment);
        return segment;
    }

    /** Has a spare segment ready. */
    void prepareSpare() throws IOException {
        if (spare.get() == null) {
            LogSegment made = create(false, Math.min(FIRST_ROOM, capacity));
            if (!spare.compareAndSet(null, made)) {
                discard(made);
            }
        }
    }

    private LogSegment create(boolean cold, long room) throws IOException {
        long number = nextNumber.getAndIncrement();
        LogSegment segment = new LogSegment(number, cold, store.create(Kind.DATA, number, room),
                LogSegment.Life.OPEN);
        try {
            segment.index = new IndexBlocks(number, cold, salt, store.create(Kind.INDEX, number, 0));
            return segment;
        } catch (IOException e) {
            discard(segment);
            throw e;
        }
    }

    /** A cold segment, its header written; nobody sees it before {@link #publishCold}. */
    LogSegment createCold() throws IOException {
        LogSegment segment = create(true, 0);
        try {
            segment.data.append(new SegmentHeader(segment.number, true, salt, highId.getAsLong()).encode(), 0);
            return segment;
        } catch (IOException e) {
            discard(segment);
            throw e;
        }
    }

    void publishCold(LogSegment segment) throws IOException {
        segment.leave();
        segment.data.seal(segment.data.end());
        finishIndex(segment, segment.data.end());
        store.publish(Kind.DATA, segment.number);
        segment.accountedFor(segment.data.end());
        all.put(segment.number, segment);
    }

    /** Forgets a segment that wasn't published. */
    void discard(LogSegment segment) {
        try {
            if (segment.index != null) {
                segment.index.close();
            }
            segment.release();
            store.delete(Kind.INDEX, segment.number);
            store.delete(Kind.DATA, segment.number);
        } catch (IOException e) {
            log.warn("event=spool-discard segment={}", segment.number, e);
        }
    }

    /**
     * Seals a segment that the committer has left, and whose records are all accounted for. Failures cost a scan at the
     * next start, no more.
     */
    void seal(LogSegment segment) {
        long end = segment.data.end();
        try {
            segment.data.seal(end);
            finishIndex(segment, end);
        } catch (IOException e) {
            log.warn("event=spool-seal segment={}", segment.number, e);
        }
        segment.accountedFor(end);
        changes.incrementAndGet();
    }

    private void finishIndex(LogSegment segment, long end) throws IOException {
        IndexBlocks index = segment.index;
        segment.index = null;
        if (index == null) {
            return;
        }
        try {
            if (index.finish(end)) {
                store.publish(Kind.INDEX, segment.number);
                segment.indexed = true;
            } else {
                store.delete(Kind.INDEX, segment.number);
            }
        } finally {
            index.close();
        }
    }

    /** Has the last word on a deletion. */
    interface Audit {
        /** @return why the segment can't go, null when nothing in it is needed */
        @Nullable
        String objection(LogSegment segment);
    }

    /**
     * Deletes segments durably; only then are they gone for those that hold tombstones for them.
     *
     * @param audit asked about each of them, immediately before; what it objects to stays, and is not asked for again
     * @return how many were deleted
     */
    int delete(Collection<LogSegment> candidates, Audit audit) throws IOException {
        List<LogSegment> deleted = new ArrayList<>();
        for (LogSegment segment : candidates) {
            String objection = audit.objection(segment);
            if (objection != null) {
                segment.keep = true;
                state.refusedDeletion("%s is kept: %s".formatted(segment, objection));
                continue;
            }
            store.delete(Kind.DATA, segment.number);
            store.delete(Kind.INDEX, segment.number);
            deleted.add(segment);
        }
        if (deleted.isEmpty()) {
            return 0;
        }
        store.syncDeletes();
        for (LogSegment segment : deleted) {
            all.remove(segment.number);
            segment.release();
        }
        for (LogSegment left : all.values()) {
            deleted.forEach(left.olderCopies::remove);
        }
        changes.addAndGet(deleted.size());
        return deleted.size();
    }

    long changes() {
        return changes.get();
    }

    void close() {
        LogSegment unused = spare.getAndSet(null);
        if (unused != null) {
            discard(unused);
        }
        for (LogSegment segment : all.values()) {
            try {
                segment.release();
            } catch (IOException e) {
                log.warn("event=spool-close segment={}", segment.number, e);
            }
        }
    }
}
