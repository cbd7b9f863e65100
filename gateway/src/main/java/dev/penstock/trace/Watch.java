package dev.penstock.trace;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One watcher: which sessions it wants, and a bounded ring of lines that it hasn't taken yet. Thread-safe: sessions put
 * lines in, its owner takes them out, and whoever notices that its time is over ends it.
 *
 * <p>Invariant: at most {@link #MAX_LINES} lines of {@link #MAX_OCTETS} octets wait. Each line that is put in before the end
 * is taken once, in the order in which it came, or counted as left out once; what is left out came behind all that waits
 * and before all that comes after it was told. Nobody who puts a line in waits for the owner.
 */
public final class Watch implements AutoCloseable {
    /** What a terminal takes in a moment: some hundred dialogues. */
    static final int MAX_LINES = 10_000;
    static final long MAX_OCTETS = 2 << 20;
    /** When nobody says for how long. */
    public static final Duration USUAL_TIME = Duration.ofMinutes(10);
    /** A watcher that was forgotten costs no longer than that. */
    public static final Duration LONGEST_TIME = Duration.ofHours(1);

    private final TraceHub hub;
    private final TraceFilter filter;
    private final boolean headers;
    private final long endNanos;
    private final int maxLines;
    private final long maxOctets;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition news = lock.newCondition();
    private List<TraceLine> waiting = new ArrayList<>();
    private long octets;
    private long leftOut;
    private volatile boolean over;

    Watch(TraceHub hub, TraceFilter filter, boolean headers, long endNanos, int maxLines, long maxOctets) {
        this.hub = hub;
        this.filter = filter;
        this.headers = headers;
        this.endNanos = endNanos;
        this.maxLines = maxLines;
        this.maxOctets = maxOctets;
    }

    /**
     * What has come since the last time.
     *
     * @param lines   in the order in which they came
     * @param leftOut lines behind these for which there was no room
     * @param over    whether nothing more will come
     */
    public record Batch(List<TraceLine> lines, long leftOut, boolean over) {}

    TraceFilter filter() {
        return filter;
    }

    /** Whether it wants lines of header sections. */
    boolean wantsHeaders() {
        return headers;
    }

    /** A session says something. Never waits but for another's copy of a reference. */
    void offer(TraceLine line, long nowNanos) {
        if (line.header() && !headers || endsAt(nowNanos)) {
            return;
        }
        lock.lock();
        try {
            if (over) {
                return;
            }
            if (leftOut > 0 || waiting.size() == maxLines || octets + line.weight() > maxOctets) {
                leftOut++; // and all behind it until that is told: what is left out has one place
                return;
            }
            waiting.add(line);
            octets += line.weight();
            news.signal();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes all that has come; waits for something for so long at most, and no longer than to the end.
     *
     * @return with nothing in it when nothing came
     */
    public Batch take(Duration longest) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long left = longest.toNanos();
            while (waiting.isEmpty() && leftOut == 0 && !over) {
                long nowNanos = hub.nanoTime();
                if (endsAt(nowNanos) || left <= 0) {
                    break;
                }
                long nap = Math.min(left, endNanos - nowNanos);
                left -= nap - Math.max(0, news.awaitNanos(nap));
            }
            List<TraceLine> lines = waiting;
            Batch batch = new Batch(lines, leftOut, over);
            waiting = new ArrayList<>();
            octets = 0;
            leftOut = 0;
            return batch;
        } finally {
            lock.unlock();
        }
    }

    /** Whether no more lines come in. */
    public boolean isOver() {
        return over;
    }

    /** How long it has to go, by the clock of its hub. */
    public Duration left() {
        return Duration.ofNanos(Math.max(0, over ? 0 : endNanos - hub.nanoTime()));
    }

    /** Whether it has had its time, noticed or not. */
    boolean isPast(long nowNanos) {
        return over || nowNanos - endNanos >= 0;
    }

    /** Whether it is over; ends it when it has had its time. */
    boolean endsAt(long nowNanos) {
        if (!over && isPast(nowNanos)) {
            close();
        }
        return over;
    }

    /** Nothing more comes in; what has come may still be taken. Idempotent. */
    @Override
    public void close() {
        hub.remove(this);
        lock.lock();
        try {
            over = true;
            news.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
