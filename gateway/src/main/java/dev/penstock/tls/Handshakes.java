package dev.penstock.tls;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Platform threads that do the arithmetic of handshakes for all listeners, so that no event loop does. Thread-safe.
 *
 * <p>When more wait than the threads could do before their clients give up, further handshakes fail at once: their
 * connections are closed, and those that wait are served.
 */
public final class Handshakes implements Executor, AutoCloseable {
    /** The arithmetic needs a whole core; more threads than cores would only take time from event loops. */
    private static final int THREADS = Runtime.getRuntime().availableProcessors();
    /** Steps that may wait; a connection has one at a time. At a millisecond a step a full queue is 8 s / cores. */
    static final int MAX_WAITING = 8_192;
    private static final int KEEP_ALIVE_SECONDS = 60;

    private final LongAdder refused = new LongAdder();
    private final ThreadPoolExecutor pool;

    public Handshakes() {
        this(THREADS, MAX_WAITING);
    }

    Handshakes(int threads, int maxWaiting) {
        pool = new ThreadPoolExecutor(threads, threads, KEEP_ALIVE_SECONDS, TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(maxWaiting), Thread.ofPlatform().name("tls-handshake-", 0).daemon().factory());
        pool.allowCoreThreadTimeOut(true);
    }

    /** @throws RejectedExecutionException when too many wait, or no thread can be started */
    @Override
    public void execute(Runnable task) {
        try {
            pool.execute(task);
        } catch (RejectedExecutionException e) {
            refused.increment();
            throw e;
        } catch (OutOfMemoryError e) { // the system has no thread to give
            refused.increment();
            throw new RejectedExecutionException("no thread could be started", e);
        }
    }

    /** Steps that wait for a thread now. */
    public int waiting() {
        return pool.getQueue().size();
    }

    /** Steps refused since the start because too many waited. */
    public long refused() {
        return refused.sum();
    }

    /** Gives up what waits; its connections are expected to be closed already. */
    @Override
    public void close() {
        pool.shutdownNow();
    }
}
