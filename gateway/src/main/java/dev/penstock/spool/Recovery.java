package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.message.Destination;
import dev.penstock.message.MessageId;
import dev.penstock.spool.IndexBlocks.Index;
import dev.penstock.spool.SegmentStore.Kind;
import dev.penstock.spool.SpooledMessage.Attempt;
import dev.penstock.spool.SpooledMessage.ExtendedState;
import dev.penstock.spool.SpooledMessage.Place;

/**
 * Finds out what a spool holds when it is opened. Confined to the opening thread.
 *
 * <p>Every segment gets an index: read from beside it, or made by a scan. Then two passes over the indexes, in which
 * the order of segments means nothing: first all DONE, ATTEMPT and KEY, then all ACCEPTED. Damage is set aside and
 * counted, and stops nothing.
 *
 * <p>A HELD message whose KEY isn't there is thrown away: nobody was told of it. Not so where its KEY may have been
 * lost, by damage or by a version that lets KEY records go: then it counts, and a KEY without a key is written for it.
 */
final class Recovery {
    private static final Logger log = LoggerFactory.getLogger(Recovery.class);
    /** Damaged octets are set aside in pieces of this size. */
    private static final int SET_ASIDE_PIECE = 16 << 20;

    private final SegmentStore store;
    private final Spool.RecoveryListener listener;
    private final SpoolState state;

    private final NavigableMap<Long, LogSegment> segments = new TreeMap<>();
    private final Map<LogSegment, Index> indexes = new HashMap<>();
    private final Map<LogSegment, List<Long>> replaces = new HashMap<>();
    /**
     * Sources of a compaction that was cut short before they were deleted. What their DONE say may not have reached the
     * copy yet, so they go when the {@link #repairs} are durable.
     */
    final Set<LogSegment> superseded = new HashSet<>();
    private final Long2ObjectHashMap<Tombstone> tombstones = new Long2ObjectHashMap<>();
    private final Long2ObjectHashMap<FoundAttempt> attempts = new Long2ObjectHashMap<>();
    final MessageIndex index = new MessageIndex();
    final ContentStreams streams = new ContentStreams();
    final List<Repair> repairs = new ArrayList<>();
    private final Map<LogSegment, Index> scanned = new HashMap<>();
    private final Long2ObjectHashMap<FoundKey> keys = new Long2ObjectHashMap<>();
    /** Requests whose KEY may be on the medium only because its sync was cut short: it never counted. */
    private final Set<Long> torn = new HashSet<>();
    /** Messages that count without the KEY of their request, by that. */
    final Map<Long, List<SpooledMessage>> orphans = new HashMap<>();
    final KeyTable keyTable;
    private boolean keysMayBeLost;
    /** The highest number of a segment written by who doesn't keep KEY records. */
    private long unkeyed = -1;
    private @Nullable LogSegment lastHot;
    long salt;
    long highId;
    long highNumber;
    int highSerial;

    Recovery(SegmentStore store, Spool.RecoveryListener listener, SpoolState state, KeyTable keyTable) {
        this.store = store;
        this.listener = listener;
        this.state = state;
        this.keyTable = keyTable;
    }

    /** A KEY record; {@code in} and {@code position} are of the copy that counts. */
    private record FoundKey(@Nullable IdempotencyKey key, KeyEntry entry, LogSegment in, long position, int length) {}

    /** A DONE record; the next one of the same message. */
    private record Tombstone(int destination, LogSegment in, List<Long> targets, @Nullable Tombstone next) {}

    /** The last ATTEMPT record of a destination; the next destination of the same message. */
    private record FoundAttempt(int destination, int serial, LogSegment in, long position, int length, int named,
            int attempts,
            long nextMillis, Orders orders, @Nullable FoundAttempt next) {}

    /** A DONE record that has to be written again, because no DONE names this segment. */
    record Repair(long id, int destination, LogSegment target) {}

    java.util.Collection<LogSegment> segments() {
        return segments.values();
    }

