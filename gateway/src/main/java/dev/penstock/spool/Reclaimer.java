package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.spool.IndexBlocks.Index;
import dev.penstock.spool.SegmentStore.Kind;
import dev.penstock.spool.SpooledMessage.Attempt;
import dev.penstock.spool.SpooledMessage.ExtendedState;
import dev.penstock.spool.SpooledMessage.Place;

/**
 * Gives back the room of what is done. Confined to the maintenance thread; where a message lies is changed by tasks on the
 * committer.
 *
 * <p>A sealed segment goes when nothing in it is needed: no live record, and no DONE of a message whose ACCEPTED record
 * still exists somewhere. One that is mostly dead is compacted: what is needed is copied to a new cold segment, that is
 * synced and published, the messages are switched over, and then the old one goes. A crash at any point leaves copies,
 * never a gap, and {@link Recovery} settles them.
 */
final class Reclaimer {
    private static final Logger log = LoggerFactory.getLogger(Reclaimer.class);
    private static final int PERCENT = 100;
    /** A copy larger than this share of its sources gains too little; each compaction gains, so they come to an end. */
    private static final int WORTH_PERCENT = 75;
    /** What a segment takes beyond its records: half a block of 4 KB at the end of each file, and the index. */
    private static final int FILE_COST = 8 << 10;
    private static final long PAUSE_NANOS = 2_000_000_000; // after a compaction that wasn't possible just then
    private static final int SLICE = 1 << 20;
    private static final int MOVES_PER_TASK = 512; // some 50 µs of the committer's time

    private final SegmentStore store;
    private final Segments segments;
    private final MessageIndex index;
    private final ContentStreams streams;
    private final KeyTable keys;
    private final SpoolState state;
    private final Consumer<Request<?>> committer;
    private final long salt;
    private final long capacity;
    private final int reclaimBelow;
    /** What else the maintenance thread has to do between two slices. */
    private final Runnable meanwhile;
    private final List<LogSegment> superseded;
    private final CompletableFuture<Void> repaired;
    private final Segments.Audit audit;
    private final Machine machine;
    private boolean supersededGone;
    private long pausedAt;
    private boolean paused;

    Reclaimer(Machine machine, SegmentStore store, Segments segments, MessageIndex index, ContentStreams streams,
            KeyTable keys, SpoolState state, Consumer<Request<?>> committer, long salt, long capacity, int reclaimBelow,
            Runnable meanwhile,
            List<LogSegment> superseded, CompletableFuture<Void> repaired) {
        this.machine = machine;
        this.store = store;
        this.segments = segments;
        this.index = index;
        this.streams = streams;
        this.keys = keys;
        this.state = state;
        this.committer = committer;
        this.salt = salt;
        this.capacity = capacity;
        this.reclaimBelow = reclaimBelow;
        this.meanwhile = meanwhile;
        this.superseded = superseded;
        this.repaired = repaired;
        this.audit = new DeletionAudit(store, index, streams, keys, salt);
    }

    /** Whether recovery is over: until its DONE records are durable, nothing may go. */
    boolean mayStart() throws IOException {
        if (repaired.state() != Future.State.SUCCESS) {
            return false;
        }
        if (!supersededGone) {
            supersededGone = true;
            delete(superseded);
        }
        return true;
    }

    /** Deletes what can go. */
    void deleteDead() throws IOException {
        keys.sweep();
        while (true) {
            List<LogSegment> dead = new ArrayList<>();
            for (LogSegment segment : segments.all()) {
                if (isDead(segment)) {
                    dead.add(segment);
                }
            }
            if (dead.isEmpty()) {
                return;
            }
            delete(dead); // may set free those that hold its tombstones; what is refused is not asked for again
        }
    }

    private boolean isDead(LogSegment segment) {
        if (!segment.sealed() || segment.keep || segment.live.get() != 0) {
            return false;
        }
        segment.tombstonesFor.removeIf(target -> !segments.exists(target.number));
        return segment.tombstonesFor.isEmpty();
    }

    private void delete(Collection<LogSegment> dead) throws IOException {
        state.reclaimed.add(segments.delete(dead, audit));
    }

    /** Compacts one group of segments, if any is worth it. */
    void compact() throws IOException {
        if (paused && machine.nanoTime() - pausedAt < PAUSE_NANOS) {
            return;
        }
        paused = false;
        List<LogSegment> victims = victims();
        if (victims.isEmpty()) {
            return;
        }
        try {
            compact(victims);
        } catch (IOException e) {
            pause();
            throw e;
        }
    }

