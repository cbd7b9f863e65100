package dev.penstock.trace;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Between sessions and those who watch them. Thread-safe; every session and every watcher has it.
 *
 * <p>Invariant: those who watch are one list that is replaced whole, and everybody in it has time left or is about to be
 * taken out. A session keeps the list that it has seen, and looks before a command whether it is the one in force: with
 * nobody watching that is one read of a field that nobody writes.
 */
public final class TraceHub {
    /** Several operators, each with a console and a terminal. */
    public static final int MAX_WATCHERS = 16;

    private final LongSupplier nanoTime;
    private final int maxLines;
    private final long maxOctets;
    private volatile Watchers watchers = Watchers.NOBODY;

    /** @param nanoTime {@link System#nanoTime()}, or a test's */
    public TraceHub(LongSupplier nanoTime) {
        this(nanoTime, Watch.MAX_LINES, Watch.MAX_OCTETS);
    }

    /** @param maxLines that wait for one watcher, and {@code maxOctets} of them */
    TraceHub(LongSupplier nanoTime, int maxLines, long maxOctets) {
        this.nanoTime = nanoTime;
        this.maxLines = maxLines;
        this.maxOctets = maxOctets;
    }

    /**
     * Begins to watch.
     *
     * @param headers whether lines of messages' header sections are wanted; nobody gets a body
     * @param time    after which the watch ends by itself, {@link Watch#LONGEST_TIME} at most
     * @throws TooManyWatchersException when {@link #MAX_WATCHERS} do
     */
    public synchronized Watch open(TraceFilter filter, boolean headers, Duration time) {
        long nowNanos = nanoTime();
        List<Watch> next = new ArrayList<>(watchers.all());
        next.removeIf(watch -> watch.isPast(nowNanos));
        if (next.size() >= MAX_WATCHERS) {
            throw new TooManyWatchersException(MAX_WATCHERS);
        }
        Duration granted = time.compareTo(Watch.LONGEST_TIME) < 0 ? time : Watch.LONGEST_TIME;
        Watch watch = new Watch(this, filter, headers, nowNanos + granted.toNanos(), maxLines, maxOctets);
        next.add(watch);
        watchers = Watchers.of(next);
        return watch;
    }

    synchronized void remove(Watch watch) {
        List<Watch> next = new ArrayList<>(watchers.all());
        if (next.remove(watch)) {
            watchers = Watchers.of(next);
        }
    }

    /** Who watches now. */
    Watchers now() {
        return watchers;
    }

    /** How many watch now. */
    public int watchers() {
        return watchers.all().size();
    }

    long nanoTime() {
        return nanoTime.getAsLong();
    }
}
