package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.Route;

/**
 * Mail that may go through the same sessions, and whose turn it is. Thread-safe: couriers poll it from virtual threads;
 * its lock is held for nanoseconds and never over a call to the outside.
 *
 * <p>The queue's limbo is a lane too, without hosts: it holds the mail whose route is being looked up.
 */
public final class Lane {
    private static final int ROUTE_TRIES = 4;

    private final MailQueue queue;
    private final LaneKey key;
    /** Two lanes are locked in the order of their numbers. */
    final long number;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition mail = lock.newCondition();
    private volatile Route.@Nullable Open route;

    private final Turns turns = new Turns();
    private int ready;
    private int active;
    private int domains;
    private int waiting;
    private @Nullable DomainQueue lastDomain;
    private boolean parked;
    private long parkedUntilMillis;
    private String parkedWhy = "";
    private boolean closed;
    private int idleSweeps;

    // Guarded by the scheduler's lock.
    boolean wakePending;
    long wakeNanos;

    Lane(MailQueue queue, LaneKey key, long number, Route.@Nullable Open route) {
        this.queue = queue;
        this.key = key;
        this.number = number;
        this.route = route;
    }

    public LaneKey key() {
        return key;
    }

    /**
     * The next message, to be delivered and then given to {@link MailQueue#finished}, {@link MailQueue#retry} or
     * {@link MailQueue#requeue}.
     *
     * @return null when there is none now, the lane is parked, or the queue is closed
     */
    public @Nullable QueueItem poll() {
        lock.lock();
        try {
            return take();
        } finally {
            lock.unlock();
        }
    }

