package dev.penstock.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageId;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.spool.SpoolStats;
import dev.penstock.spool.StoredMessage;
import dev.penstock.spool.TestEntries;
import dev.penstock.spool.UnreadableMessageException;

/** A spool in memory that remembers in which order it was told what. Thread-safe; everything is durable at once. */
public final class RecordingSpool implements Spool {
    private final AtomicLong ids = new AtomicLong(1L << MessageId.MILLIS_SHIFT);
    private final Map<Long, StoredMessage> messages = new ConcurrentHashMap<>();
    private final Map<String, AttemptState> attempts = new ConcurrentHashMap<>();
    private final Set<Long> damaged = ConcurrentHashMap.newKeySet();
    private final Set<Long> lostEnvelopes = ConcurrentHashMap.newKeySet();
    private volatile boolean attemptFails;
    private volatile long breaksAt = -1;
    private final List<String> log = new CopyOnWriteArrayList<>();
    private final List<Runnable> onRecording = new CopyOnWriteArrayList<>();
    private volatile boolean full;
    private volatile boolean cannotRecord;
    private volatile boolean breaks;

    /** {@code commit ID}, {@code attempt ID.DESTINATION N}, {@code done ID.DESTINATION}, in the order they came. */
    public List<String> log() {
        return log;
    }

    /** Takes nothing any more, or again. */
    public void full(boolean now) {
        full = now;
    }

    /** From now on taking in a message fails as nobody foresaw. */
    public void breaks() {
        breaks = true;
    }

    /** Says that it can't record outcomes, or can again, and tells whoever wants to know. */
    public void canRecord(boolean now) {
        cannotRecord = !now;
        onRecording.forEach(Runnable::run);
    }

    /** Reading this message fails from now on. */
    public void damage(MessageId id) {
        damaged.add(id.value());
    }

    /** The message, also when it is done. */
    public StoredMessage message(MessageId id) {
        return messages.get(id.value());
    }

    public List<StoredMessage> messages() {
        return List.copyOf(messages.values());
    }

    public boolean isDone(SpoolEntry entry) {
        return log.contains("done " + key(entry));
    }

    /** Stores a message as if it had been received. */
    public List<SpoolEntry> add(Envelope envelope, Content content) {
        messages.put(envelope.id().value(), new StoredMessage(envelope, content));
        return envelope.destinations().stream()
                .map(destination -> TestEntries.entry(envelope.id().value(), destination.index())).toList();
    }

    @Override
    public MessageId nextId() {
        return new MessageId(ids.incrementAndGet());
    }

    @Override
    public Intake intake() {
        if (breaks) {
            throw new IllegalStateException("broken for a test");
        }
        if (full) {
            throw new SpoolException(SpoolException.Reason.FULL, "no room", null);
        }
        return new MemoryIntake();
    }

    @Override
    public CompletableFuture<Void> recordAttempt(SpoolEntry entry, AttemptState state) {
        if (attemptFails) {
            attemptFails = false;
            return CompletableFuture.failedFuture(new IOException("the record before can't be read"));
        }
        attempts.merge(key(entry), state, RecordingSpool::merge);
        log.add("attempt " + key(entry) + " " + state.attempts());
        return CompletableFuture.completedFuture(null);
    }

    private static AttemptState merge(AttemptState before, AttemptState now) {
        List<AttemptState.RecipientState> states = new ArrayList<>(now.recipients());
        before.recipients().stream()
                .filter(old -> now.recipients().stream().noneMatch(state -> state.recipient() == old.recipient()))
                .forEach(states::add);
        return new AttemptState(now.attempts(), now.nextMillis(), states, now.orders());
    }

    @Override
    public CompletableFuture<Void> done(SpoolEntry entry) {
        if (entry.messageId() == breaksAt) {
            breaksAt = -1;
            throw new IllegalStateException("no outcome can be recorded");
        }
        log.add("done " + key(entry));
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public StoredMessage read(SpoolEntry entry, LongPredicate room) throws IOException {
        if (damaged.contains(entry.messageId())) {
            throw new UnreadableMessageException("checksum mismatch", null);
        }
        StoredMessage message = messages.get(entry.messageId());
        return room.test(message.content().size())
                ? message
                : new StoredMessage(message.envelope(), new PiecesContent(message.content()));
    }

    /** The same, in pieces whose array is used again. */
    private record PiecesContent(Content whole) implements Content {
        private static final int PIECE = 1_000;

        @Override
        public long size() {
            return whole.size();
        }

        @Override
        public boolean hasDotLines() {
            return whole.hasDotLines();
        }

        @Override
        public boolean hasEightBit() {
            return whole.hasEightBit();
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            byte[] piece = new byte[PIECE];
            whole.forEachChunk((bytes, offset, length) -> {
                for (int at = 0; at < length; at += PIECE) {
                    int count = Math.min(PIECE, length - at);
                    System.arraycopy(bytes, offset + at, piece, 0, count);
                    sink.accept(piece, 0, count);
                }
            });
        }
    }

    /** Reading this message's envelope fails from now on, too. */
    public void damageEnvelope(MessageId id) {
        damage(id);
        lostEnvelopes.add(id.value());
    }

    /** Recording that this message is done breaks, once, as nothing should. */
    public void breakAt(MessageId id) {
        breaksAt = id.value();
    }

    /** Recording an attempt fails, once. */
    public void failNextAttempt() {
        attemptFails = true;
    }

    @Override
    public @Nullable Envelope envelope(SpoolEntry entry) {
        return lostEnvelopes.contains(entry.messageId()) ? null : messages.get(entry.messageId()).envelope();
    }

    @Override
    public AttemptState lastAttempt(SpoolEntry entry) {
        return attempts.getOrDefault(key(entry), new AttemptState(0, 0, List.of()));
    }

    @Override
    public Keys keys() {
        throw new UnsupportedOperationException("delivery has no keys");
    }

    @Override
    public SpoolHealth health() {
        return new SpoolHealth(full ? SpoolHealth.State.FULL : SpoolHealth.State.READY, "");
    }

    @Override
    public boolean canRecord() {
        return !cannotRecord;
    }

    @Override
    public void onRecording(Runnable changed) {
        onRecording.add(changed);
    }

    @Override
    public SpoolStats stats() {
        return new SpoolStats(messages.size(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, canRecord());
    }

    @Override
    public void close() {}

    private static String key(SpoolEntry entry) {
        return new MessageId(entry.messageId()) + "." + entry.destination();
    }

    private final class MemoryIntake implements Intake {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        @Override
        public void write(byte[] source, int offset, int length) {
            bytes.write(source, offset, length);
        }

        @Override
        public CompletableFuture<Void> writable() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public long size() {
            return bytes.size();
        }

        @Override
        public CompletableFuture<List<SpoolEntry>> commit(Envelope envelope, byte[] before, boolean hasDotLines,
                boolean hasEightBit) {
            byte[] all = bytes.toByteArray();
            log.add("commit " + envelope.id());
            return CompletableFuture.completedFuture(
                    add(envelope, new MemoryContent(before, all, all.length, hasDotLines, hasEightBit)));
        }

        @Override
        public void abort() {}
    }
}
