package dev.penstock.loadgen;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/**
 * One selector on one platform thread; handlers, timers and tasks are confined to that thread. Only
 * {@link #execute} and {@link #close} may be called from elsewhere.
 */
final class NioLoop implements Runnable, AutoCloseable {
    private final Selector selector;
    private final Thread thread;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private volatile boolean closed;

    /** Attached to a key; an exception it throws is handed back to it once, and it closes its channel. */
    interface Handler {
        void ready(SelectionKey key) throws IOException;

        void failed(IOException cause);
    }

    private record Timer(long atNanos, Runnable action) implements Comparable<Timer> {
        @Override
        public int compareTo(Timer other) {
            return Long.signum(atNanos - other.atNanos); // nanoTime may overflow: compare by difference
        }
    }

    NioLoop(String name) {
        try {
            selector = Selector.open();
        } catch (IOException e) {
            throw new UncheckedIOException("no selector", e);
        }
        thread = Thread.ofPlatform().daemon().name(name).unstarted(this);
    }

    void start() {
        thread.start();
    }

    void execute(Runnable task) {
        tasks.add(task);
        selector.wakeup();
    }

    SelectionKey register(SelectableChannel channel, int interest, Handler handler) throws IOException {
        return channel.register(selector, interest, handler);
    }

    /** Runs {@code action} on this thread at {@code atNanos} (of {@link System#nanoTime}) or up to 1 ms later. */
    void schedule(long atNanos, Runnable action) {
        timers.add(new Timer(atNanos, action));
    }

    @Override
    public void run() {
        try (selector) {
            while (!closed) {
                poll();
                runTasks();
                runTimers();
            }
            runTasks();
            for (SelectionKey key : selector.keys()) {
                key.channel().close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the selector failed", e);
        }
    }

    private void poll() throws IOException {
        Timer next = timers.peek();
        if (next == null) {
            selector.select(NioLoop::dispatch);
            return;
        }
        long nanos = next.atNanos - System.nanoTime();
        if (nanos <= 0) {
            selector.selectNow(NioLoop::dispatch);
        } else {
            selector.select(NioLoop::dispatch, TimeUnit.NANOSECONDS.toMillis(nanos) + 1);
        }
    }

    private static void dispatch(SelectionKey key) {
        if (!(key.attachment() instanceof Handler handler)) {
            return;
        }
        try {
            handler.ready(key);
        } catch (IOException e) {
            handler.failed(e);
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    private void runTimers() {
        if (timers.isEmpty()) {
            return;
        }
        long now = System.nanoTime();
        for (Timer timer = timers.peek(); timer != null && timer.atNanos - now <= 0; timer = timers.peek()) {
            timers.poll();
            timer.action.run();
        }
    }

    /** Closes every channel of this loop and waits for the thread to end; safe to call twice. */
    @Override
    public void close() {
        closed = true;
        if (!thread.isAlive()) {
            return;
        }
        selector.wakeup();
        try {
            thread.join(TimeUnit.SECONDS.toMillis(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
