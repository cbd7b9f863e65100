package dev.penstock.testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongPredicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageId;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.IdempotencyKey;
import dev.penstock.spool.KeyRecord;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.spool.SpoolStats;
import dev.penstock.spool.StoredMessage;
import dev.penstock.spool.TestEntries;

/**
 * A spool in memory that does what the test tells it to: commits complete at once, or when {@link #completeCommits} is
 * called, or fail. Thread-safe.
 */
public final class FakeSpool implements Spool {
    private final Map<Long, StoredMessage> stored = new HashMap<>();
    private final List<StoredMessage> messages = new ArrayList<>();
    private final Map<SpoolEntry, AttemptState> attempts = new HashMap<>();
    private final List<SpoolEntry> done = new ArrayList<>();
    private final Deque<Runnable> heldCommits = new ArrayDeque<>();
    private final FakeKeys keys = new FakeKeys();
    private volatile boolean failKeys;
    private boolean holdCommits;
    private boolean failAborts;
    private @Nullable SpoolException refuseIntake;
    private @Nullable SpoolException failWrites;
    private @Nullable SpoolException failCommits;
    private String failCommitsTo = "";
    private SpoolHealth health = new SpoolHealth(SpoolHealth.State.READY, "");
    private CompletableFuture<@Nullable Void> writable = CompletableFuture.completedFuture(null);
    private long lastId = 1_700_000_000_000L << MessageId.MILLIS_SHIFT;
    private int aborted;
    private int openIntakes;

    /** Commits wait until {@link #completeCommits}. */
    public synchronized void holdCommits() {
        holdCommits = true;
    }

    /** Completes what waits, on the calling thread, and all that follows at once. */
    public void completeCommits() {
        List<Runnable> commits;
        synchronized (this) {
            holdCommits = false;
            commits = new ArrayList<>(heldCommits);
            heldCommits.clear();
        }
        commits.forEach(Runnable::run);
    }

    public synchronized int waitingCommits() {
        return heldCommits.size();
    }

    /** @param reason null to take messages again */
    public synchronized void refuseIntake(SpoolException.@Nullable Reason reason) {
        refuseIntake = failure(reason);
    }

    /** @param reason null to let writes pass again */
    public synchronized void failWrites(SpoolException.@Nullable Reason reason) {
        failWrites = failure(reason);
    }

    /** @param reason null to let commits pass again */
    public synchronized void failCommits(SpoolException.@Nullable Reason reason) {
        failCommits = failure(reason);
    }

    /** From now on, messages with this recipient fail as when there is no room. */
    public synchronized void failCommitsTo(String recipient) {
        failCommitsTo = recipient;
    }

    public synchronized void health(SpoolHealth.State state) {
        health = new SpoolHealth(state, state.name());
    }

    /** From now on, giving a message up fails, after it was given up. */
    public synchronized void failAborts() {
        failAborts = true;
    }

    /** What {@link Intake#writable()} gives from now on. */
    public synchronized void writable(CompletableFuture<@Nullable Void> future) {
        writable = future;
    }

    /** Everything committed, in order. */
    public synchronized List<StoredMessage> messages() {
        return List.copyOf(messages);
    }

    /** The content of a committed message as text. */
    public String content(int index) {
        return text(messages().get(index));
    }

