package dev.penstock.shaping;

/**
 * What is to be expected of mail whose pace follows what its receiver takes. Immutable. Times are {@link System#nanoTime()}'s.
 *
 * @param untilNanos when a pause will probably be over; of no meaning when there is none
 * @param pauses     the share, below 1, of the time after that in which only probes will go
 * @param pace       how fast mail will go at other times, in parts of how fast it went at such times in the last minutes
 */
public record Prospect(State state, long untilNanos, double pauses, double pace) {
    /** What its receiver does. */
    public enum State {
        /** Nothing that mail is held to: how it went is how it goes. */
        OPEN,
        /** It takes mail at a pace that was found. */
        FLOWS,
        /** It takes nothing, as before: only probes go. */
        PAUSED,
        /** It takes nothing, or has done so once: for how long, and how often, nobody knows. */
        UNKNOWN
    }

    /** Of mail that nothing holds to a pace of its receiver's. */
    public static final Prospect OPEN = new Prospect(State.OPEN, 0, 0, 1);
    /** Of a receiver that there is nothing to go by for. */
    public static final Prospect UNKNOWN = new Prospect(State.UNKNOWN, 0, 0, 1);

    /** For how long only probes go still. A pause that is longer than it was to be is expected to be as long again as it is late. */
    public long pausedNanos(long nowNanos) {
        return state == State.PAUSED ? Math.abs(untilNanos - nowNanos) : 0;
    }
}
