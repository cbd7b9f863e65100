package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.SpooledMessage.Attempt;
import dev.penstock.spool.SpooledMessage.ExtendedState;
import dev.penstock.spool.SpooledMessage.Place;

/**
 * The one thread that appends to the log and syncs it. {@link #submit} and {@link #failOverdue} are for any thread, all
 * else is confined to the committer.
 *
 * <p>It takes everything that waits, writes it as one piece, syncs once, and answers. While that runs the next batch
 * gathers, so a batch grows with the load and no message waits for company. Only a batch in which nobody is to be
 * answered 250 (ATTEMPT, DONE) waits up to {@value #COALESCE_NANOS} ns, to ride on the sync of the next message: that
 * is how much it widens the window in which a crash makes a delivered message be delivered again.
 *
 * <p>What waits for nobody's 250 by itself (parts, messages held for a key) is answered when it is written: the record it
 * counts by brings the sync.
 *
 * <p>No room: messages are refused, ATTEMPT and DONE use the room that each message has to leave for certain, and when
 * that is used up wait for room. A write that fails otherwise, or a sync: everything fails from then on, because nobody
 * knows what is on the medium, and asking again may well answer that all is fine.
 */
final class Committer implements Runnable {
    static final long COALESCE_NANOS = 5_000_000;
    private static final long RETRY_NANOS = 200_000_000; // how often what waits for room is tried
    private static final int BUFFER = 1 << 20;
    private static final int BATCH_KEPT = 1 << 16; // the list of a batch is renewed when one was longer
    /** Octets that may wait for somebody else's sync, so that none has much more to do than others. */
    private static final long LAZY = 8 << 20;
    private static final long[] NO_TARGETS = {};
    private static final byte[] NOTHING = {};

    /** Where segments come from and go. */
    interface SegmentSupply {
        /** A segment to append to, its header durable. */
        LogSegment next() throws IOException;

        /** Takes a segment to which nothing more is appended; it is synced, and all of its records are accounted for. */
        void retire(LogSegment segment);
    }

    private static final int BUSY = 0;
    private static final int WAITS_FOR_ANY = 1;
    private static final int WAITS_FOR_URGENT = 2;

    /** Ends the queue: nothing is accepted after it. */
    private static final Request<?> CLOSED = new Request.Task(0, _ -> {});
    /** Stands for a SYNCED record in the buffer. */
    private static final Request<?> MARK = new Request.Task(0, _ -> {});

    private final SegmentSupply segments;
    private final MessageIndex index;
    private final ContentStreams streams;
    private final KeyTable keys;
    private final SpoolState state;
    private final long salt;
    private final long capacity;
    private final int controlReserve;
    private final long appendDeadlineNanos;
    private final Machine machine;

    private final AtomicReference<@Nullable Request<?>> head = new AtomicReference<>();
    private final AtomicInteger waitingFor = new AtomicInteger(BUSY);
    private volatile boolean urgentSubmitted;
    private volatile boolean closing;
    private volatile boolean stopping;
    private volatile @Nullable Thread thread;

    private List<Request<?>> batch = new ArrayList<>();
    private final List<Request<?>> retained = new ArrayList<>();
    private final ByteBuffer buffer;
    private final List<@Nullable Request<?>> buffered = new ArrayList<>();
    private int[] bufferedAt = new int[1024];
    private final List<Request<?>> written = new ArrayList<>();
    /** Segments that were full in this batch. */
    private final List<LogSegment> left = new ArrayList<>();
    private boolean unsynced;
    private long lazyBytes;
    /** KEY records were written since the last SYNCED record of this segment. */
    private boolean markDue;
    private long[] targets = new long[4];
    private volatile LogSegment active; // written by the committer, read by the maintenance thread

    /** What {@link #failOverdue} looks at: the batch being written, while that takes. */
    private volatile Request<?> @Nullable [] inFlight;
    private volatile long inFlightSince;

