package dev.penstock.metrics;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks every few seconds at what has no event of its own: space on disk, memory that is nearly used up, a day of a warm-up
 * that begins. What is looked at tells of changes only. Its looks are confined to its one thread.
 */
public final class Watch implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Watch.class);
    /** Between two looks. */
    static final Duration INTERVAL = Duration.ofSeconds(5);

    private final List<Runnable> looks;
    private volatile boolean closed;
    private @Nullable Thread thread;

    /** @param looks may block for a moment; what one throws is told and keeps no other from being looked at */
    public Watch(List<Runnable> looks) {
        this.looks = List.copyOf(looks);
    }

    /** The first look is over when this returns, so that figures of it are there from the start. */
    public Watch start() {
        look();
        thread = Thread.ofPlatform().name("watch").daemon().start(() -> {
            while (!closed) {
                LockSupport.parkNanos(this, INTERVAL.toNanos());
                if (!closed) {
                    look();
                }
            }
        });
        return this;
    }

    /** All of them once. */
    void look() {
        for (Runnable each : looks) {
            try {
                each.run();
            } catch (RuntimeException e) {
                log.error("event=watch-failed", e);
            }
        }
    }

    /** Waits for a look that is under way. */
    @Override
    public void close() {
        closed = true;
        Thread watching = thread;
        if (watching == null) {
            return;
        }
        LockSupport.unpark(watching);
        try {
            watching.join(INTERVAL);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
