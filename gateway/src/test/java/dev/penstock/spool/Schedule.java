package dev.penstock.spool;

import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.testing.Patience;

/**
 * A machine with one processor whose scheduler is a seeded random, and with a clock of its own: what runs on it runs one
 * thread at a time, and the same seed gives the same run. Confined to the thread that calls {@link #run}, and to the
 * virtual threads that this one carries.
 *
 * <p>A thread runs until it waits for something or calls {@link #pass}. Time passes only when every thread waits, or, now
 * and then, by chance. The JDK has virtual threads with a scheduler of one's own, but not as public API, so the tests
 * run with java.lang opened.
 */
final class Schedule implements Machine {
    /** One in so many turns lets the next timer fire although threads could run. */
    private static final int IMPATIENCE = 64;
    /** No thread is kept from running for longer, by chance alone. */
    private static final long SHORT_NANOS = 1_000_000_000;
    private static final long NANOS_PER_LOOK = 200;
    private static final long HANGS_NANOS = Patience.LONG.toNanos(); // nothing has run for so long: nothing will

    private final SplittableRandom random;
    private final List<Runnable> runnable = new ArrayList<>();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private final Thread.Builder.OfVirtual threads;
    private @Nullable Throwable uncaught;
    private BooleanSupplier lets = () -> false;
    private long now;
    private long timersSet;
    private long turns;

    private static final class Timer implements Comparable<Timer> {
        final long at;
        final long order;
        final Thread thread = Thread.currentThread();
        boolean fired;

        Timer(long at, long order) {
            this.at = at;
            this.order = order;
        }

        @Override
        public int compareTo(Timer other) {
            return at != other.at ? Long.compare(at, other.at) : Long.compare(order, other.order);
        }
    }

    Schedule(SplittableRandom random) {
        this.random = random;
        try {
            Constructor<?> builder = Class.forName("java.lang.ThreadBuilders$VirtualThreadBuilder")
                    .getDeclaredConstructor(Executor.class);
            builder.setAccessible(true);
            threads = ((Thread.Builder.OfVirtual) builder.newInstance((Executor) this::runnable))
                    .uncaughtExceptionHandler((_, thrown) -> uncaught = thrown);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("this JDK has no virtual threads with a scheduler of one's own", e);
        }
    }

    /** When threads may end by an exception that nobody catches. */
    void letsThreadsFail(BooleanSupplier when) {
        lets = when;
    }

    /** Runs threads until {@code over}, which is looked at after each turn, or until none can ever run again. */
    void run(BooleanSupplier over) {
        while (!over.getAsBoolean()) {
            Runnable next = isTimeShort() && random.nextInt(IMPATIENCE) == 0 ? null : next();
            if (next != null) {
                turns++;
                next.run();
                if (uncaught != null && !lets.getAsBoolean()) {
                    throw new AssertionError("a thread ended by " + uncaught, uncaught);
                }
            } else if (!timers.isEmpty()) {
                fire();
            } else if (!awaitRunnable()) {
                return;
            }
        }
    }

    private void runnable(Runnable thread) {
        synchronized (runnable) {
            runnable.add(thread);
            runnable.notifyAll();
        }
    }

    private @Nullable Runnable next() {
        synchronized (runnable) {
            if (runnable.isEmpty()) {
                return null;
            }
            int chosen = random.nextInt(runnable.size());
            Runnable last = runnable.removeLast();
            return chosen == runnable.size() ? last : runnable.set(chosen, last);
        }
    }

    /** The JVM may be about to wake one: who has waited for a monitor is woken by a thread of its own. */
    private boolean awaitRunnable() {
        synchronized (runnable) {
            long until = System.nanoTime() + HANGS_NANOS;
            for (long left = HANGS_NANOS; runnable.isEmpty() && left > 0; left = until - System.nanoTime()) {
                try {
                    runnable.wait(left / 1_000_000 + 1);
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
            return !runnable.isEmpty();
        }
    }

    private boolean isTimeShort() {
        Timer next = timers.peek();
        return next != null && next.at - now < SHORT_NANOS;
    }

    private void fire() {
        Timer timer = timers.remove();
        now = Math.max(now, timer.at);
        timer.fired = true;
        LockSupport.unpark(timer.thread);
    }

    /** Lets others run, perhaps. */
    @SuppressWarnings("ThreadPriorityCheck") // the scheduler is this one
    void pass() {
        Thread.yield();
    }

    /** Lets others run for a while. */
    void sleep(long nanos) {
        long until = now + nanos;
        while (now < until) {
            parkNanos(this, until - now);
        }
    }

    /** Starts a thread. */
    Thread start(String name, Runnable work) {
        Thread thread = thread(name, false, work);
        thread.start();
        return thread;
    }

    /** Turns taken so far. */
    long turns() {
        return turns;
    }

    long now() {
        return now;
    }

    @Override
    public Thread thread(String name, boolean daemon, Runnable work) {
        return threads.name(name).unstarted(work);
    }

    @Override
    public ThreadFactory pool(String prefix) {
        return threads.name(prefix, 0).factory();
    }

    @Override
    public long nanoTime() {
        return now += NANOS_PER_LOOK;
    }

    @Override
    public void parkNanos(Object blocker, long nanos) {
        Timer timer = new Timer(now + Math.max(0, nanos), timersSet++);
        timers.add(timer);
        LockSupport.park(blocker);
        if (!timer.fired) {
            timers.remove(timer);
        }
    }
}
