package dev.penstock.queue;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does things when they are due: releases items, wakes ready queues, keeps house. Thread-safe; what falls due is handled on
 * one thread, {@code queue-wheel}, in batches between which the lock is free.
 */
final class Scheduler {
    private static final Logger log = LoggerFactory.getLogger(Scheduler.class);
    /** Items per hold of the lock: some tens of microseconds. */
    static final int BATCH = 512;
    private static final long HOUSEKEEPING_RETRY_NANOS = 1_000_000_000; // a second
    private static final long CLOSE_MILLIS = 5_000; // a batch takes milliseconds

    private record Wake(long atNanos, ReadyQueue readyQueue) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final QueueClock clock;
    private final TimingWheel wheel;
    private final PriorityQueue<Wake> wakes = new PriorityQueue<>(
            (a, b) -> Long.signum(a.atNanos - b.atNanos)); // nanoTime may wrap
    private final Consumer<QueueItem> release;
    private final Consumer<ReadyQueue> wake;
    private final LongSupplier housekeeping;
    private long sleepingUntilNanos;
    private boolean sleeping;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;

    /**
     * @param release      takes items that are due
     * @param wake         takes ready queues that are due
     * @param housekeeping does a little of what is regularly to be done; returns the nanoseconds until there is more
     */
    Scheduler(QueueClock clock, Consumer<QueueItem> release, Consumer<ReadyQueue> wake, LongSupplier housekeeping) {
        this.clock = clock;
        this.wheel = new TimingWheel(clock.millis());
        this.release = release;
        this.wake = wake;
        this.housekeeping = housekeeping;
    }

    void start() {
        thread = Thread.ofPlatform().name("queue-wheel").daemon(true).start(this::run);
    }

    void insert(QueueItem item) {
        lock.lock();
        try {
            wheel.insert(item);
            rouse(clock.nanosAt(item.dueMillis()));
        } finally {
            lock.unlock();
        }
    }

    /** @return whether it waited for its time, and doesn't any more: it is in the caller's hands */
    boolean remove(QueueItem item) {
        lock.lock();
        try {
            return wheel.remove(item);
        } finally {
            lock.unlock();
        }
    }

    /** Wakes {@code ready queue} at that time; sooner is possible when something sooner was asked for. */
    void wakeAt(ReadyQueue readyQueue, long atNanos) {
        lock.lock();
        try {
            if (!readyQueue.wakePending || atNanos - readyQueue.wakeNanos < 0) {
                readyQueue.wakePending = true;
                readyQueue.wakeNanos = atNanos;
                wakes.add(new Wake(atNanos, readyQueue));
                rouse(atNanos);
            }
        } finally {
            lock.unlock();
        }
    }

    int size() {
        lock.lock();
        try {
            return wheel.size();
        } finally {
            lock.unlock();
        }
    }

    /** Shows every waiting item until {@code more} returns false. It must be quick: the lock is held. */
    void scan(Predicate<QueueItem> more) {
        lock.lock();
        try {
            wheel.scan(more);
        } finally {
            lock.unlock();
        }
    }

    /** Housekeeping has something to do now. */
    void rouse() {
        lock.lock();
        try {
            rouse(clock.nanos());
        } finally {
            lock.unlock();
        }
    }

    private void rouse(long atNanos) {
        if (sleeping && atNanos - sleepingUntilNanos < 0) {
            sleeping = false;
            LockSupport.unpark(thread);
        }
    }

    /** Whether {@link #turn} has nothing to do before the time that it told last. */
    boolean sleeps() {
        lock.lock();
        try {
            return sleeping;
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        while (!closed) {
            long nanos = turn();
            if (nanos > 0) {
                LockSupport.parkNanos(this, nanos);
            }
        }
    }

    /**
     * Handles one batch of what is due.
     *
     * @return nanoseconds to sleep, 0 when there is more to do
     */
    long turn() {
        ItemList due = new ItemList();
        List<ReadyQueue> readyQueues = new ArrayList<>();
        boolean all;
        lock.lock();
        try {
            sleeping = false;
            all = wheel.advance(clock.millis(), BATCH, due);
            long now = clock.nanos();
            for (Wake next = wakes.peek(); next != null && next.atNanos - now <= 0; next = wakes.peek()) {
                wakes.remove();
                if (next.readyQueue.wakePending && next.readyQueue.wakeNanos == next.atNanos) {
                    next.readyQueue.wakePending = false;
                    readyQueues.add(next.readyQueue);
                }
            }
        } finally {
            lock.unlock();
        }
        for (QueueItem item = due.pollFirst(); item != null; item = due.pollFirst()) {
            guarded(release, item);
        }
        for (ReadyQueue readyQueue : readyQueues) {
            guarded(wake, readyQueue);
        }
        long untilHousekeeping = keepHouse();
        return all ? sleep(untilHousekeeping) : 0;
    }

    /** The wheel must go on turning whatever becomes of the rest. */
    private long keepHouse() {
        try {
            return housekeeping.getAsLong();
        } catch (RuntimeException e) {
            log.error("event=queue-housekeeping-failed", e);
            return HOUSEKEEPING_RETRY_NANOS;
        }
    }

    /** A listener that throws for one must not cost the others their turn. */
    private static <T> void guarded(Consumer<T> action, T subject) {
        try {
            action.accept(subject);
        } catch (RuntimeException e) {
            log.error("event=queue-wake-failed subject={}", subject, e);
        }
    }

    private long sleep(long longestNanos) {
        lock.lock();
        try {
            long now = clock.nanos();
            long nanos = longestNanos;
            long nextMillis = wheel.nextMillis();
            if (nextMillis != Long.MAX_VALUE) {
                nanos = Math.min(nanos, clock.nanosAt(nextMillis) - now);
            }
            Wake next = wakes.peek();
            if (next != null) {
                nanos = Math.min(nanos, next.atNanos - now);
            }
            if (nanos <= 0) {
                return 0;
            }
            sleeping = true;
            sleepingUntilNanos = now + nanos;
            return nanos;
        } finally {
            lock.unlock();
        }
    }

    /** Nothing falls due any more. Idempotent. */
    void close() {
        closed = true;
        Thread running = thread;
        if (running == null || running == Thread.currentThread()) {
            return;
        }
        LockSupport.unpark(running);
        try {
            running.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