    Committer(SegmentSupply segments, LogSegment active, MessageIndex index, ContentStreams streams, KeyTable keys,
            SpoolState state, long salt, long capacity, int controlReserve, long appendDeadlineNanos,
            Machine machine) {
        this.segments = segments;
        this.active = active;
        this.index = index;
        this.streams = streams;
        this.keys = keys;
        this.state = state;
        this.salt = salt;
        this.capacity = capacity;
        this.controlReserve = controlReserve;
        this.appendDeadlineNanos = appendDeadlineNanos;
        this.machine = machine;
        this.buffer = ByteBuffer.allocateDirect((int) Math.min(BUFFER, Records.align(capacity)));
    }

    /** Queues a request; it fails at once when the committer has ended. Never blocks. */
    void submit(Request<?> request) {
        state.waiting.incrementAndGet();
        int weight = request.weight();
        if (weight > 0) {
            state.waitingBytes.addAndGet(weight);
        }
        Request<?> last;
        do {
            last = head.get();
            if (last == CLOSED) {
                state.waiting.decrementAndGet();
                state.waitingBytes.addAndGet(-weight);
                refuse(request);
                return;
            }
            request.previous = last;
        } while (!head.compareAndSet(last, request));
        boolean urgent = request.isUrgent();
        if (urgent && !urgentSubmitted) {
            urgentSubmitted = true;
        }
        int waits = waitingFor.get();
        if (waits != BUSY && (urgent || waits == WAITS_FOR_ANY) && waitingFor.compareAndSet(waits, BUSY)) {
            LockSupport.unpark(thread);
        }
    }

    private void refuse(Request<?> request) {
        request.completeExceptionally(state.refusal());
    }

    /** Has what waits for room tried now. */
    void nudge() {
        LockSupport.unpark(thread);
    }

    /**
     * Refuses tasks that find no room from now on, so that the maintenance thread, which waits for them, can end on a full disk: the
     * sources of its copy stay. Before {@link #close}.
     */
    void stopping() {
        stopping = true;
        nudge();
    }

    /** Lets {@link #run} end when all that was submitted is answered. */
    void close() {
        closing = true;
        LockSupport.unpark(thread);
    }

    /**
     * Refuses messages that have waited longer than allowed, in the queue or for a sync that doesn't return. One that
     * is on the medium nevertheless is undone when the committer comes to it. A held one waits for no sync, and isn't
     * refused after the record it counts by was written.
     */
    void failOverdue() {
        long now = machine.nanoTime();
        for (Request<?> r = head.get(); r != null; r = r.previous) {
            failIfOverdue(r, now, false);
        }
        Request<?>[] writing = inFlight;
        if (writing != null && now - inFlightSince > 0) {
            for (Request<?> r : writing) {
                failIfOverdue(r, now, false);
            }
        }
    }

    private void failIfOverdue(Request<?> request, long now, boolean held) {
        if (request instanceof Request.Accept accept && (held || !accept.held) && !request.isDone()
                && now - request.submittedNanos > appendDeadlineNanos) {
            request.fail(SpoolException.Reason.OVERLOADED, "the append deadline passed", null);
        }
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        while (take()) {
            commit();
        }
    }

    /** Fills the batch. */
    private boolean take() {
        collect();
        while (batch.isEmpty()) {
            if (closing && head.compareAndSet(null, CLOSED)) {
                retained.forEach(this::refuse);
                return false;
            }
            waitingFor.set(WAITS_FOR_ANY);
            if (head.get() == null && !closing) {
                if (retained.isEmpty()) {
                    LockSupport.park(this);
                } else {
                    machine.parkNanos(this, RETRY_NANOS);
                }
            }
            waitingFor.set(BUSY);
            batch.addAll(retained);
            retained.clear();
            collect();
        }
        if (!closing && nothingUrgent()) {
            awaitCompany();
            collect();
        }
        return true;
    }

    private void collect() {
        urgentSubmitted = false;
        Request<?> newest = head.getAndSet(null);
        if (newest == null) {
            return;
        }
        if (!retained.isEmpty()) {
            batch.addAll(retained);
            retained.clear();
        }
        int first = batch.size();
        for (Request<?> r = newest; r != null; r = r.previous) {
            batch.add(r);
        }
        for (int i = first, j = batch.size() - 1; i < j; i++, j--) {
            Request<?> swapped = batch.get(i);
            batch.set(i, batch.get(j));
            batch.set(j, swapped);
        }
    }