    private void pause() {
        paused = true;
        pausedAt = machine.nanoTime();
    }

    private void compact(List<LogSegment> victims) throws IOException {
        LogSegment copy = segments.createCold();
        Run run = new Run(victims, copy);
        boolean published = false;
        try {
            if (!run.copy()) {
                return;
            }
            for (LogSegment victim : victims) {
                copy.olderCopies.add(victim);
                copy.olderCopies.addAll(victim.olderCopies);
            }
            segments.publishCold(copy);
            published = true;
        } finally {
            if (!published) {
                segments.discard(copy);
            }
        }
        run.switchOver();
        delete(victims);
        state.moved.add(copy.bytes());
        log.info("event=spool-compaction sources={} copy={} octets={}", victims, copy.number, copy.bytes());
    }

    private List<LogSegment> victims() {
        List<LogSegment> victims = new ArrayList<>();
        long sources = 0;
        long survivors = 0;
        long changes = segments.changes();
        for (LogSegment segment : segments.all()) {
            long needed = segment.live.get() + segment.tombstoneBytes.get();
            if (segment.sealed() && segment.indexed && !segment.damaged && !segment.keep
                    && segment.notWorthAt != changes && needed * PERCENT < cost(segment) * reclaimBelow
                    && survivors + needed <= capacity && !isDead(segment)) {
                victims.add(segment);
                sources += cost(segment);
                survivors += needed;
            }
        }
        return gains(sources, survivors + SegmentHeader.LENGTH) ? victims : List.of();
    }

    /** What goes when it goes. */
    private static long cost(LogSegment segment) {
        return segment.bytes() + FILE_COST;
    }

    /** @param copy octets of the copy, its header included */
    private static boolean gains(long sources, long copy) {
        return (copy + FILE_COST) * PERCENT <= sources * WORTH_PERCENT;
    }

    /** A source can't be read as it should be, or can't be compacted yet. */
    private static final class CompactionException extends IOException {
        /** Whether it may be possible in a moment; else not before some segment is sealed or deleted. */
        final boolean passing;

        CompactionException(String message, boolean passing) {
            super(message);
            this.passing = passing;
        }
    }

    private final class Run {
        private final List<LogSegment> victims;
        private final Set<Long> victimNumbers = new HashSet<>();
        private final LogSegment copy;
        private final ByteBuffer buffer = ByteBuffer.allocate(SLICE);
        private final List<Pending> pending = new ArrayList<>();
        private final List<Move> moves = new ArrayList<>();
        private final Set<Long> movedStreams = new HashSet<>();

        Run(List<LogSegment> victims, LogSegment copy) {
            this.victims = victims;
            this.copy = copy;
            victims.forEach(victim -> victimNumbers.add(victim.number));
        }

        private record Pending(int at, Consumer<Long> placed) {}

        /** Says where a message's record is now; runs on the committer. */
        private interface Move {
            void apply(Request.Tombstones tombstones) throws IOException;
        }

        /** @return false when it isn't worth it or not possible now */
        boolean copy() throws IOException {
            long sources = victims.stream().mapToLong(Reclaimer::cost).sum();
            append(Metas.replaces(salt, victims.stream().map(victim -> victim.number).toList()), _ -> {});
            for (LogSegment victim : victims) {
                try {
                    Index entries = IndexBlocks.open(store, victim.number, salt);
                    if (entries == null) {
                        victim.indexed = false;
                        throw new CompactionException("its index is damaged", false);
                    }
                    entries.source().forEach((position, octets, at) -> entry(victim, position, octets, at));
                } catch (CompactionException | IllegalArgumentException e) {
                    log.info("event=spool-compaction segment={} skipped={}", victim.number, e.getMessage());
                    if (e instanceof CompactionException found && found.passing) {
                        pause();
                    } else {
                        victim.notWorthAt = segments.changes();
                    }
                    return false;
                }
            }
            flush();
            if (!gains(sources, copy.data.end())) {
                victims.forEach(victim -> victim.notWorthAt = segments.changes());
                return false;
            }
            return true;
        }

