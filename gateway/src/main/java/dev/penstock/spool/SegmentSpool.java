package dev.penstock.spool;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongPredicate;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageId;
import dev.penstock.message.MessageIds;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.SpooledMessage.Attempt;
import dev.penstock.spool.SpooledMessage.ExtendedState;
import dev.penstock.spool.SpooledMessage.Pending;
import dev.penstock.spool.SpooledMessage.Place;

/**
 * The spool as a log of segments. Thread-safe. One thread writes and syncs ({@link Committer}), one keeps house
 * ({@link SegmentMaintenance}), some read, one watches deadlines. The format, and what survives which failure, is in
 * docs/spool-format.md.
 */
public final class SegmentSpool implements Spool {
    private static final Logger log = LoggerFactory.getLogger(SegmentSpool.class);
    /** Room for ATTEMPT and DONE records that messages may not use: some 20,000 of them. */
    private static final int CONTROL_RESERVE = 1 << 20;
    private static final int CONTROL_RESERVE_SHARE = 8; // and at most this part of a small segment
    private static final int MIN_PIECE = 4 << 10;
    private static final int MAX_PIECE = 1 << 20;
    /** Size of the pieces when memory for intakes runs short. */
    private static final int SHORT_PIECE = 16 << 10;
    /** Content that its reader has no room for comes in pieces of so many octets, and is checked in larger ones. */
    static final int READ_PIECE = 8 << 10;
    private static final int CHECK_PIECE = 64 << 10;
    private static final long MIN_WATCH_NANOS = 5_000_000;
    private static final long MAX_WATCH_NANOS = 1_000_000_000;
    private static final AttemptState NEVER = new AttemptState(0, 0, List.of());

    private final Machine machine;
    private final SegmentStore store;
    private final SpoolState state;
    private final MessageIndex index;
    private final ContentStreams streams;
    private final KeyTable keyTable;
    private final Keys keys = new LogKeys();
    private final Segments segments;
    private final Committer committer;
    private final SegmentMaintenance maintenance;
    private final List<Request<?>> repair = new ArrayList<>();
    private final ReaderPool readers;
    private final ContentCache cache;
    private final MessageIds ids;
    /** Orders ATTEMPT records; compared by difference, so it may wrap. */
    private final AtomicInteger nextSerial;
    private final Object mergeLock = new Object();
    private CompletableFuture<Void> merges = CompletableFuture.completedFuture(null);
    private final long salt;
    private final int pieceSize;
    private final long maxWaiting;
    private final long watchNanos;
    private final Thread commitThread;
    private final Thread maintenanceThread;
    private final Thread watchThread;
    private final AtomicBoolean closed = new AtomicBoolean();

    /** Opens the spool in {@code config.directory()}, and tells {@code listener} what it holds. */
    public static SegmentSpool open(SpoolConfig config, InstantSource clock, RecoveryListener listener)
            throws IOException {
        return open(config, QueueConfig.DEFAULT.laneSharePercent(), 0, clock, listener);
    }

    /**
     * @param laneSharePercent {@link QueueConfig#laneSharePercent()}
     * @param node             the number that message ids carry; a spool that was another node's is taken over
     */
    public static SegmentSpool open(SpoolConfig config, int laneSharePercent, int node, InstantSource clock,
            RecoveryListener listener) throws IOException {
        return open(config, laneSharePercent, node,
                new FileSegmentStore(config.directory(), config.segmentSize().bytes()), Machine.REAL, clock,
                listener);
    }