    private boolean nothingUrgent() {
        for (int i = 0; i < batch.size(); i++) {
            if (batch.get(i).isUrgent()) {
                return false;
            }
        }
        return true;
    }

    private void awaitCompany() {
        long until = machine.nanoTime() + COALESCE_NANOS;
        while (!urgentSubmitted && !closing) {
            long left = until - machine.nanoTime();
            if (left <= 0) {
                break;
            }
            waitingFor.set(WAITS_FOR_URGENT);
            if (!urgentSubmitted && !closing) {
                machine.parkNanos(this, left);
            }
        }
        waitingFor.set(BUSY);
    }

    private void commit() {
        inFlightSince = machine.nanoTime();
        inFlight = batch.toArray(Request[]::new);
        long weight = 0;
        for (int i = 0; i < batch.size(); i++) {
            weight += batch.get(i).weight();
        }
        try {
            if (state.isFailed()) {
                batch.forEach(this::refuse);
            } else {
                write();
                if (unsynced || lazyBytes > LAZY) {
                    sync();
                }
                for (int i = 0; i < written.size(); i++) {
                    synced(written.get(i));
                }
                left.forEach(segments::retire); // not earlier: now all of their records are in the index
            }
        } catch (IOException | RuntimeException | Error e) {
            state.failed("writing to the spool failed", e);
            buffer.clear();
            batch.forEach(this::refuse);
        }
        state.outcomesWait(!retained.isEmpty());
        state.commits.increment();
        state.waiting.addAndGet(-batch.size());
        state.waitingBytes.addAndGet(-weight);
        inFlight = null;
        for (int i = 0; i < batch.size(); i++) {
            batch.get(i).previous = null;
        }
        if (batch.size() > BATCH_KEPT) {
            batch = new ArrayList<>();
        } else {
            batch.clear();
        }
        buffered.clear();
        written.clear();
        left.clear();
    }

    private void sync() throws IOException {
        long start = machine.nanoTime();
        active.data.sync();
        state.syncs.increment();
        long took = machine.nanoTime() - start;
        state.syncNanos.add(took);
        state.syncTimes.record(took);
        unsynced = false;
        lazyBytes = 0;
    }

    private void write() throws IOException {
        if (markDue) {
            placeMark();
        }
        // before any DONE of this batch: a task that moves a message has to see which DONE named its old place
        for (int i = 0; i < batch.size(); i++) {
            if (batch.get(i) instanceof Request.Task task) {
                tryToPlace(task);
            }
        }
        for (int i = 0; i < batch.size(); i++) {
            if (!(batch.get(i) instanceof Request.Task)) {
                tryToPlace(batch.get(i));
            }
        }
        try {
            flush();
        } catch (NoSpaceException e) {
            noRoom(e);
        }
    }

    /** Into the empty buffer, when all that lies before is synced; it may go beyond the end of the segment. */
    private void placeMark() {
        bufferAt(MARK);
        Metas.putSynced(buffer, salt);
        markDue = false;
    }

    private void tryToPlace(Request<?> request) throws IOException {
        if (!retained.isEmpty() && (request instanceof Request.Attempted || request instanceof Request.Done)) {
            retain(request); // behind those that wait: what happened to a destination is written in its order
            return;
        }
        try {
            place(request);
        } catch (NoSpaceException e) {
            state.full(String.valueOf(e.getMessage()));
            withoutRoom(request, e);
        }
    }

    /** What the buffer holds is not in the log. */
    private void noRoom(NoSpaceException e) {
        state.full(String.valueOf(e.getMessage()));
        boolean tombstones = false;
        List<Request<?>> behind = List.copyOf(retained);
        retained.clear();
        for (Request<?> request : buffered) {
            if (request == MARK) {
                markDue = true;
            } else if (request != null) {
                withoutRoom(request, e);
            } else {
                tombstones = true; // of a task
            }
        }
        if (tombstones) {
            // Which task's they were isn't known; running one again changes nothing that is already there.
            for (Request<?> request : written) {
                if (request instanceof Request.Task task) {
                    withoutRoom(task, e);
                }
            }
            written.removeIf(Request.Task.class::isInstance);
        }
        retained.addAll(behind);
        buffered.clear();
        buffer.clear();
    }

