package dev.penstock.queue;

/**
 * How fast mail leaves a queue while there is some: a mean over the last minutes, in which what is older counts less and
 * less. Guarded by its queue's lock; pure of clocks.
 *
 * <p>Both what has left and the time it took are weighted by {@code exp(-age / }τ{@code )}, so that their ratio is a
 * rate. τ is {@link #MEMORY_NANOS}, or longer where messages are so far apart that fewer than
 * {@link #LEAST} of them would count.
 */
final class Departures {
    /** Five minutes: long against a suspension's first wait, short against a change that an operator makes. */
    static final long MEMORY_NANOS = 300_000_000_000L;
    /** So many messages count at least. */
    static final int LEAST = 20;

    private double left;
    private double tookNanos;
    private boolean busy;
    private long sinceNanos;

    /** There is mail from now on; without effect while there was. */
    void begins(long nowNanos) {
        if (!busy) {
            busy = true;
            sinceNanos = nowNanos;
        }
    }

    /** A message has left. One that came when there was no other, and left at once, says nothing about how fast they do. */
    void left(long nowNanos) {
        if (!busy) {
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

    /** There is no mail any more, or it may not leave: the time until {@link #begins} doesn't count. */
    void ends() {
        busy = false;
    }

    /**
     * Nanoseconds from one message to the next; negative when too few have left to tell.
     *
     * @param nowNanos what has taken longer than the mean since the last one counts, too
     */
    double intervalNanos(long nowNanos) {
        if (left < LEAST / 2.0) {
            return -1;
        }
        double mean = tookNanos / left;
        double waited = busy ? Math.max(0, nowNanos - sinceNanos) : 0;
        return waited > mean ? (tookNanos + waited - mean) / left : mean;
    }
}
