package dev.penstock.shaping;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts open sessions against a limit that may change at any time. Thread-safe, lock-free. */
final class ConnectionLimiter {
    private final AtomicInteger open = new AtomicInteger();

    boolean tryAcquire(int limit) {
        int count = open.get();
        while (count < limit) {
            int seen = open.compareAndExchange(count, count + 1);
            if (seen == count) {
                return true;
            }
            count = seen;
        }
        return false;
    }

    void release() {
        if (open.decrementAndGet() < 0) {
            throw new IllegalStateException("released more sessions than were opened");
        }
    }

    int open() {
        return open.get();
    }
}
