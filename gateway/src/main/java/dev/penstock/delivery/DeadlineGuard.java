package dev.penstock.delivery;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/**
 * Closes sockets whose phase has taken too long, whatever they do meanwhile: a read time-out is renewed by every octet
 * of a host that sends one at a time, and a write has no time-out at all. Thread-safe; one platform thread looks at all
 * deadlines ten times a second, so that arming one costs a volatile write and no timer. It sleeps while there is nothing
 * to watch.
 */
final class DeadlineGuard implements AutoCloseable {
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long NONE = Long.MAX_VALUE;

    private final LongSupplier nanoTime;
    private final Set<Watch> watches = ConcurrentHashMap.newKeySet();
    private final Thread thread;
    private volatile boolean closed;
    /** The thread parks, or is about to, until it is woken. */
    private volatile boolean idle;

    DeadlineGuard(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.thread = Thread.ofPlatform().name("delivery-deadlines").daemon().unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Watches something until {@link Watch#end()}. */
    Watch watch(Runnable breakOff) {
        return watch(breakOff, LongUnaryOperator.identity());
    }

    /**
     * As above.
     *
     * @param patience what a deadline of so many nanoseconds is now, until it is established
     */
    Watch watch(Runnable breakOff, LongUnaryOperator patience) {
        Watch watch = new Watch(breakOff, patience);
        watches.add(watch);
        if (idle) { // read after the watch was added: the thread looks for watches after it has written this
            LockSupport.unpark(thread);
        }
        return watch;
    }

    /** Breaks off everything that is past its deadline. */
    void check() {
        long now = nanoTime.getAsLong();
        for (Watch watch : watches) {
            long deadline = watch.deadline;
            if (deadline != NONE && deadline - watch.patienceLost() - now <= 0 && watch.deadline == deadline) {
                watch.expired = true;
                watch.end();
                watch.breakOff.run();
            }
        }
    }

    private void run() {
        while (!closed) {
            park();
            check();
        }
    }

    private void park() {
        if (!watches.isEmpty()) {
            LockSupport.parkNanos(this, TICK_NANOS);
            return;
        }
        idle = true;
        if (watches.isEmpty() && !closed) {
            LockSupport.park(this);
        }
        idle = false;
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    /** The deadline of one session. Set by its owner, read by the guard's thread. */
    final class Watch {
        private final Runnable breakOff;
        private final LongUnaryOperator patience;
        private volatile long deadline = NONE;
        private volatile boolean expired;
        private volatile boolean established;
        private long length; // of the deadline, nanoseconds; written before it

        private Watch(Runnable breakOff, LongUnaryOperator patience) {
            this.breakOff = breakOff;
            this.patience = patience;
        }

        /** Replaces the deadline by one {@code nanos} from now. @return what time it is */
        long within(long nanos) {
            deadline = NONE; // not the old one with the new length
            length = nanos;
            long now = nanoTime.getAsLong();
            deadline = now + nanos;
            return now;
        }

        /** From now on its deadlines are what they are, however impatient one becomes. */
        void established() {
            established = true;
        }

        private long patienceLost() {
            return established ? 0 : length - patience.applyAsLong(length);
        }

        /** No deadline until the next. */
        void clear() {
            deadline = NONE;
        }

        boolean expired() {
            return expired;
        }

        void end() {
            watches.remove(this);
        }
    }
}