    void run() throws IOException {
        openSegments();
        for (LogSegment segment : segments.values()) {
            indexes.put(segment, indexOf(segment));
        }
        findSuperseded();
        for (LogSegment segment : segments.values()) {
            TornKeys tornKeys = new TornKeys(segment.number);
            forEach(segment, (position, octets, at) -> {
                endsAndAttempts(segment, position, octets, at);
                tornKeys.record(octets, at);
            });
            torn.addAll(tornKeys.torn());
        }
        for (LogSegment segment : newestCopiesFirst()) {
            if (!superseded.contains(segment)) {
                forEach(segment, (position, octets, at) -> accepted(segment, position, octets, at));
            }
        }
        for (LogSegment segment : List.copyOf(superseded)) {
            verifySuperseded(segment);
        }
        for (FoundKey found : keys.values()) {
            if (!torn.contains(found.entry.request)) {
                found.entry.written(found.in, found.position, found.length);
                keyTable.recorded(found.key, found.entry);
            }
        }
        scanned.forEach((segment, index) -> {
            if (!segment.keep && (orphans.isEmpty() || !keysMayBeLost)) { // else the next start has to see it too
                keepIndex(segment, index);
            }
        });
        segments.values().forEach(segment -> segment.accountedFor(segment.bytes()));
    }

    /**
     * Each message of a source is done, or lies in the copy. What doesn't is recovered from the source, which stays then;
     * and as long as a source is there, whatever the reason, DONE records name it.
     */
    private void verifySuperseded(LogSegment source) throws IOException {
        forEach(source, (position, octets, at) -> accepted(source, position, octets, at));
        if (source.live.get() > 0) {
            superseded.remove(source);
            state.refusedDeletion(source + " is kept: a compaction was cut short, and its copy lacks something");
        }
    }

    private interface EntryVisitor {
        void entry(long position, ByteBuffer octets, int at) throws IOException;
    }

    private void forEach(LogSegment segment, EntryVisitor visitor) throws IOException {
        Index found = indexes.get(segment);
        if (found != null) {
            found.source().forEach((position, octets, at) -> {
                try {
                    visitor.entry(position, octets, at);
                } catch (IllegalArgumentException e) {
                    keysMayBeLost = true;
                    setAside(segment, position, Records.length(octets, at), "unreadable: " + e.getMessage(), true);
                    if (Records.type(octets, at) == Records.ACCEPTED) {
                        segment.gone.incrementAndGet();
                    }
                }
            });
        }
    }

    private void openSegments() throws IOException {
        List<Long> numbers = store.list(Kind.DATA);
        for (long number : store.list(Kind.INDEX)) {
            highNumber = Math.max(highNumber, number);
            if (!numbers.contains(number)) {
                store.delete(Kind.INDEX, number);
            }
        }
        boolean salted = false;
        for (long number : numbers) {
            highNumber = Math.max(highNumber, number);
            SegmentStore.Segment data = store.open(Kind.DATA, number);
            SegmentHeader header = header(data);
            if (header != null) {
                salt = header.salt();
                salted = true;
                highId = Math.max(highId, header.highId());
                unkeyed = header.keyed() ? unkeyed : Math.max(unkeyed, number);
            }
            LogSegment segment = new LogSegment(number, header != null && header.cold(), data,
                    LogSegment.Life.SEALING);
            segments.put(number, segment);
            if (!segment.cold) {
                lastHot = header == null ? null : segment; // without a header nothing in it can be judged torn
            }
        }
        if (!salted) {
            salt = new SecureRandom().nextLong();
        }
    }

    private static @Nullable SegmentHeader header(SegmentStore.Segment data) throws IOException {
        ByteBuffer octets = ByteBuffer.allocate((int) Math.min(SegmentHeader.LENGTH, data.end()));
        data.read(0, octets);
        return SegmentHeader.decode(octets.clear());
    }

    private Index indexOf(LogSegment segment) throws IOException {
        Index found = IndexBlocks.open(store, segment.number, salt);
        if (found == null) {
            return scan(segment);
        }
        segment.indexed = true;
        long end = segment.data.end();
        segment.found(Math.min(found.dataEnd(), end));
        if (end >= found.dataEnd()) {
            return found;
        }
        segment.damaged = true;
        keysMayBeLost = true;
        return new Index(end, visitor -> found.source().forEach((position, octets, at) -> {
            // what the index says of DONE and KEY is as good as the records
            boolean isThere = position + Records.length(octets, at) <= end;
            byte type = Records.type(octets, at);
            if (isThere || type == Records.DONE || type == Records.KEY) {
                visitor.entry(position, octets, at);
            }
            if (!isThere && type != Records.DONE) {
                setAside(segment, position, 0, "the segment ends before this record does", true);
            }
        }));
    }