    /**
     * As {@link #poll()}, but waits for mail.
     *
     * @return null when none came within {@code idle}, or the queue was closed
     */
    public @Nullable QueueItem poll(Duration idle) throws InterruptedException {
        long remaining = idle.toNanos();
        lock.lockInterruptibly();
        try {
            while (true) {
                QueueItem item = take();
                if (item != null || closed || remaining <= 0) {
                    return item;
                }
                waiting++;
                try {
                    remaining = mail.awaitNanos(remaining);
                } finally {
                    waiting--;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Messages waiting for their turn, also while the lane is parked. */
    public int ready() {
        lock.lock();
        try {
            return ready;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Where to take its mail now, hosts in the order to try. Asks the router for the domain that is next, so that a changed or newly
     * shuffled answer takes effect with the next session; while the router looks it up, the last answer holds.
     */
    public Route.Open route() {
        for (int i = 0; i < ROUTE_TRIES; i++) {
            DomainQueue domain = nextDomain();
            if (domain == null || !queue.askNow(domain) || domain.lane == this) {
                break;
            }
            // That domain belongs elsewhere now; the next one may still belong here.
        }
        return requireNonNull(route, "the limbo has no hosts");
    }

    /**
     * Gives out no mail until then. Nothing is lost and no message is touched: the mail keeps its order and its turns.
     *
     * @param untilMillis milliseconds since 1970
     * @param why         for people, as the end of "waiting for": {@code 10 connection failures in a row, …}
     * @return false when it is parked for longer already
     */
    public boolean park(long untilMillis, String why) {
        long until = queue.clock.fromWall(untilMillis);
        lock.lock();
        try {
            if (parked && parkedUntilMillis >= until) {
                return false;
            }
            parked = true;
            parkedUntilMillis = until;
            parkedWhy = why;
        } finally {
            lock.unlock();
        }
        queue.scheduler.wakeAt(this, queue.clock.nanosAt(until));
        return true;
    }

    /** Ends a park before its time. */
    public void unpark() {
        if (wake(Long.MAX_VALUE)) {
            queue.tell(this);
        }
    }

    /** Has {@link LaneListener#ready} called after that time if there is mail then: for a limiter that said when to ask again. */
    public void askAgainAfter(Duration wait) {
        queue.scheduler.wakeAt(this, queue.clock.nanos() + wait.toNanos());
    }

    // What follows is the queue's. "Locked" methods need the lane's lock.

    void lock() {
        lock.lock();
    }

    void unlock() {
        lock.unlock();
    }

    /** Locked. @return whether the listener should be told */
    boolean append(QueueItem item) {
        SubQueue subQueue = item.home;
        item.state(QueueItem.QUEUED);
        subQueue.ready.addLast(item);
        if (subQueue.turn == null) {
            turns.join(subQueue);
        }
        ready++;
        return signal();
    }

    /** Locked. @return whether the listener should be told */
    boolean putBack(QueueItem item) {
        endActive(item);
        item.state(QueueItem.QUEUED);
        turns.putBack(item);
        ready++;
        return signal();
    }

    /** Locked. */
    void endActive(QueueItem item) {
        if (item.state() != QueueItem.ACTIVE) {
            throw new IllegalStateException("not taken by anyone: " + item);
        }
        item.home.active.remove(item);
        active--;
    }

    /** Locked. Wakes a waiting courier if there is one; the listener is told only when the couriers waiting are too few. */
    private boolean signal() {
        if (parked || closed || ready == 0) {
            return false;
        }
        if (waiting > 0) {
            mail.signal();
        }
        return waiting < ready;
    }

    private @Nullable QueueItem take() {
        if (parked || closed) {
            return null;
        }
        QueueItem item = turns.take();
        if (item != null) {
            lastDomain = item.home.domain;
            activate(item);
        }
        return item;
    }

    private void activate(QueueItem item) {
        item.state(QueueItem.ACTIVE);
        item.home.active.addLast(item);
        ready--;
        active++;
    }

    /** Locked. Takes up to {@code limit} ready items of one domain out of turn, parked or not. */
    void takeAll(DomainQueue domain, int limit, List<QueueItem> into) {
        for (SubQueue subQueue : domain.subQueues.values()) {
            while (!subQueue.ready.isEmpty()) {
                if (into.size() == limit) {
                    return;
                }
                QueueItem item = requireNonNull(subQueue.ready.pollFirst());
                if (subQueue.ready.isEmpty()) {
                    turns.leave(subQueue);
                }
                activate(item);
                into.add(item);
            }
        }
    }

    /** Locked. A domain comes with all its mail. @return whether the listener should be told */
    boolean admit(DomainQueue domain) {
        domains++;
        lastDomain = domain;
        idleSweeps = 0;
        for (SubQueue subQueue : domain.subQueues.values()) {
            ready += subQueue.ready.size();
            active += subQueue.active.size();
            if (!subQueue.ready.isEmpty()) {
                turns.join(subQueue);
            }
        }
        if (waiting > 1 && !parked) {
            mail.signalAll();
        }
        return signal();
    }

    /** Locked. A domain goes with all its mail. */
    void dismiss(DomainQueue domain) {
        domains--;
        if (lastDomain == domain) {
            lastDomain = null;
        }
        for (SubQueue subQueue : domain.subQueues.values()) {
            ready -= subQueue.ready.size();
            active -= subQueue.active.size();
            if (subQueue.turn != null) {
                turns.leave(subQueue);
            }
        }
    }

    /** Locked. */
    void route(Route.Open now) {
        route = now;
    }

    /** Locked. */
    boolean isClosed() {
        return closed;
    }

    private @Nullable DomainQueue nextDomain() {
        lock.lock();
        try {
            SubQueue next = turns.peek();
            return next == null ? lastDomain : next.domain;
        } finally {
            lock.unlock();
        }
    }

    /** Its time has come: ends a park that is over. @return whether the listener should be told */
    boolean wake(long nowMillis) {
        long again;
        lock.lock();
        try {
            if (!parked) {
                return signal();
            }
            if (nowMillis >= parkedUntilMillis) {
                parked = false;
                parkedWhy = "";
                mail.signalAll();
                return signal();
            }
            again = parkedUntilMillis;
        } finally {
            lock.unlock();
        }
        queue.scheduler.wakeAt(this, queue.clock.nanosAt(again));
        return false;
    }

    /** @return whether it has been of no use for more than {@code idleLimit} sweeps and is closed now */
    boolean sweep(int idleLimit) {
        lock.lock();
        try {
            if (domains > 0 || active > 0 || waiting > 0 || closed) {
                idleSweeps = 0;
                return false;
            }
            closed = ++idleSweeps > idleLimit;
            return closed;
        } finally {
            lock.unlock();
        }
    }

    void close() {
        lock.lock();
        try {
            closed = true;
            mail.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Ready, parked and active at one instant. */
    record Counts(int ready, int parked, int active) {}

    Counts counts() {
        lock.lock();
        try {
            return new Counts(parked ? 0 : ready, parked ? ready : 0, active);
        } finally {
            lock.unlock();
        }
    }

    /** Locked. Null when it isn't parked. */
    @Nullable
    String parkedWhy() {
        return parked ? parkedWhy : null;
    }

    /** Locked. By the wall clock; 0 when it isn't parked. */
    long parkedUntilMillis() {
        return parked ? queue.clock.toWall(parkedUntilMillis) : 0;
    }

    /** Locked. */
    int readyNow() {
        return ready;
    }

    LaneSnapshot snapshot(@Nullable String waitingFor) {
        lock.lock();
        try {
            return new LaneSnapshot(key, ready, active, waiting, domains, turns.readyByTenant(),
                    turns.oldestReceivedMillis(), parkedUntilMillis(), parkedWhy, waitingFor);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String toString() {
        return key.toString();
    }

}