    /** Opens the spool that {@code store} holds. The store is closed with the spool, and when opening fails. */
    static SegmentSpool open(SpoolConfig config, int laneSharePercent, int node, SegmentStore store, Machine machine,
            InstantSource clock, RecoveryListener listener) throws IOException {
        long start = machine.nanoTime();
        try {
            SpoolState state = new SpoolState();
            Recovery recovery = new Recovery(store, listener, state, new KeyTable(clock));
            recovery.run();
            SegmentSpool spool = new SegmentSpool(config, laneSharePercent, node, store, machine, clock, state,
                    recovery);
            spool.start();
            log.info("event=spool-open store={} messages={} segments={} quarantined={} millis={}", store,
                    state.messages.get(), recovery.segments().size(), state.quarantined.sum(),
                    (machine.nanoTime() - start) / 1_000_000);
            int before = new MessageId(recovery.highId).node();
            if (recovery.highId != 0 && before != node) {
                log.info("event=spool-taken-over store={} node={} before={}", store, node, before);
            }
            return spool;
        } catch (IOException | RuntimeException e) {
            store.close();
            throw e;
        }
    }

    private SegmentSpool(SpoolConfig config, int laneSharePercent, int node, SegmentStore store, Machine machine,
            InstantSource clock, SpoolState state, Recovery recovery) throws IOException {
        this.machine = machine;
        this.store = store;
        this.state = state;
        this.index = recovery.index;
        this.streams = recovery.streams;
        this.keyTable = recovery.keyTable;
        this.salt = recovery.salt;
        this.ids = new MessageIds(node, recovery.highId, clock);
        this.nextSerial = new AtomicInteger(recovery.highSerial + 1);
        this.cache = new ContentCache(config.cacheSize().bytes(), laneSharePercent);
        this.pieceSize = Math.clamp(config.inlineLimit().bytes(), MIN_PIECE, MAX_PIECE);
        this.maxWaiting = config.maxWaiting().bytes();
        long capacity = config.segmentSize().bytes();
        int controlReserve = (int) Math.min(CONTROL_RESERVE, capacity / CONTROL_RESERVE_SHARE);
        long deadline = config.appendDeadline().toNanos();
        this.watchNanos = Math.clamp(deadline / 4, MIN_WATCH_NANOS, MAX_WATCH_NANOS);
        this.segments = new Segments(store, state, salt, capacity, recovery.segments(), recovery.highNumber + 1,
                ids::highest);
        this.maintenance = new SegmentMaintenance(machine, store, segments, state, capacity, controlReserve,
                config.minFreeSpace().bytes());
        this.committer = new Committer(new Committer.SegmentSupply() {
            @Override
            public LogSegment next() throws IOException {
                return segments.activate();
            }

            @Override
            public void retire(LogSegment segment) {
                maintenance.retire(segment);
            }
        }, segments.activateFirst(), index, streams, keyTable, state, salt, capacity, controlReserve, deadline,
                machine);
        List<Recovery.Repair> repairs = List.copyOf(recovery.repairs);
        repair.add(new Request.Task(machine.nanoTime(), tombstones -> {
            for (Recovery.Repair one : repairs) {
                tombstones.add(one.id(), one.destination(), one.target());
            }
        }));
        recovery.orphans.forEach((request, messages) -> repair.add(new Request.Key(machine.nanoTime(), request, null,
                KeyRecord.NONE, messages, List.of(), messages.size())));
        maintenance.attach(committer,
                new Reclaimer(machine, store, segments, index, streams, keyTable, state, committer::submit, salt,
                        capacity,
                        config.reclaimBelow(), maintenance::keepUp, List.copyOf(recovery.superseded),
                        CompletableFuture.allOf(repair.toArray(CompletableFuture[]::new))));
        this.readers = new ReaderPool(config.readers(), machine);
        this.commitThread = machine.thread("spool-commit", false, committer);
        this.maintenanceThread = machine.thread("spool-maintenance", true, maintenance);
        this.watchThread = machine.thread("spool-watch", true, this::watch);
    }

    private void start() {
        maintenance.probe();
        commitThread.start();
        repair.forEach(committer::submit);
        maintenanceThread.start();
        watchThread.start();
    }

    private void watch() {
        while (!closed.get() || commitThread.isAlive()) {
            committer.failOverdue();
            machine.parkNanos(this, watchNanos);
        }
    }