    /** The message of these parts will not be: reclaim needn't keep them for it. */
    private void abandonParts(Request.Accept accept) {
        accept.parts.forEach(Request.Part::abandon);
        if (!accept.parts.isEmpty() && accept.message.state instanceof ExtendedState extended) {
            streams.ended(extended.streamId);
        }
    }

    private void withoutRoom(Request<?> request, NoSpaceException e) {
        switch (request) {
            case Request.Accept accept -> {
                abandonParts(accept);
                accept.fail(SpoolException.Reason.FULL, "no room", e);
            }
            case Request.Part part -> part.fail(SpoolException.Reason.FULL, "no room", e);
            case Request.Key key when key.isMail() -> key.fail(SpoolException.Reason.FULL, "no room", e);
            case Request.Task task when stopping -> refuse(task);
            case Request.Attempted _,Request.Done _,Request.Task _,Request.Key _ -> retain(request);
        }
    }

    private void retain(Request<?> request) {
        retained.add(request);
        state.waiting.incrementAndGet();
    }

    private void place(Request<?> request) throws IOException {
        switch (request) {
            case Request.Accept accept -> placeAccept(accept);
            case Request.Part part -> {
                if (part.isAbandoned()) {
                    part.complete(null);
                } else if (state.refusesMail()) {
                    refuse(part);
                } else {
                    put(part, part.head, NOTHING, part.content, part.contentLength, true);
                }
            }
            case Request.Attempted attempted -> put(attempted, attempted.record, NOTHING, NOTHING, 0, false);
            case Request.Done done -> putDone(done, done.message.id, done.destination, placeOf(done.message), true);
            case Request.Key key -> placeKey(key);
            case Request.Task task -> {
                task.work.run((id, destination, target) -> putDone(null, id, destination, target, false));
                written.add(task);
            }
        }
    }

    private void placeAccept(Request.Accept accept) throws IOException {
        failIfOverdue(accept, inFlightSince, true);
        if (accept.isDone() || state.refusesMail()) {
            abandonParts(accept);
            refuse(accept);
            return;
        }
        if (accept.parts.isEmpty()) {
            put(accept, accept.head, accept.before, accept.content, accept.contentLength, true);
            return;
        }
        flush(); // the parts' places are known then
        Place[] places = new Place[accept.parts.size()];
        for (int i = 0; i < places.length; i++) {
            Place place = accept.parts.get(i).place();
            if (place == null) {
                abandonParts(accept);
                refuse(accept);
                return;
            }
            places[i] = place;
        }
        ExtendedState extended = (ExtendedState) java.util.Objects.requireNonNull(accept.message.state);
        extended.content = places;
        byte[] record = Metas.acceptedInParts(salt, accept.head, accept.message.id, extended.attempts.length,
                accept.flags, 0, accept.totalLength, extended.streamId, places);
        put(accept, record, NOTHING, NOTHING, 0, true);
    }

    private void placeKey(Request.Key key) throws IOException {
        if (key.isMail() && state.refusesMail()) {
            refuse(key);
            return;
        }
        List<SpooledMessage> messages = key.messages();
        if (!key.isAsAnswered(messages)) {
            key.complete(false);
            return;
        }
        makeRoom((int) Records.align(Metas.keyLength(key.record)), key.isMail()); // it is known then where it goes
        int here = 0;
        for (SpooledMessage message : messages) {
            LogSegment segment = placeOf(message);
            here += segment == active || segment == null ? 1 : 0; // those without a place are in the buffer
        }
        byte[] record = Metas.key(salt, key.entry.request,
                new Metas.Key(key.record.expiresMillis(), key.isMail() ? active.number : 0, here, key.key), key.record);
        put(key, record, NOTHING, NOTHING, 0, key.isMail());
    }

