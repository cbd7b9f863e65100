package dev.penstock.routing;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;

/**
 * Thread-safe. Runs a bounded number of look-ups at one time, each on a virtual thread; the others wait in order and
 * cost no thread, so that a million domains due at once are a million small objects.
 */
final class LookUpGate {
    private final Executor executor;
    private final int limit;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private int running;

    LookUpGate(Executor executor, int limit) {
        this.executor = executor;
        this.limit = limit;
    }

    /**
     * Never blocks.
     *
     * @throws RejectedExecutionException when the executor has been shut down
     */
    void submit(Runnable lookUp) {
        synchronized (waiting) {
            if (running == limit) {
                waiting.add(lookUp);
                return;
            }
            running++;
        }
        try {
            executor.execute(() -> work(lookUp));
        } catch (RejectedExecutionException e) {
            synchronized (waiting) {
                running--;
            }
            throw e;
        }
    }

    int waiting() {
        synchronized (waiting) {
            return waiting.size();
        }
    }

    int running() {
        synchronized (waiting) {
            return running;
        }
    }

    private void work(Runnable first) {
        @Nullable
        Runnable lookUp = first;
        while (lookUp != null) {
            try {
                lookUp.run();
            } finally {
                lookUp = next();
            }
        }
    }

    private @Nullable Runnable next() {
        synchronized (waiting) {
            @Nullable
            Runnable next = waiting.poll();
            if (next == null) {
                running--;
            }
            return next;
        }
    }
}
