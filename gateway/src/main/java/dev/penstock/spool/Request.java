package dev.penstock.spool;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.SpooledMessage.Attempt;
import dev.penstock.spool.SpooledMessage.Place;

/** Something for the committer to write, and the future of whoever waits for it. Filled before it is submitted. */
abstract sealed class Request<T> extends CompletableFuture<T> {
    /** The request submitted before; the committer's queue is linked by it. */
    @Nullable
    Request<?> previous;
    final long submittedNanos;

    private Request(long nowNanos) {
        this.submittedNanos = nowNanos;
    }

    /** Whether somebody waits for it who shall not wait for company. */
    boolean isUrgent() {
        return true;
    }

    /** Whether it isn't answered before it is on the medium. */
    boolean needsSync() {
        return true;
    }

    /** Octets counted against what may wait. */
    int weight() {
        return 0;
    }

    void fail(SpoolException.Reason reason, String message, @Nullable Throwable cause) {
        completeExceptionally(new SpoolException(reason, message, cause));
    }

    /** A message, all of whose parts were submitted before. */
    static final class Accept extends Request<List<SpoolEntry>> {
        final SpooledMessage message;
        final List<SpoolEntry> entries;
        /** Header and meta; for content in parts the envelope, because the rest is known when the parts are written. */
        final byte[] head;
        /** The beginning of the content that follows; empty for content in parts. */
        final byte[] before;
        /** The rest of it. */
        final byte[] content;
        final int contentLength;
        /** In the order of the content. */
        final List<Part> parts;
        final byte flags;
        final long totalLength;
        /** Counts only with a {@link Key}, which brings the sync. */
        final boolean held;
        private final ContentCache cache;

        Accept(long nowNanos, SpooledMessage message, List<SpoolEntry> entries, byte[] head, byte[] before,
                byte[] content, int contentLength, List<Part> parts, byte flags, long totalLength, boolean held,
                ContentCache cache) {
            super(nowNanos);
            this.message = message;
            this.entries = entries;
            this.head = head;
            this.before = before;
            this.content = content;
            this.contentLength = contentLength;
            this.parts = parts;
            this.flags = flags;
            this.totalLength = totalLength;
            this.held = held;
            this.cache = cache;
        }

        @Override
        public boolean completeExceptionally(Throwable failure) {
            boolean failed = super.completeExceptionally(failure);
            if (failed) {
                cache.drop(message);
            }
            return failed;
        }

        @Override
        boolean needsSync() {
            return !held;
        }

        @Override
        int weight() {
            return head.length + before.length + contentLength;
        }
    }

    /** A piece of content. Completes when written; the message's own record brings the sync. */
    static final class Part extends Request<Void> {
        final byte[] head;
        final byte[] content;
        final int contentLength;
        private @Nullable Place place;
        private boolean abandoned;

        Part(long nowNanos, byte[] head, byte[] content, int contentLength) {
            super(nowNanos);
            this.head = head;
            this.content = content;
            this.contentLength = contentLength;
        }

        /** Counts it as live from now on. */
        synchronized void written(Place at) {
            place = at;
            if (!abandoned) {
                at.segment().live.addAndGet(at.length());
            }
        }

        synchronized void abandon() {
            if (!abandoned && place != null) {
                place.segment().live.addAndGet(-place.length());
            }
            abandoned = true;
        }

        synchronized boolean isAbandoned() {
            return abandoned;
        }

        synchronized @Nullable Place place() {
            return place;
        }

        @Override
        boolean needsSync() {
            return false;
        }

        @Override
        int weight() {
            return head.length + contentLength;
        }
    }

    /**
     * What makes the held messages of a request count, and remembers its key. Completes with true when durable; with
     * false, unwritten, when not as many of the messages are kept as its answer says.
     */
    static final class Key extends Request<Boolean> {
        final KeyEntry entry;
        final @Nullable IdempotencyKey key;
        final KeyRecord record;
        private final List<SpooledMessage> kept;
        /** Submitted before, perhaps in the same batch. */
        private final List<Accept> pending;
        private final int expected;

        Key(long nowNanos, long request, @Nullable IdempotencyKey key, KeyRecord record, List<SpooledMessage> kept,
                List<Accept> pending, int expected) {
            super(nowNanos);
            this.entry = new KeyEntry(request, record.expiresMillis());
            this.key = key;
            this.record = record;
            this.kept = List.copyOf(kept);
            this.pending = List.copyOf(pending);
            this.expected = expected;
        }

        /** Whether it is refused when there is no room, as mail is; what recovery found out waits for room. */
        boolean isMail() {
            return key != null;
        }

        /** What counts by it. On the committer, after what was submitted before was placed. */
        List<SpooledMessage> messages() {
            if (pending.isEmpty()) {
                return kept;
            }
            List<SpooledMessage> all = new ArrayList<>(kept);
            for (Accept accept : pending) {
                if (!accept.isCompletedExceptionally()) {
                    all.add(accept.message);
                }
            }
            return all;
        }

        boolean isAsAnswered(List<SpooledMessage> messages) {
            return messages.size() == expected;
        }

        @Override
        int weight() {
            return record.answer().length;
        }
    }

    /** What an attempt left. */
    static final class Attempted extends Request<Void> {
        final SpooledMessage message;
        final int destination;
        final byte[] record;
        final Attempt attempt;

        Attempted(long nowNanos, SpooledMessage message, int destination, byte[] record, Attempt attempt) {
            super(nowNanos);
            this.message = message;
            this.destination = destination;
            this.record = record;
            this.attempt = attempt;
        }

        @Override
        boolean isUrgent() {
            return false;
        }
    }

    /** The end of one destination. */
    static final class Done extends Request<Void> {
        final SpooledMessage message;
        final int destination;

        Done(long nowNanos, SpooledMessage message, int destination) {
            super(nowNanos);
            this.message = message;
            this.destination = destination;
        }

        @Override
        boolean isUrgent() {
            return false;
        }
    }

    /** Task for the committer's thread, with DONE records where needed. Completes when those are durable. */
    static final class Task extends Request<Void> {
        final Action work;

        Task(long nowNanos, Action work) {
            super(nowNanos);
            this.work = work;
        }

        /** Runs on the committer. */
        @FunctionalInterface
        interface Action {
            void run(Tombstones tombstones) throws java.io.IOException;
        }
    }

    /** Appends DONE records. */
    @FunctionalInterface
    interface Tombstones {
        void add(long id, int destination, LogSegment target) throws java.io.IOException;
    }
}
