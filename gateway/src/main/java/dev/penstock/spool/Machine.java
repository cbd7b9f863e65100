package dev.penstock.spool;

import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;

/**
 * The threads and the clock that a spool runs on. Thread-safe. Nothing in the spool above its store starts a thread or waits for
 * time to pass, so that a test can run one thread at a time, in an order of its own, in a time of its own.
 */
interface Machine {
    /** Platform threads and the system's clock. */
    Machine REAL = new Machine() {
        @Override
        public Thread thread(String name, boolean daemon, Runnable work) {
            return Thread.ofPlatform().name(name).daemon(daemon).unstarted(work);
        }

        @Override
        public ThreadFactory pool(String prefix) {
            return Thread.ofPlatform().name(prefix, 0).daemon().factory();
        }

        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public void parkNanos(Object blocker, long nanos) {
            LockSupport.parkNanos(blocker, nanos);
        }
    };

    /** A thread, not started. */
    Thread thread(String name, boolean daemon, Runnable work);

    /** Makes the threads of a pool. */
    ThreadFactory pool(String prefix);

    /** As {@link System#nanoTime}. */
    long nanoTime();

    /** As {@link LockSupport#parkNanos(Object, long)}. */
    void parkNanos(Object blocker, long nanos);
}