    @Override
    public MessageId nextId() {
        return ids.next();
    }

    @Override
    public Intake intake() {
        return intake(null);
    }

    Intake intake(@Nullable KeyedMessages holder) {
        if (!state.isReady()) {
            throw state.refusal();
        }
        if (state.waitingBytes.get() + state.intakeBytes.get() > maxWaiting) {
            throw overloaded();
        }
        return new MessageIntake(this, holder);
    }

    @Override
    public Keys keys() {
        return keys;
    }

    /** What is asked about idempotency keys. */
    private final class LogKeys implements Keys {
        @Override
        public @Nullable KeyRecord find(IdempotencyKey key) throws IOException {
            KeyEntry entry = keyTable.find(key);
            return entry == null ? null : readers.read(() -> load(entry));
        }

        private @Nullable KeyRecord load(KeyEntry entry) throws IOException {
            try {
                return Metas.keyRecord(record(entry, "key of request " + new MessageId(entry.request), entry::place));
            } catch (UnreadableMessageException e) {
                if (entry.place() == null) { // its time was over meanwhile
                    return null;
                }
                throw e;
            }
        }

        @Override
        public boolean hasRoom(int max) {
            if (keyTable.size() >= max) {
                keyTable.sweep();
            }
            return keyTable.size() < max;
        }

        @Override
        public long size() {
            return keyTable.size();
        }

        @Override
        public KeyedRequest begin(IdempotencyKey key) {
            return new KeyedMessages(SegmentSpool.this, key, nextId().value());
        }
    }

    private static SpoolException overloaded() {
        return new SpoolException(SpoolException.Reason.OVERLOADED, "too much waits to be written", null);
    }

    // ---- for MessageIntake -------------------------------------------------------------------------------------

    long salt() {
        return salt;
    }

    long nanoTime() {
        return machine.nanoTime();
    }

    /** Octets an intake gathers before it sends them off. */
    int pieceLimit() {
        return state.intakeBytes.get() < maxWaiting / 2 ? pieceSize : Math.min(pieceSize, SHORT_PIECE);
    }

    /** Counts memory of intakes. */
    void countIntake(int octets) {
        if (state.intakeBytes.addAndGet(octets) > maxWaiting && octets > 0) {
            state.intakeBytes.addAndGet(-octets);
            throw overloaded();
        }
    }

    long openStream() {
        long id = nextId().value();
        streams.opened(id);
        return id;
    }

    void closeStream(long streamId) {
        if (streamId != 0) {
            streams.ended(streamId);
        }
    }

    Request.Part submitPart(long streamId, int number, byte[] content, int length) {
        Request.Part part = new Request.Part(nanoTime(), Metas.part(salt, streamId, number, content, length), content,
                length);
        submitMail(part);
        return part;
    }

    SpoolException failureOf(Request<?> request) {
        return request.exceptionNow() instanceof SpoolException e ? e : state.refusal();
    }

    CompletableFuture<List<SpoolEntry>> submitAccept(Request.Accept accept) {
        try {
            submitMail(accept);
        } catch (SpoolException e) {
            cache.drop(accept.message);
            throw e;
        }
        return accept;
    }