    public static String text(StoredMessage message) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            message.content().forEachChunk(out::write);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return out.toString(ISO_8859_1);
    }

    public synchronized List<SpoolEntry> done() {
        return List.copyOf(done);
    }

    public synchronized int aborted() {
        return aborted;
    }

    /** Intakes neither committed nor aborted. */
    public synchronized int openIntakes() {
        return openIntakes;
    }

    @Override
    public synchronized MessageId nextId() {
        return new MessageId(++lastId);
    }

    @Override
    public Intake intake() {
        return intake(_ -> {});
    }

    private synchronized Intake intake(Consumer<CompletableFuture<List<SpoolEntry>>> committed) {
        if (refuseIntake != null) {
            throw refuseIntake;
        }
        openIntakes++;
        return new FakeIntake(committed);
    }

    @Override
    public synchronized CompletableFuture<Void> recordAttempt(SpoolEntry entry, AttemptState state) {
        attempts.put(entry, state);
        return completed();
    }

    @Override
    public synchronized CompletableFuture<Void> done(SpoolEntry entry) {
        done.add(entry);
        return completed();
    }

    @Override
    public synchronized StoredMessage read(SpoolEntry entry, LongPredicate room) throws IOException {
        StoredMessage message = stored.get(entry.messageId());
        if (message == null) {
            throw new IOException("no such message");
        }
        return message;
    }

    @Override
    public synchronized @Nullable Envelope envelope(SpoolEntry entry) {
        StoredMessage message = stored.get(entry.messageId());
        return message == null ? null : message.envelope();
    }

    @Override
    public synchronized AttemptState lastAttempt(SpoolEntry entry) {
        return attempts.getOrDefault(entry, new AttemptState(0, 0, List.of()));
    }

    /** Whether messages are kept from now on, but not the keys of their requests. */
    public void failKeys(boolean fail) {
        failKeys = fail;
    }

    @Override
    public Keys keys() {
        return keys;
    }

    @Override
    public synchronized SpoolHealth health() {
        return health;
    }

    @Override
    public synchronized boolean canRecord() {
        return health.state() != SpoolHealth.State.FAILED;
    }

    @Override
    public void onRecording(Runnable changed) {
        // nothing here asks for it
    }

    @Override
    public synchronized SpoolStats stats() {
        return new SpoolStats(stored.size(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, heldCommits.size(),
                canRecord());
    }

    @Override
    public void close() {}

    @SuppressWarnings("NullAway") // the value of a CompletableFuture<Void> is null
    private static CompletableFuture<Void> completed() {
        return CompletableFuture.completedFuture(null);
    }

    private static @Nullable SpoolException failure(SpoolException.@Nullable Reason reason) {
        return reason == null ? null : new SpoolException(reason, "told to", null);
    }

    /** Keys are recorded when all commits of their messages are complete, and never expire. */
    private final class FakeKeys implements Keys {
        private final Map<IdempotencyKey, KeyRecord> recorded = new ConcurrentHashMap<>();

        @Override
        public @Nullable KeyRecord find(IdempotencyKey key) {
            return recorded.get(key);
        }

        @Override
        public boolean hasRoom(int max) {
            return recorded.size() < max;
        }

        @Override
        public long size() {
            return recorded.size();
        }

        @Override
        public KeyedRequest begin(IdempotencyKey key) {
            return new KeyedRequest() {
                private final List<CompletableFuture<List<SpoolEntry>>> commits = new ArrayList<>();

                @Override
                public Intake intake() {
                    return FakeSpool.this.intake(commits::add);
                }

                @Override
                public CompletableFuture<Boolean> record(KeyRecord record, int count) {
                    if (failKeys) {
                        return CompletableFuture.failedFuture(
                                new SpoolException(SpoolException.Reason.FULL, "told to", null));
                    }
                    return CompletableFuture.allOf(commits.toArray(CompletableFuture[]::new)).handle((_, _) -> {
                        boolean asAnswered = commits.stream().filter(commit -> !commit.isCompletedExceptionally())
                                .count() == count;
                        if (asAnswered) {
                            recorded.put(key, record);
                        }
                        return asAnswered;
                    });
                }

                @Override
                public void abandon() {
                    for (CompletableFuture<List<SpoolEntry>> commit : commits) {
                        var _ = commit.thenAccept(entries -> entries.forEach(entry -> {
                            var _ = done(entry);
                        }));
                    }
                }
            };
        }
    }

    private final class FakeIntake implements Intake {
        private final ByteArrayOutputStream content = new ByteArrayOutputStream();
        private final Consumer<CompletableFuture<List<SpoolEntry>>> committed;
        private boolean open = true;

        FakeIntake(Consumer<CompletableFuture<List<SpoolEntry>>> committed) {
            this.committed = committed;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            synchronized (FakeSpool.this) {
                if (failWrites != null) {
                    abort();
                    throw failWrites;
                }
            }
            content.write(bytes, offset, length);
        }

        @Override
        @SuppressWarnings("NullAway") // as above
        public CompletableFuture<Void> writable() {
            synchronized (FakeSpool.this) {
                return writable;
            }
        }

        @Override
        public long size() {
            return content.size();
        }

        @Override
        public CompletableFuture<List<SpoolEntry>> commit(Envelope envelope, byte[] before, boolean hasDotLines,
                boolean hasEightBit) {
            CompletableFuture<List<SpoolEntry>> future = new CompletableFuture<>();
            committed.accept(future);
            byte[] bytes = content.toByteArray();
            Runnable commit = () -> {
                SpoolException failure;
                synchronized (FakeSpool.this) {
                    failure = envelope.recipients().stream().anyMatch(to -> to.address().equals(failCommitsTo))
                            ? failure(SpoolException.Reason.FULL)
                            : failCommits;
                    if (failure == null) {
                        StoredMessage message = new StoredMessage(envelope,
                                new MemoryContent(before, bytes, bytes.length, hasDotLines, hasEightBit));
                        messages.add(message);
                        stored.put(envelope.id().value(), message);
                    }
                }
                if (failure == null) {
                    future.complete(envelope.destinations().stream()
                            .map(destination -> TestEntries.entry(envelope.id().value(), destination.index()))
                            .toList());
                } else {
                    future.completeExceptionally(failure);
                }
            };
            synchronized (FakeSpool.this) {
                open = false;
                openIntakes--;
                if (holdCommits) {
                    heldCommits.add(commit);
                    return future;
                }
            }
            commit.run();
            return future;
        }

        @Override
        public void abort() {
            synchronized (FakeSpool.this) {
                if (open) {
                    open = false;
                    openIntakes--;
                    aborted++;
                    if (failAborts) {
                        throw new IllegalStateException("a fault that the test wants");
                    }
                }
            }
        }
    }
}