    private static @Nullable LogSegment placeOf(SpooledMessage message) {
        synchronized (message) {
            return message.segment;
        }
    }

    /** Puts {@code first}, {@code second} and the beginning of {@code third} into the buffer as one record. */
    private void put(Request<?> request, byte[] first, byte[] second, byte[] third, int thirdLength, boolean isMail)
            throws IOException {
        int length = first.length + second.length + thirdLength;
        int padded = (int) Records.align(length);
        makeRoom(padded, isMail);
        boolean uncertain = isMail && active.data.room() < buffer.position() + (long) padded + controlReserve;
        if (uncertain || padded > buffer.capacity()) {
            flush();
            ByteBuffer alone = ByteBuffer.allocate(padded).put(first).put(second).put(third, 0, thirdLength).clear();
            placed(request, active.data.append(alone, isMail ? controlReserve : 0), alone, 0);
            count(1, padded);
            return;
        }
        bufferAt(request);
        buffer.put(first).put(second).put(third, 0, thirdLength);
        pad(padded - length);
    }

    private void putDone(Request.@Nullable Done request, long id, int destination, @Nullable LogSegment target,
            boolean withOlderCopies) throws IOException {
        int count = 0;
        if (target != null) {
            if (withOlderCopies && !target.olderCopies.isEmpty()) {
                List<LogSegment> olderCopies = List.copyOf(target.olderCopies);
                if (targets.length <= olderCopies.size()) {
                    targets = new long[olderCopies.size() + 1];
                }
                for (LogSegment olderCopy : olderCopies) {
                    targets[count++] = olderCopy.number;
                }
            }
            targets[count++] = target.number;
        }
        int length = Metas.doneLength(count);
        int padded = (int) Records.align(length);
        makeRoom(padded, false);
        if (target != null && target != active) {
            active.tombstonesFor.add(target);
            active.tombstonesFor.addAll(target.olderCopies);
            active.tombstonesFor.remove(active);
        }
        bufferAt(request);
        Metas.putDone(buffer, salt, id, destination, count == 0 ? NO_TARGETS : targets, count);
        pad(padded - length);
    }

    private void bufferAt(@Nullable Request<?> request) {
        if (buffered.size() == bufferedAt.length) {
            bufferedAt = java.util.Arrays.copyOf(bufferedAt, bufferedAt.length * 2);
        }
        bufferedAt[buffered.size()] = buffer.position();
        buffered.add(request);
    }

    private void pad(int octets) {
        for (int i = 0; i < octets; i++) {
            buffer.put((byte) 0);
        }
    }

    private void makeRoom(int length, boolean isMail) throws IOException {
        long end = active.data.end() + buffer.position();
        long limit = isMail ? capacity - controlReserve : capacity;
        if (end + length > limit && end > SegmentHeader.LENGTH) {
            flush();
            roll(isMail);
        }
        if (buffer.remaining() < length) {
            flush(); // what is longer than the buffer is written by itself
        }
    }

    private void roll(boolean isMail) throws IOException {
        sync(); // before a newer segment is there: what is torn in this one is the log's end only as long as it is the last
        if (markDue) {
            placeMark();
            flush();
            sync(); // torn, it would pass for damage that may have taken keys
        }
        LogSegment next;
        try {
            next = segments.next();
        } catch (NoSpaceException e) {
            if (isMail) {
                throw e;
            }
            state.full(String.valueOf(e.getMessage()));
            return; // ATTEMPT and DONE go beyond the end of the segment rather than nowhere
        }
        active.leave();
        left.add(active);
        active = next;
    }

    /** Writes the buffer. When there is no room nothing of it is in the log, and it is left as it was. */
    private void flush() throws IOException {
        int length = buffer.position();
        if (length == 0) {
            return;
        }
        buffer.flip();
        long base;
        try {
            base = active.data.append(buffer, 0);
        } catch (NoSpaceException e) {
            buffer.limit(buffer.capacity()).position(length);
            throw e;
        }
        for (int i = 0; i < buffered.size(); i++) {
            placed(buffered.get(i), base + bufferedAt[i], buffer, bufferedAt[i]);
        }
        count(buffered.size(), length);
        buffered.clear();
        buffer.clear();
    }

