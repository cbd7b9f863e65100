package dev.penstock.spool;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Platform threads that read from disk for callers that wait. Thread-safe. A buffered read on a virtual thread would
 * hold its carrier, and an interrupt would close the file under everybody: here neither happens.
 */
final class ReaderPool implements AutoCloseable {
    private final ExecutorService threads;

    ReaderPool(int size, Machine machine) {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(size, size, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
                machine.pool("spool-read-"));
        pool.prestartAllCoreThreads(); // at the start, and not when the system has none to give
        threads = pool;
    }

    /** Runs {@code read} on a reader while the caller waits. */
    <T> T read(Callable<T> read) throws IOException {
        Future<T> future;
        try {
            future = threads.submit(read);
        } catch (RejectedExecutionException e) {
            throw new IOException("the spool is closed", e);
        }
        try {
            return future.get();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while reading from the spool");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnreadableMessageException cause) {
                throw new UnreadableMessageException(String.valueOf(cause.getMessage()), cause);
            }
            if (e.getCause() instanceof IOException cause) {
                throw new IOException(cause.getMessage(), cause);
            }
            throw new IOException("reading from the spool failed", e.getCause());
        }
    }

    /** Runs {@code task} on a reader; nobody waits. */
    void execute(Runnable task) {
        threads.execute(task);
    }

    @Override
    public void close() {
        threads.close();
    }
}