        private void entry(LogSegment victim, long position, ByteBuffer octets, int at) throws IOException {
            long id = Records.id(octets, at);
            int length = Records.length(octets, at);
            switch (Records.type(octets, at)) {
                case Records.ACCEPTED -> accepted(victim, position, length, id);
                case Records.ATTEMPT -> attempt(victim, position, length, id, Records.destination(octets, at));
                case Records.DONE -> done(victim, position, length, Metas.numbers(octets, at));
                case Records.KEY -> key(victim, position, length,
                        keys.entry(Metas.key(octets, at).key(), id));
                case Records.PART -> {
                    if (streams.isOpen(id)) {
                        throw new CompactionException("content in it is still being taken in", true);
                    }
                    SpooledMessage message = streams.message(id);
                    if (message != null) {
                        moveWhole(message);
                    }
                }
                default -> {
                    // REPLACES has served
                }
            }
        }

        private void accepted(LogSegment victim, long position, int length, long id) throws IOException {
            SpooledMessage message = index.get(id);
            if (message == null) {
                return;
            }
            synchronized (message) {
                if (message.segment != victim || message.position != position) {
                    return;
                }
            }
            if (message.state instanceof ExtendedState extended && extended.content.length > 0) {
                for (Place part : extended.content) {
                    if (victimNumbers.contains(part.segment().number)) {
                        moveWhole(message);
                        return;
                    }
                }
            }
            append(record(victim, position, length),
                    to -> moves.add(new AcceptedMove(message, to, length, null)));
        }

        /** Copies a message whose content is in parts, all of it: its ACCEPTED record names their places. */
        private void moveWhole(SpooledMessage message) throws IOException {
            ExtendedState extended = (ExtendedState) java.util.Objects.requireNonNull(message.state);
            if (!movedStreams.add(extended.streamId)) {
                return;
            }
            LogSegment segment;
            long position;
            int length;
            synchronized (message) {
                segment = java.util.Objects.requireNonNull(message.segment);
                position = message.position;
                length = message.length;
            }
            Place[] places = new Place[extended.content.length];
            for (int i = 0; i < places.length; i++) {
                Place part = extended.content[i];
                requireSealed(part.segment());
                int slot = i;
                append(record(part.segment(), part.position(), part.length()),
                        to -> places[slot] = new Place(copy, to, part.length()));
            }
            requireSealed(segment);
            flush();
            ByteBuffer old = record(segment, position, length);
            int envelopeAt = Records.HEADER + 2 * Long.BYTES + Integer.BYTES
                    + places.length * (2 * Long.BYTES + Integer.BYTES);
            byte[] envelope = new byte[Records.length(old, 0) - envelopeAt];
            old.get(envelopeAt, envelope);
            byte[] accepted = Metas.acceptedInParts(salt, envelope, message.id, extended.attempts.length,
                    Records.flags(old, 0), extended.revision + 1, old.getLong(Records.HEADER), extended.streamId,
                    places);
            ByteBuffer record = ByteBuffer.wrap(accepted);
            if (!victimNumbers.contains(segment.number)) {
                copy.olderCopies.add(segment);
                copy.olderCopies.addAll(segment.olderCopies);
            }
            append(record, to -> moves.add(new AcceptedMove(message, to, accepted.length, places)));
        }

        private static void requireSealed(LogSegment segment) throws CompactionException {
            if (!segment.sealed()) {
                throw new CompactionException("a message reaches into " + segment + ", which is still written to",
                        false);
            }
        }

        private void attempt(LogSegment victim, long position, int length, long id, int destination)
                throws IOException {
            SpooledMessage message = index.get(id);
            if (message == null) {
                return;
            }
            Attempt found;
            synchronized (message) {
                found = message.attempt(destination);
                while (found != null && !(found.segment == victim && found.position == position)) {
                    found = found.before(); // counts as long as the later one isn't durable
                }
            }
            if (found == null) {
                return;
            }
            Attempt counts = found;
            append(record(victim, position, length), to -> moves.add(_ -> {
                synchronized (message) {
                    if (counts.segment == victim && counts.position == position) {
                        counts.release();
                        counts.written(copy, to, length);
                    }
                }
            }));
        }

        private void key(LogSegment victim, long position, int length, @Nullable KeyEntry entry) throws IOException {
            if (entry != null && entry.liesAt(victim, position)) {
                append(record(victim, position, length), to -> moves.add(_ -> entry.moved(victim, position, copy, to)));
            }
        }

        private void done(LogSegment victim, long position, int length, long[] targets) throws IOException {
            boolean needed = false;
            for (long target : targets) {
                needed |= target != victim.number && segments.exists(target);
            }
            if (!needed) {
                return;
            }
            append(record(victim, position, length), _ -> copy.tombstoneBytes.addAndGet(length));
            for (LogSegment segment : segments.all()) {
                for (long target : targets) {
                    if (segment.number == target) {
                        copy.tombstonesFor.add(segment);
                    }
                }
            }
        }

