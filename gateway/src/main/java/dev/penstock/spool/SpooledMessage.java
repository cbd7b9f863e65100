package dev.penstock.spool;

import java.util.BitSet;

import org.jspecify.annotations.Nullable;

/**
 * Where a message lies in the log, shared by the entries of its destinations. Guarded by itself; where it lies changes
 * on the committer only. There are millions: 40 octets, 32 more after a first attempt.
 */
final class SpooledMessage {
    final long id;
    long position;
    @Nullable
    LogSegment segment;
    int length;
    /** Destinations whose end wasn't asked for yet. */
    int open;
    /**
     * For the usual message, with one destination and its content in one record: its cached {@link StoredMessage} until
     * the first deferral, its {@link Attempt} from then on. Else a {@link ExtendedState}.
     */
    @Nullable
    Object state;

    SpooledMessage(long id) {
        this.id = id;
    }

    /** Where a record lies. */
    record Place(LogSegment segment, long position, int length) {}

    /** The record of an attempt. Guarded by the message. */
    static final class Attempt {
        /** Null before it is written, and again when a later one is or the destination is done. */
        @Nullable
        LogSegment segment;
        long position;
        int length;
        /** Bit i: recipient i is named; negative when that can't be said in 31 bits, or not yet. */
        int named;
        /** Until it is durable. */
        @Nullable
        Pending pending;

        Attempt(int named, @Nullable Pending pending) {
            this.named = named;
            this.pending = pending;
        }

        /** The record that counts as long as this one isn't durable. */
        @Nullable
        Attempt before() {
            return pending == null ? null : pending.before;
        }

        /** Whether the states of recipients it doesn't name are still to be read from the record before. */
        boolean isMerging() {
            return pending != null && pending.whole == null;
        }

        void written(LogSegment to, long at, int octets) {
            segment = to;
            position = at;
            length = octets;
            to.live.addAndGet(octets);
        }

        void release() {
            if (segment != null) {
                segment.live.addAndGet(-length);
                segment = null;
            }
        }
    }

    /** What is known of an attempt that isn't durable yet. Guarded by the message. */
    static final class Pending {
        @Nullable
        Attempt before;
        /** With what the one before knew of recipients that this one doesn't name; null as long as that isn't read. */
        @Nullable
        AttemptState whole;
        /** What the one before knew couldn't be read: this one is not recorded, and {@link #before} counts. */
        boolean withdrawn;

        Pending(@Nullable Attempt before, @Nullable AttemptState whole) {
            this.before = before;
            this.whole = whole;
        }
    }

    /** What a message with several destinations, or with its content in parts, has more. */
    static final class ExtendedState {
        final @Nullable Attempt[] attempts;
        final BitSet done = new BitSet();
        /** As {@link #done}, but written; the committer's own. */
        final BitSet doneWritten = new BitSet();
        @Nullable
        StoredMessage cached;
        /** Content in PART records, in order; empty when it is in the ACCEPTED record. */
        Place[] content = {};
        /** The id of the PART records. */
        long streamId;
        /** Counts the copies of the ACCEPTED record. */
        int revision;

        ExtendedState(int destinations) {
            attempts = new Attempt[destinations];
        }
    }

    /** Guarded by this. */
    boolean isDone(int destination) {
        return state instanceof ExtendedState extended ? extended.done.get(destination) : open == 0;
    }

    int destinations() {
        return state instanceof ExtendedState extended ? extended.attempts.length : 1;
    }

    /** Guarded by this. */
    @Nullable
    Attempt attempt(int destination) {
        return switch (state) {
            case Attempt attempt -> attempt;
            case ExtendedState extended -> extended.attempts[destination];
            case null, default -> null;
        };
    }

    /** Guarded by this. */
    void attempt(int destination, Attempt attempt) {
        if (state instanceof ExtendedState extended) {
            extended.attempts[destination] = attempt;
        } else {
            state = attempt;
        }
    }

    /** Guarded by this. */
    @Nullable
    StoredMessage cached() {
        return switch (state) {
            case StoredMessage stored -> stored;
            case ExtendedState extended -> extended.cached;
            case null, default -> null;
        };
    }

    /** Guarded by this. */
    @Nullable
    StoredMessage dropCached() {
        StoredMessage cached = cached();
        if (state instanceof ExtendedState extended) {
            extended.cached = null;
        } else if (cached != null) {
            state = null;
        }
        return cached;
    }
}