    private void count(int records, int bytes) {
        state.records.add(records);
        state.bytes.add(bytes);
        lazyBytes += bytes;
    }

    private void placed(@Nullable Request<?> request, long position, ByteBuffer octets, int at) {
        int length = Records.length(octets, at);
        if (active.index != null) {
            active.index.add(position, octets, at);
        }
        if (request == MARK) {
            return;
        }
        switch (request) {
            case Request.Accept accept -> {
                synchronized (accept.message) {
                    accept.message.segment = active;
                    accept.message.position = position;
                    accept.message.length = length;
                }
                active.live.addAndGet(length);
            }
            case Request.Part part -> part.written(new Place(active, position, length));
            case Request.Attempted attempted -> attempted(attempted, position, length);
            case Request.Key key -> {
                key.entry.written(active, position, length);
                markDue = true;
            }
            case null, default -> {
                // DONE has no place of its own
            }
        }
        if (request != null) {
            written.add(request);
        }
        unsynced |= request == null || request.needsSync();
    }

    private void attempted(Request.Attempted request, long position, int length) {
        SpooledMessage message = request.message;
        boolean over = index.get(message.id) != message;
        synchronized (message) {
            if (!over && !(message.state instanceof ExtendedState extended
                    && extended.doneWritten.get(request.destination))) {
                request.attempt.written(active, position, length);
            }
        }
    }

    private void synced(Request<?> request) {
        switch (request) {
            case Request.Accept accept -> {
                if (!accept.parts.isEmpty()) {
                    streams.accepted(accept.message);
                }
                index.put(accept.message);
                state.messages.incrementAndGet();
                if (!accept.complete(accept.entries)) {
                    undo(accept.message);
                }
            }
            case Request.Done done -> {
                finished(done.message, done.destination);
                done.complete(null);
            }
            case Request.Part part -> part.complete(null);
            case Request.Attempted attempted -> {
                synchronized (attempted.message) {
                    Attempt before = attempted.attempt.before();
                    if (before != null) {
                        before.release(); // not earlier: until now it was the one that counts
                    }
                    attempted.attempt.pending = null;
                }
                attempted.complete(null);
            }
            case Request.Key key -> {
                for (SpooledMessage message : key.messages()) {
                    if (index.get(message.id) == message) {
                        keys.needs(message.id, key.entry);
                    }
                }
                keys.recorded(key.key, key.entry);
                key.complete(true);
            }
            case Request.Task task -> task.complete(null);
        }
    }

    /** The client was refused, so nobody shall get the message. */
    private void undo(SpooledMessage message) {
        for (int destination = 0; destination < message.destinations(); destination++) {
            synchronized (message) {
                message.open--;
                if (message.state instanceof ExtendedState extended) {
                    extended.done.set(destination);
                }
            }
            submit(new Request.Done(machine.nanoTime(), message, destination));
        }
    }

    private void finished(SpooledMessage message, int destination) {
        synchronized (message) {
            for (Attempt attempt = message.attempt(destination); attempt != null; attempt = attempt.before()) {
                attempt.release();
            }
            if (message.state instanceof ExtendedState extended) {
                extended.attempts[destination] = null;
                extended.doneWritten.set(destination);
                if (extended.doneWritten.cardinality() < extended.attempts.length) {
                    return;
                }
            }
        }
        index.remove(message.id);
        keys.ended(message.id);
        state.messages.decrementAndGet();
        // Live octets last: who sees none finds nothing that points here.
        synchronized (message) {
            if (message.state instanceof ExtendedState extended && extended.content.length > 0) {
                streams.ended(extended.streamId);
                for (Place place : extended.content) {
                    place.segment().live.addAndGet(-place.length());
                }
            }
            LogSegment segment = message.segment;
            if (segment != null) {
                segment.gone.incrementAndGet();
                segment.live.addAndGet(-message.length);
            }
        }
    }

    /** Where the committer appends; after {@link #run} has ended, for any thread. */
    LogSegment active() {
        return active;
    }
}