        /** Reads a record, checking it. */
        private ByteBuffer record(LogSegment segment, long position, int length) throws IOException {
            ByteBuffer octets = ByteBuffer.allocate(length);
            segment.read(position, octets);
            octets.rewind();
            if (!Records.plausible(octets, 0) || Records.length(octets, 0) != length || Records
                    .checksum(salt, octets, 0, Records.length(octets, 0)) != octets.getInt(Records.CRC_AT)) {
                segment.damaged = true;
                throw new CompactionException("the record at " + position + " is damaged", false);
            }
            return octets;
        }

        private void append(ByteBuffer record, Consumer<Long> placed) throws IOException {
            int padded = (int) Records.align(record.remaining());
            if (buffer.remaining() < padded) {
                flush();
            }
            if (padded > buffer.capacity()) {
                ByteBuffer large = ByteBuffer.allocate(padded).put(record).clear();
                placed(copy.data.append(large, 0), large.clear(), 0, placed);
                return;
            }
            pending.add(new Pending(buffer.position(), placed));
            buffer.put(record);
            while (buffer.position() % Records.ALIGNMENT != 0) {
                buffer.put((byte) 0);
            }
        }

        private void flush() throws IOException {
            int length = buffer.position();
            if (length == 0) {
                return;
            }
            long base = copy.data.append(buffer.flip(), 0);
            for (Pending one : pending) {
                placed(base + one.at, buffer, one.at, one.placed);
            }
            pending.clear();
            buffer.clear();
            meanwhile.run();
        }

        private void placed(long position, ByteBuffer octets, int at, Consumer<Long> placed) {
            if (copy.index != null) {
                copy.index.add(position, octets, at);
            }
            placed.accept(position);
        }

        /**
         * Moves a message to its copy; one that ended since it was copied gets its tombstone for the copy too. Applied
         * again, after there was no room for a tombstone, it writes that again and changes nothing else.
         */
        private final class AcceptedMove implements Move {
            private final SpooledMessage message;
            private final long to;
            private final int length;
            private final Place @Nullable [] content;
            private boolean applied;

            AcceptedMove(SpooledMessage message, long to, int length, Place @Nullable [] content) {
                this.message = message;
                this.to = to;
                this.length = length;
                this.content = content;
            }

            @Override
            public void apply(Request.Tombstones tombstones) throws IOException {
                boolean over = index.get(message.id) != message;
                for (int destination = 0; destination < message.destinations(); destination++) {
                    // what is written is the committer's own: no lock is held while a tombstone goes to the log
                    if (over || message.state instanceof ExtendedState extended
                            && extended.doneWritten.get(destination)) {
                        tombstones.add(message.id, destination, copy);
                    }
                }
                if (applied) {
                    return;
                }
                applied = true;
                if (over) {
                    copy.gone.incrementAndGet();
                } else {
                    move();
                }
            }

            private void move() {
                synchronized (message) {
                    LogSegment old = java.util.Objects.requireNonNull(message.segment);
                    old.gone.incrementAndGet();
                    old.live.addAndGet(-message.length);
                    message.segment = copy;
                    message.position = to;
                    message.length = length;
                    copy.live.addAndGet(length);
                    if (content != null && message.state instanceof ExtendedState extended) {
                        for (Place part : extended.content) {
                            part.segment().live.addAndGet(-part.length());
                        }
                        extended.content = content;
                        extended.revision++;
                        for (Place now : content) {
                            copy.live.addAndGet(now.length());
                        }
                    }
                }
            }
        }

        /** Returns when the tombstones that became necessary are durable. */
        void switchOver() throws IOException {
            List<CompletableFuture<Void>> tasks = new ArrayList<>();
            // One at least: after it, what the committer was just doing to messages that weren't copied is over too.
            for (int from = 0; from == 0 || from < moves.size(); from += MOVES_PER_TASK) {
                List<Move> slice = moves.subList(from, Math.min(moves.size(), from + MOVES_PER_TASK));
                Request.Task task = new Request.Task(0, tombstones -> {
                    for (Move move : slice) {
                        move.apply(tombstones);
                    }
                });
                tasks.add(task);
                committer.accept(task);
            }
            for (CompletableFuture<Void> task : tasks) {
                try {
                    task.get();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted", e);
                } catch (ExecutionException e) {
                    throw new IOException("the committer refused", e);
                }
            }
        }
    }
}