    CompletableFuture<Boolean> submitKey(Request.Key key) {
        try {
            submitMail(key);
            return key;
        } catch (SpoolException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void submitMail(Request<?> request) {
        if (!state.isReady()) {
            throw state.refusal();
        }
        if (state.waitingBytes.get() + request.weight() > maxWaiting) {
            throw overloaded();
        }
        committer.submit(request);
    }

    /** Keeps the content for the first attempt, when there is room. */
    void cache(SpooledMessage message, @Nullable ExtendedState extended, Envelope envelope, byte[] before,
            byte[] bytes, int length, boolean hasDotLines, boolean hasEightBit) {
        if (!cache.admit(envelope, (long) before.length + length)) {
            return;
        }
        byte[] kept = ContentCache.isSnug(bytes.length, length) ? bytes : Arrays.copyOf(bytes, length);
        StoredMessage stored = new StoredMessage(envelope,
                new MemoryContent(before, kept, length, hasDotLines, hasEightBit));
        if (extended == null) {
            message.state = stored;
        } else {
            extended.cached = stored;
        }
    }

    ContentCache cache() {
        return cache;
    }

    // ---- attempts ----------------------------------------------------------------------------------------------

    @Override
    public CompletableFuture<Void> recordAttempt(SpoolEntry entry, AttemptState attempt) {
        SpooledMessage message = entry.message;
        int named = Metas.named(attempt);
        Attempt mine;
        boolean coversAll;
        int serial;
        synchronized (message) {
            if (message.isDone(entry.destination)) {
                return CompletableFuture.completedFuture(null);
            }
            cache.drop(message);
            Attempt before = message.attempt(entry.destination);
            coversAll = before == null || before.named >= 0 && (before.named & ~named) == 0;
            mine = new Attempt(coversAll ? named : -1, new Pending(before, coversAll ? attempt : null));
            message.attempt(entry.destination, mine);
            serial = nextSerial.getAndIncrement();
        }
        return coversAll ? submitAttempt(entry, attempt, serial, mine) : merge(entry, attempt, serial, mine);
    }

    private CompletableFuture<Void> submitAttempt(SpoolEntry entry, AttemptState attempt, int serial, Attempt mine) {
        byte[] record = Metas.attempt(salt, entry.messageId(), entry.destination, serial, attempt);
        Request.Attempted request = new Request.Attempted(nanoTime(), entry.message, entry.destination, record, mine);
        committer.submit(request);
        return request;
    }

    /**
     * Carries over the states that {@code attempt} doesn't name, from the record before. One after the other on the
     * reader pool, so that the order of calls is kept. When that record can't be read, the new one isn't written: it would
     * say less, and a recipient that has its mail would get it again.
     */
    private CompletableFuture<Void> merge(SpoolEntry entry, AttemptState attempt, int serial, Attempt mine) {
        CompletableFuture<CompletableFuture<Void>> submitted = new CompletableFuture<>();
        synchronized (mergeLock) {
            merges = merges.thenRunAsync(() -> {
                Pending pending = java.util.Objects.requireNonNull(mine.pending);
                Attempt before = standing(entry.message, pending);
                AttemptState whole;
                try {
                    whole = carriedOver(load(entry.message, before), attempt);
                } catch (IOException | RuntimeException e) {
                    log.warn("event=spool-attempt id={} recorded=false why={}", new MessageId(entry.messageId()),
                            e.getMessage());
                    withdraw(entry, mine, before);
                    submitted.completeExceptionally(e);
                    return;
                }
                CompletableFuture<Void> written = submitAttempt(entry, whole, serial, mine);
                synchronized (entry.message) { // not before: until it is submitted, the next one has to come here too
                    mine.named = Metas.named(whole);
                    pending.whole = whole;
                }
                submitted.complete(written);
            }, readers::execute);
        }
        return submitted.thenCompose(future -> future);
    }

    /** The last attempt before that wasn't withdrawn; it was submitted before. */
    private static Attempt standing(SpooledMessage message, Pending pending) {
        synchronized (message) {
            Attempt before = java.util.Objects.requireNonNull(pending.before);
            while (before.pending != null && before.pending.withdrawn) {
                before = java.util.Objects.requireNonNull(before.pending.before);
            }
            pending.before = before;
            return before;
        }
    }

    private static void withdraw(SpoolEntry entry, Attempt mine, Attempt before) {
        synchronized (entry.message) {
            java.util.Objects.requireNonNull(mine.pending).withdrawn = true;
            if (entry.message.attempt(entry.destination) == mine) {
                entry.message.attempt(entry.destination, before);
            }
        }
    }

    private static AttemptState carriedOver(AttemptState before, AttemptState now) {
        Map<Integer, RecipientState> recipients = new TreeMap<>();
        before.recipients().forEach(recipient -> recipients.put(recipient.recipient(), recipient));
        now.recipients().forEach(recipient -> recipients.put(recipient.recipient(), recipient));
        return new AttemptState(now.attempts(), now.nextMillis(), List.copyOf(recipients.values()), now.orders());
    }

    @Override
    public CompletableFuture<Void> done(SpoolEntry entry) {
        SpooledMessage message = entry.message;
        synchronized (message) {
            if (message.isDone(entry.destination)) {
                return CompletableFuture.completedFuture(null);
            }
            message.open--;
            if (message.state instanceof ExtendedState extended) {
                extended.done.set(entry.destination);
            }
            if (message.open == 0) {
                cache.drop(message);
            }
        }
        Request.Done request = new Request.Done(nanoTime(), message, entry.destination);
        committer.submit(request);
        return request;
    }

    // ---- reading -----------------------------------------------------------------------------------------------

    @Override
    public StoredMessage read(SpoolEntry entry, LongPredicate room) throws IOException {
        SpooledMessage message = entry.message;
        StoredMessage cached;
        synchronized (message) {
            cached = message.cached();
        }
        if (cached != null) {
            state.cacheHits.increment();
            Content content = cached.content();
            return room.test(content.size())
                    ? cached
                    : new StoredMessage(cached.envelope(), new PiecesContent(message, content.size(),
                            content.hasDotLines(), content.hasEightBit()));
        }
        state.cacheMisses.increment();
        return readers.read(() -> load(message, room));
    }

    private StoredMessage load(SpooledMessage message, LongPredicate room) throws IOException {
        long octets;
        boolean inParts;
        synchronized (message) {
            inParts = message.state instanceof ExtendedState extended && extended.content.length > 0;
            octets = inParts ? largestPart(message) : message.length;
        }
        boolean fits = room.test(octets);
        ByteBuffer record = reading(message, () -> place(message), fits || inParts ? this::whole : this::head);
        byte flags = Records.flags(record, 0);
        boolean dotLines = (flags & Records.HAS_DOT_LINES) != 0;
        boolean eightBit = (flags & Records.HAS_EIGHT_BIT) != 0;
        Metas.Accepted accepted = Metas.accepted(record, 0);
        if (accepted.streamId() != 0) {
            return new StoredMessage(accepted.envelope(), new PartsContent(message, accepted.parts().size(), !fits,
                    accepted.contentLength(), dotLines, eightBit));
        }
        int length = contentLength(record);
        return new StoredMessage(accepted.envelope(), fits
                ? new MemoryContent(record.array(), record.arrayOffset() + Records.length(record, 0) - length, length,
                        dotLines, eightBit)
                : new PiecesContent(message, length, dotLines, eightBit));
    }

    private static int contentLength(ByteBuffer record) {
        return Records.length(record, 0) - Records.HEADER - Records.metaLength(record, 0);
    }

    /** Guarded by the message. */
    private static @Nullable Place place(SpooledMessage message) {
        LogSegment segment = message.segment;
        return segment == null ? null : new Place(segment, message.position, message.length);
    }

    /** Guarded by the message. */
    private static long largestPart(SpooledMessage message) {
        long largest = 0;
        if (message.state instanceof ExtendedState extended) {
            for (Place part : extended.content) {
                largest = Math.max(largest, part.length());
            }
        }
        return largest;
    }

    /**
     * Gives the content of one record in pieces of {@link #READ_PIECE}, once the whole was found sound. Between two of them
     * the record may move.
     */
    private void pieces(SpooledMessage message, Where where, Content.ChunkSink sink) throws IOException {
        int length = readers.read(() -> contentLength(reading(message, where, this::head)));
        byte[] piece = new byte[Math.min(length, READ_PIECE)];
        for (int at = 0; at < length; at += piece.length) {
            int left = length - at;
            int count = Math.min(left, piece.length);
            // from its end, since a copy of the record may say more before it
            readers.read(() -> reading(message, where, (_, place) -> {
                ByteBuffer into = ByteBuffer.wrap(piece, 0, count);
                place.segment().read(place.position() + place.length() - left, into);
                return into;
            }));
            sink.accept(piece, 0, count);
        }
    }

    @Override
    public @Nullable Envelope envelope(SpoolEntry entry) {
        try {
            return readers.read(() -> envelopeInIndex(entry.message)).orElse(null);
        } catch (IOException e) {
            log.warn("event=spool-envelope id={} why={}", new MessageId(entry.messageId()), e.getMessage());
            return null;
        }
    }

    private Optional<Envelope> envelopeInIndex(SpooledMessage message) throws IOException {
        LogSegment segment;
        long position;
        synchronized (message) {
            segment = message.segment;
            position = message.position;
        }
        IndexBlocks.Index records = segment == null || !segment.indexed
                ? null
                : IndexBlocks.open(store, segment.number, salt);
        if (records == null) {
            return Optional.empty();
        }
        List<Envelope> found = new ArrayList<>();
        records.source().forEach((at, octets, offset) -> {
            if (at == position && Records.type(octets, offset) == Records.ACCEPTED
                    && Records.id(octets, offset) == message.id) {
                found.add(Metas.accepted(octets, offset).envelope());
            }
        });
        return found.stream().findFirst();
    }

    @Override
    public AttemptState lastAttempt(SpoolEntry entry) throws IOException {
        while (true) {
            Attempt attempt = lastMerged(entry);
            if (attempt == null) {
                return NEVER;
            }
            try {
                return readers.read(() -> load(entry.message, attempt));
            } catch (UnreadableMessageException e) {
                synchronized (entry.message) {
                    if (entry.message.attempt(entry.destination) == attempt) {
                        throw e;
                    }
                }
                // another one counts since
            }
        }
    }

    /** The last attempt, once it is known what it says of all recipients. */
    private @Nullable Attempt lastMerged(SpoolEntry entry) throws IOException {
        Attempt waitedFor = null;
        while (true) {
            Attempt attempt;
            synchronized (entry.message) {
                attempt = entry.message.attempt(entry.destination);
                if (attempt == null || !attempt.isMerging()) {
                    return attempt;
                }
            }
            if (attempt == waitedFor) {
                throw new IOException("the attempt of message " + new MessageId(entry.messageId()) + " wasn't merged");
            }
            waitedFor = attempt;
            CompletableFuture<Void> merged;
            synchronized (mergeLock) {
                merged = merges;
            }
            merged.exceptionally(_ -> null).join();
        }
    }

    private AttemptState load(SpooledMessage message, Attempt attempt) throws IOException {
        synchronized (message) {
            if (attempt.pending != null && attempt.pending.whole != null) {
                return attempt.pending.whole;
            }
        }
        return Metas.attempt(record(message, () -> {
            LogSegment segment = attempt.segment;
            return segment == null ? null : new Place(segment, attempt.position, attempt.length);
        }), 0);
    }

    private ByteBuffer part(SpooledMessage message, int number) throws IOException {
        return record(message,
                () -> part(message.state, number));
    }

    private static @Nullable Place part(@Nullable Object state, int number) {
        return state instanceof ExtendedState extended && number < extended.content.length
                ? extended.content[number]
                : null;
    }

    private interface Where {
        @Nullable
        Place now();
    }

    /** Reads something of a record. */
    private interface Reading {
        /** @throws EOFException when the segment ends before the record does */
        ByteBuffer read(String what, Place place) throws IOException;
    }

    private ByteBuffer record(Object owner, String what, Where where) throws IOException {
        return reading(owner, what, where, this::whole);
    }

    private ByteBuffer reading(SpooledMessage message, Where where, Reading reading) throws IOException {
        return reading(message, "message " + new MessageId(message.id), where, reading);
    }

    /**
     * Reads a record, which may be moved while that goes on.
     *
     * @param owner guards where it lies
     * @param what  whose record, in words
     */
    private ByteBuffer reading(Object owner, String what, Where where, Reading reading) throws IOException {
        Place last = null;
        while (true) {
            Place place;
            synchronized (owner) {
                place = where.now();
            }
            if (place == null) {
                throw new UnreadableMessageException("the " + what + " is done", null);
            }
            try {
                return reading.read(what, place);
            } catch (ClosedChannelException e) {
                if (place.equals(last)) {
                    throw new UnreadableMessageException("the " + what + " is done", e);
                }
                last = place;
            } catch (EOFException e) {
                damaged(what, place, ByteBuffer.allocate(0));
                throw new UnreadableMessageException("the record of the " + what + " is cut off", e);
            }
        }
    }

    private ByteBuffer record(SpooledMessage message, Where where) throws IOException {
        return reading(message, where, this::whole);
    }

    private ByteBuffer whole(String what, Place place) throws IOException {
        ByteBuffer octets = ByteBuffer.allocate(place.length());
        place.segment().read(place.position(), octets);
        return checked(what, place, octets.clear());
    }

    /** The header and the meta of a record that is sound as a whole, of which no more than a piece is held. */
    private ByteBuffer head(String what, Place place) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(Records.HEADER);
        place.segment().read(place.position(), header);
        if (!Records.plausible(header, 0) || Records.length(header, 0) != place.length()) {
            return whole(what, place); // which isn't a record
        }
        ByteBuffer head = ByteBuffer.allocate(Records.HEADER + Records.metaLength(header, 0));
        place.segment().read(place.position(), head);
        CRC32C crc = Records.checksum(salt);
        crc.update(head.clear().position(Records.LENGTH_AT));
        ByteBuffer piece = ByteBuffer.allocate(Math.min(CHECK_PIECE, place.length()));
        for (int at = head.limit(); at < place.length(); at += piece.limit()) {
            place.segment().read(place.position() + at, piece.clear().limit(Math.min(piece.capacity(),
                    place.length() - at)));
            crc.update(piece.flip());
        }
        return (int) crc.getValue() == head.getInt(Records.CRC_AT) ? head.clear() : whole(what, place);
    }

    private ByteBuffer checked(String what, Place place, ByteBuffer octets) throws IOException {
        if (Records.plausible(octets, 0) && Records.length(octets, 0) == place.length()) {
            int length = Records.length(octets, 0);
            if (Records.checksum(salt, octets, 0, length) == octets.getInt(Records.CRC_AT)) {
                return octets;
            }
        }
        damaged(what, place, octets);
        throw new UnreadableMessageException("the record of the " + what + " is damaged: " + place.segment()
                + ", octet " + place.position(), null);
    }

    private void damaged(String what, Place place, ByteBuffer octets) throws IOException {
        place.segment().damaged = true;
        if (store.setAside("segment-%06d-at-%d".formatted(place.segment().number, place.position()), octets,
                "read for the " + what + ": not a record")) {
            state.quarantined.increment();
        }
    }

    /** Content that lies in the spool, and is read when it is asked for. */
    private abstract static class SpooledContent implements Content {
        private final long size;
        private final boolean hasDotLines;
        private final boolean hasEightBit;

        SpooledContent(long size, boolean hasDotLines, boolean hasEightBit) {
            this.size = size;
            this.hasDotLines = hasDotLines;
            this.hasEightBit = hasEightBit;
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        public boolean hasDotLines() {
            return hasDotLines;
        }

        @Override
        public boolean hasEightBit() {
            return hasEightBit;
        }
    }

    /** Content of one record that nobody holds. */
    private final class PiecesContent extends SpooledContent {
        private final SpooledMessage message;

        PiecesContent(SpooledMessage message, long size, boolean hasDotLines, boolean hasEightBit) {
            super(size, hasDotLines, hasEightBit);
            this.message = message;
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            pieces(message, () -> place(message), sink);
        }
    }

    /** Content that is read part by part. */
    private final class PartsContent extends SpooledContent {
        private final SpooledMessage message;
        private final int parts;
        private final boolean inPieces;

        /** @param inPieces whether not even a part is to be held */
        PartsContent(SpooledMessage message, int parts, boolean inPieces, long size, boolean hasDotLines,
                boolean hasEightBit) {
            super(size, hasDotLines, hasEightBit);
            this.message = message;
            this.parts = parts;
            this.inPieces = inPieces;
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            for (int i = 0; i < parts; i++) {
                int number = i;
                if (inPieces) {
                    pieces(message, () -> part(message.state, number), sink);
                    continue;
                }
                ByteBuffer record = readers.read(() -> part(message, number));
                int length = contentLength(record);
                sink.accept(record.array(), record.arrayOffset() + Records.length(record, 0) - length, length);
            }
        }
    }

    // ---- for the operator --------------------------------------------------------------------------------------

    /** The destinations of a message that are not done. */
    public List<SpoolEntry> entries(MessageId id) {
        SpooledMessage message = index.get(id.value());
        List<SpoolEntry> entries = new ArrayList<>();
        if (message != null) {
            synchronized (message) {
                for (int destination = 0; destination < message.destinations(); destination++) {
                    if (!message.isDone(destination)) {
                        entries.add(new SpoolEntry(message, destination));
                    }
                }
            }
        }
        return entries;
    }

    /** One of {@link #entries}. */
    public Optional<SpoolEntry> find(MessageId id, int destination) {
        return entries(id).stream().filter(entry -> entry.destination == destination).findFirst();
    }

    /** Octets of messages being taken in, and of what waits for the committer. */
    public long waitingOctets() {
        return state.waitingBytes.get() + state.intakeBytes.get();
    }

    @Override
    public SpoolHealth health() {
        return state.health();
    }

    @Override
    public boolean canRecord() {
        return state.canRecord();
    }

    @Override
    public void onRecording(Runnable changed) {
        state.onRecording(changed);
    }

    /** How long each sync took. */
    public HistogramSnapshot syncTimes() {
        return state.syncTimes.snapshot();
    }

    @Override
    public SpoolStats stats() {
        long bytes = 0;
        long live = 0;
        for (LogSegment segment : segments.all()) {
            bytes += segment.bytes();
            live += segment.live.get();
        }
        return new SpoolStats(state.messages.get(), segments.all().size(), bytes, live, cache.bytes(),
                state.cacheHits.sum(), state.cacheMisses.sum(), state.commits.sum(), state.syncs.sum(),
                state.syncNanos.sum(), state.records.sum(), state.bytes.sum(), state.reclaimed.sum(),
                state.deletionsRefused.sum(), state.moved.sum(), state.quarantined.sum(), state.waiting.get(),
                state.canRecord());
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        // 1. nothing new
        state.closed();
        // 2. what was asked for is submitted, written, synced, answered
        CompletableFuture<Void> lastMerge;
        synchronized (mergeLock) {
            lastMerge = merges;
        }
        lastMerge.exceptionally(_ -> null).join();
        maintenance.close();
        committer.stopping();
        join(maintenanceThread);
        committer.close();
        join(commitThread);
        // 3. the log is sealed
        maintenance.run();
        if (!state.isFailed()) {
            committer.active().leave();
            segments.seal(committer.active());
        }
        // 4. files are closed
        LockSupport.unpark(watchThread);
        readers.close();
        segments.close();
        try {
            store.close();
        } catch (IOException e) {
            log.warn("event=spool-close why={}", e.getMessage());
        }
    }

    private static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
