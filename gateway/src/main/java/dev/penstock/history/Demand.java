package dev.penstock.history;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Who searches and wants what isn't shown yet: that is shown when somebody asks. Thread-safe: asked by those who search,
 * answered by the thread that indexes.
 *
 * <p>Invariant: {@code answered <= asked}. An ask is answered when what the log had by then is shown, so the one who shows
 * reads {@link #asked} first and the log then. After {@link #close} nobody waits.
 */
final class Demand {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition more = lock.newCondition();
    private long asked;
    private long answered;
    private long freshUntil;
    private boolean closed;

    Demand(long nowNanos) {
        freshUntil = nowNanos;
    }

    /** @return the number of this ask; that of an answered one when what is shown is fresh enough to do without */
    long ask(long nowNanos) {
        lock.lock();
        try {
            return closed || nowNanos - freshUntil < 0 ? answered : ++asked;
        } finally {
            lock.unlock();
        }
    }

    /** All before this one, and itself, are answered by who looks at the log from now on. */
    long asked() {
        lock.lock();
        try {
            return asked;
        } finally {
            lock.unlock();
        }
    }

    boolean isOpen(long ask) {
        lock.lock();
        try {
            return ask > answered && !closed;
        } finally {
            lock.unlock();
        }
    }

    /** @param untilNanos so long nobody needs a newer answer */
    void answer(long ask, long untilNanos) {
        lock.lock();
        try {
            answered = Math.max(answered, ask);
            freshUntil = untilNanos;
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until it is answered, or so long. @return whether it is */
    boolean await(long ask, Duration longest) {
        long left = longest.toNanos();
        lock.lock();
        try {
            while (ask > answered && !closed && left > 0) {
                left = more.awaitNanos(left);
            }
            return ask <= answered;
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    void close() {
        lock.lock();
        try {
            closed = true;
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