    private Index scan(LogSegment segment) throws IOException {
        boolean last = segment == lastHot;
        IndexBlocks inMemory = new IndexBlocks(segment.number, segment.cold, salt, null);
        long[] tornAt = {-1};
        long[] synced = {SegmentHeader.LENGTH};
        boolean[] keysSince = {false};
        long end = new SegmentScanner(segment.data, salt).scan(new SegmentScanner.Findings() {
            @Override
            public void record(long position, ByteBuffer octets, int at) {
                inMemory.add(position, octets, at);
                switch (Records.type(octets, at)) {
                    case Records.KEY -> keysSince[0] = true;
                    case Records.SYNCED -> {
                        keysMayBeLost |= segment.damaged;
                        keysSince[0] = false;
                        synced[0] = position;
                    }
                    default -> {
                        // no news of keys
                    }
                }
            }

            @Override
            public void damage(long from, long to, boolean atEnd) throws IOException {
                boolean torn = atEnd && last;
                if (torn) {
                    tornAt[0] = from;
                } else {
                    segment.damaged = true;
                    keysMayBeLost |= !last; // in the last one it may be what a lost sync left
                }
                setAside(segment, from, to - from,
                        torn ? "torn tail, cut off: its sync had not returned" : "not a record", !torn);
            }
        });
        if (last) {
            segment.data.seal(Math.min(end, segment.data.end())); // what is recovered from it may never have been synced
        }
        if (keysSince[0]) {
            // retries are answered from them, so they have to be there tomorrow too; a sync that failed may have left
            // them, and their messages, in the page cache only
            segment.data.secure(synced[0], Math.min(end, segment.data.end()));
        }
        segment.found(Math.min(end, segment.data.end()));
        Index index = inMemory.inMemory(end);
        scanned.put(segment, index);
        return index;
    }

    /** Spares the next start the scan. Not having room for that is no reason not to start. */
    private void keepIndex(LogSegment segment, Index index) {
        try {
            store.delete(Kind.INDEX, segment.number);
            IndexBlocks out = new IndexBlocks(segment.number, segment.cold, salt,
                    store.create(Kind.INDEX, segment.number, 0));
            try {
                index.source().forEach(out::add);
                if (out.finish(index.dataEnd())) {
                    store.publish(Kind.INDEX, segment.number);
                    segment.indexed = true;
                }
            } finally {
                out.close();
            }
        } catch (IOException e) {
            log.warn("event=spool-index segment={} why={}", segment.number, e.getMessage());
        }
    }

    private void setAside(LogSegment segment, long from, long length, String note, boolean count) {
        if (count) {
            state.quarantined.increment();
        }
        try {
            long to = Math.max(from, Math.min(from + length, segment.data.end()));
            long at = from;
            do {
                ByteBuffer octets = ByteBuffer.allocate((int) Math.min(SET_ASIDE_PIECE, to - at));
                segment.data.read(at, octets);
                store.setAside("segment-%06d-at-%d".formatted(segment.number, at), octets.flip(),
                        "segment " + segment.number + ", octets " + from + " to " + (from + length) + ": " + note);
                at += octets.limit();
            } while (at < to);
        } catch (IOException e) {
            segment.keep = true;
            log.warn("event=spool-quarantine segment={} from={} length={} note={} why={}", segment.number,
                    from, length, note, e.getMessage());
        }
    }

    /** A compaction that was cut short between publishing the copy and deleting its sources: the copy has it all. */
    private void findSuperseded() throws IOException {
        for (LogSegment segment : segments.values()) {
            if (segment.cold) {
                forEach(segment, (_, octets, at) -> {
                    if (Records.type(octets, at) == Records.REPLACES) {
                        List<Long> numbers = new ArrayList<>();
                        for (long number : Metas.numbers(octets, at)) {
                            if (segments.containsKey(number)) {
                                numbers.add(number);
                            }
                        }
                        replaces.put(segment, numbers);
                    }
                });
            }
        }
        for (Map.Entry<LogSegment, List<Long>> entry : replaces.entrySet()) {
            LogSegment copy = entry.getKey();
            if (entry.getValue().isEmpty()) {
                continue;
            }
            boolean whole = isWhole(copy);
            for (long number : entry.getValue()) {
                LogSegment source = segments.get(number);
                if (source == null) {
                    continue;
                }
                if (whole) {
                    superseded.add(source);
                } else {
                    copy.olderCopies.add(source);
                }
            }
        }
    }

