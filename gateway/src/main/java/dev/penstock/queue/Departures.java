package dev.penstock.queue;

/**
 * How fast mail leaves a queue while there is some: a mean over the last minutes, in which what is older counts less and
 * less. Guarded by its queue's lock; pure of clocks.
 *
 * <p>Both what has left and the time it took are weighted by {@code exp(-age / }τ{@code )}, so that their ratio is a
 * rate. τ is {@link #MEMORY_NANOS}, or longer where messages are so far apart that fewer than {@link #LEAST} of them would
 * count.
 *
 * <p>Times for which mail stood, until a moment that was known, aren't in this: what is left of such a time is known too. But
 * where they come again and again, they will come in the time that is asked about: how much longer they make it is
 * remembered over {@link #STOOD_MEMORY_NANOS}, and believed after {@link #STOOD_LEAST} of them.
 */
final class Departures {
    /** Five minutes: long against a suspension's first wait, short against a change that an operator makes. */
    static final long MEMORY_NANOS = 300_000_000_000L;
    /** So many messages count at least. */
    static final int LEAST = 20;
    /** An hour: some of the pauses that receivers make. */
    static final long STOOD_MEMORY_NANOS = 3_600_000_000_000L;
    /** Fewer pauses may have been all there are. */
    static final double STOOD_LEAST = 2.5;

    private enum State {
        EMPTY,
        FLOWS,
        /** The path is open, and its mail waits for what isn't the path's. */
        WAITS,
        STANDS
    }

    private double left;
    private double tookNanos;
    private State state = State.EMPTY;
    /** When the state began. */
    private long stateNanos;
    /** When the last message left, or the flow began. */
    private long sinceNanos;
    private double flowedNanos;
    private double stoodNanos;
    private double stood;

    /** There is mail that may leave from now on; without effect while there was. */
    void begins(long nowNanos) {
        if (state != State.FLOWS) {
            enter(State.FLOWS, nowNanos);
            sinceNanos = nowNanos;
        }
    }

    /** There is mail, and it may not leave before some time. */
    void stands(long nowNanos) {
        if (state != State.STANDS) {
            enter(State.STANDS, nowNanos);
        }
    }

    /** All that there is waits for its senders' limits: no time of the path's pauses, and it tells nothing of how fast mail leaves. */
    void waits(long nowNanos) {
        if (state != State.WAITS) {
            enter(State.WAITS, nowNanos);
        }
    }

    /** There is no mail any more: the time until more comes doesn't count. */
    void ends(long nowNanos) {
        if (state != State.EMPTY) {
            enter(State.EMPTY, nowNanos);
        }
    }

    private void enter(State next, long nowNanos) {
        double took = Math.max(0, nowNanos - stateNanos);
        if (state != State.EMPTY) {
            double weight = Math.exp(-took / STOOD_MEMORY_NANOS);
            flowedNanos *= weight;
            stoodNanos *= weight;
            stood *= weight;
            if (state != State.STANDS) {
                flowedNanos += took;
            } else {
                stoodNanos += took;
                stood++;
            }
        }
        state = next;
        stateNanos = nowNanos;
    }

    /** A message has left. One that came when there was no other, and left at once, says nothing about how fast they do. */
    void left(long nowNanos) {
        if (state != State.FLOWS) {
            return;
        }
        double took = Math.max(0, nowNanos - sinceNanos);
        double mean = left == 0 ? took : tookNanos / left;
        double weight = Math.exp(-took / Math.max(MEMORY_NANOS, LEAST * mean));
        left = left * weight + 1;
        tookNanos = tookNanos * weight + took;
        sinceNanos = nowNanos;
    }

    /** One that left has come back untried; the time that this took counts. */
    void cameBack() {
        left = Math.max(0, left - 1);
    }

    /**
     * Nanoseconds from one message to the next; negative when too few have left to tell.
     *
     * @param nowNanos what has taken longer than the mean since the last one counts, too
     */
    double intervalNanos(long nowNanos) {
        double interval = flowingNanos(nowNanos);
        boolean isOpen = state == State.FLOWS || state == State.WAITS;
        double flowed = flowedNanos + (isOpen ? Math.max(0, nowNanos - stateNanos) : 0);
        return stood < STOOD_LEAST || flowed <= 0 ? interval : interval * (1 + stoodNanos / flowed);
    }

    /** As {@link #intervalNanos} of times in which mail doesn't stand. */
    double flowingNanos(long nowNanos) {
        if (left < LEAST / 2.0) {
            return -1;
        }
        double mean = tookNanos / left;
        boolean flows = state == State.FLOWS;
        double waited = flows ? Math.max(0, nowNanos - sinceNanos) : 0;
        return waited > mean ? (tookNanos + waited - mean) / left : mean;
    }
}
