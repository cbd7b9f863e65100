package dev.penstock.spool;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The real machine, on which time passes at once when a test says so: a deadline is over exactly then, and not because the
 * machine was busy. Thread-safe.
 */
final class HurriedMachine implements Machine {
    private final AtomicLong ahead = new AtomicLong();

    void passes(Duration time) {
        ahead.addAndGet(time.toNanos());
    }

    @Override
    public long nanoTime() {
        return REAL.nanoTime() + ahead.get();
    }

    @Override
    public Thread thread(String name, boolean daemon, Runnable work) {
        return REAL.thread(name, daemon, work);
    }

    @Override
    public ThreadFactory pool(String prefix) {
        return REAL.pool(prefix);
    }

    @Override
    public void parkNanos(Object blocker, long nanos) {
        REAL.parkNanos(blocker, nanos);
    }
}