    private boolean isWhole(LogSegment segment) throws IOException {
        if (segment.damaged) {
            return false;
        }
        boolean[] whole = {true};
        Set<Long> found = new HashSet<>();
        long end = new SegmentScanner(segment.data, salt).scan(new SegmentScanner.Findings() {
            @Override
            public void record(long position, ByteBuffer octets, int at) {
                found.add(position);
            }

            @Override
            public void damage(long from, long to, boolean atEnd) {
                whole[0] = false;
            }
        });
        forEach(segment, (position, _, _) -> whole[0] &= found.contains(position));
        return whole[0] && end == segment.bytes();
    }

    private void endsAndAttempts(LogSegment segment, long position, ByteBuffer octets, int at) {
        long id = Records.id(octets, at);
        if (Long.compareUnsigned(id, highId) > 0) {
            highId = id;
        }
        int destination = Records.destination(octets, at);
        switch (Records.type(octets, at)) {
            case Records.DONE -> tombstones.put(id,
                    new Tombstone(destination, segment, numbers(octets, at), tombstones.get(id)));
            case Records.ATTEMPT -> {
                AttemptState left = Metas.attempt(octets, at);
                int serial = Records.serial(octets, at);
                FoundAttempt others = attempts.get(id);
                FoundAttempt before = attemptOf(others, destination);
                if (attempts.isEmpty() || serial - highSerial > 0) {
                    highSerial = serial;
                }
                if (before == null || serial - before.serial > 0
                        || serial == before.serial && superseded.contains(before.in)) {
                    attempts.put(id, new FoundAttempt(destination, serial, segment, position,
                            Records.length(octets, at), Metas.named(left), left.attempts(),
                            left.nextMillis(), left.orders(), without(others, destination)));
                }
            }
            case Records.KEY -> {
                Metas.Key meta = Metas.key(octets, at);
                FoundKey other = keys.get(id);
                if (other == null || isNewer(segment, other.in)) {
                    keys.put(id, new FoundKey(meta.key(), new KeyEntry(id, meta.expiresMillis()), segment, position,
                            Records.length(octets, at)));
                }
            }
            default -> {
                // ACCEPTED has its own pass, PART is named by it
            }
        }
    }

    /** Of two segments with copies of one record, whether the first has the one that counts. */
    private boolean isNewer(LogSegment one, LogSegment other) {
        if (superseded.contains(one) != superseded.contains(other)) {
            return superseded.contains(other);
        }
        return one.cold && (!other.cold || one.number > other.number);
    }

    private static List<Long> numbers(ByteBuffer octets, int at) {
        long[] numbers = Metas.numbers(octets, at);
        return numbers.length == 1 ? List.of(numbers[0]) : Arrays.stream(numbers).boxed().toList();
    }

    private static @Nullable FoundAttempt attemptOf(@Nullable FoundAttempt first, int destination) {
        FoundAttempt left = first;
        while (left != null && left.destination != destination) {
            left = left.next;
        }
        return left;
    }

    private static @Nullable FoundAttempt without(@Nullable FoundAttempt first, int destination) {
        if (first == null || first.destination == destination) {
            return first == null ? null : first.next;
        }
        return new FoundAttempt(first.destination, first.serial, first.in, first.position, first.length, first.named,
                first.attempts,
                first.nextMillis, first.orders, without(first.next, destination));
    }

    /** A message that was copied twice has its newest copy in the cold segment with the highest number. */
    private List<LogSegment> newestCopiesFirst() {
        List<LogSegment> cold = new ArrayList<>(segments.values().stream().filter(s -> s.cold).toList());
        cold.sort(Comparator.comparingLong((LogSegment s) -> s.number).reversed());
        List<LogSegment> order = new ArrayList<>(cold);
        order.addAll(segments.values().stream().filter(s -> !s.cold).toList());
        return Collections.unmodifiableList(order);
    }

    /** Whether a message that is held for this request, 0 for none, never counted. */
    private boolean isUnfinished(LogSegment segment, long request) {
        return request != 0
                && (keys.containsKey(request)
                        ? torn.contains(request)
                        : !keysMayBeLost && segment.number > unkeyed);
    }

