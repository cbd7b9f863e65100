package dev.penstock.spool;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongPredicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;

/**
 * Keeps messages until every recipient is delivered, bounced or expired. Thread-safe. Positions inside are opaque:
 * callers hold a {@link SpoolEntry} per destination and ask by it.
 *
 * <p>Futures complete on the committer's thread and carry a {@link SpoolException} when they fail; whoever continues
 * on them must hand over at once.
 */
public interface Spool extends AutoCloseable {
    /** The next message id. Never blocks; ids grow, also across restarts and when the clock is set back. */
    MessageId nextId();

    /**
     * Starts to take in a message. Never blocks.
     *
     * @throws SpoolException when the spool takes nothing now: full, failed, overloaded or closed
     */
    Intake intake();

    /**
     * Records what an attempt left. Completes when durable; in the order of calls per entry. The recipients that
     * {@code state} doesn't name keep the state they had; when that can't be read, the future fails with the
     * {@link IOException}, nothing is recorded, and what was recorded before holds.
     */
    CompletableFuture<Void> recordAttempt(SpoolEntry entry, AttemptState state);

    /** Records that no recipient of this destination is left. Completes when durable; the entry is dead from the call on. */
    CompletableFuture<Void> done(SpoolEntry entry);

    /** As {@link #read(SpoolEntry, LongPredicate)}, for who has room for all. */
    default StoredMessage read(SpoolEntry entry) throws IOException {
        return read(entry, _ -> true);
    }

    /**
     * The message behind an entry: from memory when it is there, else read by the reader pool while the caller waits.
     * For virtual and platform threads, never for event loops.
     *
     * @param room asked at most once, on any thread, whether the caller may hold so many octets for as long as it holds the
     *             content; when it may not, the content is read from the disk in small pieces each time it is asked for,
     *             and holds one of them at a time; before the first, the envelope once more
     * @throws IOException when the record can't be read or is damaged: it is quarantined and counted then
     */
    StoredMessage read(SpoolEntry entry, LongPredicate room) throws IOException;

    /**
     * The envelope of a message that can't be read: the spool keeps it in a second place, once the segment is sealed.
     * Blocks as {@link #read} does.
     *
     * @return null when it can't be read there either
     */
    @Nullable
    Envelope envelope(SpoolEntry entry);

    /**
     * What the last attempt left of this destination; for an entry never attempted, zero attempts and no recipients.
     * Blocks as {@link #read} does.
     */
    AttemptState lastAttempt(SpoolEntry entry) throws IOException;

    /** What was answered under idempotency keys, and messages that count with their key or not at all. */
    Keys keys();

    /** Whether new mail is taken, and if not, why. Never blocks. */
    SpoolHealth health();

    /**
     * Whether outcomes can be recorded: not when the spool has failed, and not while some wait because the room reserved
     * for them is used up. While they can't, what is delivered may be delivered again after a restart. Never blocks, and
     * costs two volatile reads.
     */
    boolean canRecord();

    /**
     * Has {@code changed} run whenever {@link #canRecord} may have changed, both ways, on any thread; it must not block.
     * Called before the spool is used by several threads or at any time after; every runnable given is kept.
     */
    void onRecording(Runnable changed);

    /** Counters since start, and sizes now. Never blocks. */
    SpoolStats stats();

    /** Everything asked for before is written, synced and answered; then the log is sealed. */
    @Override
    void close();

    /** One message being taken in. Used by one thread at a time; nothing blocks. */
    interface Intake {
        /**
         * Adds content octets (dot-stuffing removed). The bytes are copied or written before the call returns.
         *
         * @throws SpoolException when the message can't be kept; the intake is aborted then
         */
        void write(byte[] bytes, int offset, int length);

        /** Completes at once while the spool keeps up; else when it has caught up and more may be written. */
        CompletableFuture<Void> writable();

        /** Octets written so far; what is given to {@link #commit} comes on top of it. */
        long size();

        /**
         * Makes the message durable. The future completes after the sync that covers it, with one entry per
         * {@link Envelope#destinations() destination} in their order.
         *
         * @param envelope    its id is one from {@link Spool#nextId()} and not used before
         * @param before      octets of content that go before all that was written, from now on never changed: they are
         *                    kept as they are. What is known only when all of the content is (a trace field that may come
         *                    later, signatures) can so stand first
         * @param hasDotLines of all octets, see {@link dev.penstock.message.Content#hasDotLines()}
         * @param hasEightBit of all octets, see {@link dev.penstock.message.Content#hasEightBit()}
         */
        CompletableFuture<List<SpoolEntry>> commit(Envelope envelope, byte[] before, boolean hasDotLines,
                boolean hasEightBit);

        /** Forgets the message. May be called after anything, any number of times; does nothing after commit. */
        void abort();
    }

    /** Idempotency keys. Thread-safe. */
    interface Keys {
        /**
         * What was recorded under a key and hasn't expired; null for nothing. Blocks as {@link Spool#read} does.
         *
         * @throws IOException when it can't be read or is damaged
         */
        @Nullable
        KeyRecord find(IdempotencyKey key) throws IOException;

        /** Whether fewer than so many are remembered. Never blocks. */
        boolean hasRoom(int max);

        /** How many are remembered. Never blocks. */
        long size();

        /** Begins a request whose messages count when its key is recorded, and not before. */
        KeyedRequest begin(IdempotencyKey key);
    }

    /** Messages of one request, and what it is answered. Used by one thread at a time. */
    interface KeyedRequest {
        /**
         * As {@link Spool#intake}, for a message that counts when {@link #record} has completed; a start before that throws it
         * away. So its commit completes when it is in the log, without waiting for a sync.
         */
        Intake intake();

        /**
         * Records the key, and makes the messages count whose commits succeed, all by one sync. Commits need not be
         * waited for. Completes with true when durable; with false when nothing was recorded because the log has more
         * or fewer than {@code count} of the messages: all commits are complete then and say which, and this may be
         * asked again. Fails with a {@link SpoolException}; nothing is recorded then, unless the spool has failed, when
         * the next start finds out.
         */
        CompletableFuture<Boolean> record(KeyRecord record, int count);

        /** Forgets the messages, none of which counts: for when no key was recorded. Never blocks. */
        void abandon();
    }

    /** What recovery tells of each destination that is not done, before the spool is used. Called by one thread. */
    @FunctionalInterface
    interface RecoveryListener {
        void recovered(QueuedDestination destination);
    }
}
