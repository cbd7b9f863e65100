package dev.penstock.routing;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What DNS says about one name and type, aliases followed. Immutable but for who renews it.
 *
 * @param values     as {@link RecordType} says; empty unless {@link State#FOUND}
 * @param why        for people, when it is {@link State#UNKNOWN}; else empty
 * @param freshUntil by the ticker of the cache that it came from
 * @param keptUntil  how long it may serve while it is being renewed
 * @param renewal    when the next may ask anew, by the same ticker
 */
public record RecordSet(State state, List<String> values, String why, long freshUntil, long keptUntil,
        AtomicLong renewal) {
    private static final int OVERHEAD = 260; // octets: the entry of the cache, its future and this
    private static final int VALUE = 56; // a string without its letters, and its place in the list

    /** What is certain, and what isn't. */
    public enum State {
        FOUND,
        /** The name exists, a record of this type doesn't. */
        NO_RECORD,
        NO_NAME,
        /** Time-outs, SERVFAIL, a name that isn't one. */
        UNKNOWN
    }

    public RecordSet {
        values = List.copyOf(values);
    }

    RecordSet(State state, List<String> values, String why, long freshUntil, long keptUntil) {
        this(state, values, why, freshUntil, keptUntil, new AtomicLong(freshUntil));
    }

    /** Of a question that wasn't asked. */
    public static RecordSet unknown(String why, long now) {
        return new RecordSet(State.UNKNOWN, List.of(), why, now, now);
    }

    /** Whether there is certainly none. */
    public boolean isAbsent() {
        return state == State.NO_RECORD || state == State.NO_NAME;
    }

    /** Of many callers past the time one may; the others after {@code pause} more nanoseconds. */
    boolean claimRenewal(long now, long pause) {
        long due = renewal.get();
        return now - due >= 0 && renewal.compareAndSet(due, now + pause);
    }

    /** What this and its place in a cache take, octets. */
    int weight(String key) {
        int letters = key.length() + why.length();
        for (String value : values) {
            letters += VALUE + value.length();
        }
        return OVERHEAD + letters;
    }
}