    private void accepted(LogSegment segment, long position, ByteBuffer octets, int at) {
        if (Records.type(octets, at) != Records.ACCEPTED) {
            return;
        }
        long id = Records.id(octets, at);
        int destinations = Records.destination(octets, at);
        int open = 0;
        boolean[] done = new boolean[destinations];
        for (int destination = 0; destination < destinations; destination++) {
            done[destination] = isDone(id, destination, segment);
            open += done[destination] ? 0 : 1;
        }
        if (open == 0) {
            segment.gone.incrementAndGet();
            return;
        }
        long request = Metas.request(octets, at);
        if (isUnfinished(segment, request)) {
            segment.gone.incrementAndGet();
            for (int destination = 0; destination < destinations; destination++) {
                if (!done[destination]) {
                    repairs.add(new Repair(id, destination, segment));
                }
            }
            return;
        }
        SpooledMessage newer = index.get(id);
        if (newer != null) {
            segment.gone.incrementAndGet();
            LogSegment counts = newer.segment;
            if (counts != null && counts != segment) {
                counts.olderCopies.add(segment);
            }
            return;
        }
        Metas.Accepted accepted = Metas.accepted(octets, at);
        List<Destination> found = accepted.envelope().destinations();
        if (found.size() != destinations) {
            throw new IllegalArgumentException("the number of destinations is wrong");
        }
        SpooledMessage message = new SpooledMessage(id);
        message.segment = segment;
        message.position = position;
        message.length = Records.length(octets, at);
        message.open = open;
        if (destinations > 1 || accepted.streamId() != 0) {
            message.state = extendedState(accepted, done, Records.serial(octets, at));
        }
        segment.live.addAndGet(message.length);
        index.put(message);
        FoundKey key = request == 0 ? null : keys.get(request);
        if (key != null) {
            keyTable.needs(id, key.entry);
        } else if (request != 0) {
            orphans.computeIfAbsent(request, _ -> new ArrayList<>()).add(message);
        }
        if (accepted.streamId() != 0) {
            streams.accepted(message);
        }
        state.messages.incrementAndGet();
        FoundAttempt lefts = attempts.get(id);
        for (int destination = 0; destination < destinations; destination++) {
            if (done[destination]) {
                continue;
            }
            FoundAttempt left = attemptOf(lefts, destination);
            if (left != null) {
                Attempt attempt = new Attempt(left.named, null);
                attempt.written(left.in, left.position, left.length);
                message.attempt(destination, attempt);
            }
            listener.recovered(new QueuedDestination(new SpoolEntry(message, destination), accepted.envelope(),
                    found.get(destination).domain(), left == null ? 0 : left.attempts,
                    left == null ? 0 : left.nextMillis, accepted.contentLength(),
                    left == null ? Orders.NONE : left.orders));
        }
    }

    private ExtendedState extendedState(Metas.Accepted accepted, boolean[] done, int revision) {
        ExtendedState extended = new ExtendedState(done.length);
        for (int destination = 0; destination < done.length; destination++) {
            extended.done.set(destination, done[destination]);
            extended.doneWritten.set(destination, done[destination]);
        }
        extended.streamId = accepted.streamId();
        extended.revision = revision;
        extended.content = new Place[accepted.parts().size()];
        for (int i = 0; i < extended.content.length; i++) {
            Metas.PartPlace part = accepted.parts().get(i);
            LogSegment in = segments.get(part.segment());
            if (in == null) {
                throw new IllegalArgumentException("part " + i + " of " + new MessageId(extended.streamId)
                        + " lies in segment " + part.segment() + ", which is gone");
            }
            extended.content[i] = new Place(in, part.position(), part.length());
        }
        for (Place place : extended.content) {
            place.segment().live.addAndGet(place.length());
        }
        return extended;
    }

    /** Looks for the DONE records, and has each hold its segment as long as {@code segment} exists. */
    private boolean isDone(long id, int destination, LogSegment segment) {
        boolean done = false;
        boolean names = false;
        for (Tombstone stone = tombstones.get(id); stone != null; stone = stone.next) {
            if (stone.destination == destination) {
                done = true;
                if (stone.in != segment) {
                    stone.in.tombstonesFor.add(segment);
                }
                names |= stone.targets.contains(segment.number);
            }
        }
        if (done && !names) {
            repairs.add(new Repair(id, destination, segment));
        }
        return done;
    }
}
