package dev.penstock.verbs;

import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.verbs.DrainState.Phase;

/**
 * Empties the gateway before it stops: readiness says so first, then no new mail is taken, what is queued goes out, and when
 * that is done, or its time is over, the gateway stops. Thread-safe; nothing blocks. What is left then stays in the spool.
 */
public final class Drain implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Drain.class);
    /** How often it is looked whether all is out. */
    private static final Duration LOOK = Duration.ofMillis(200);

    private final ReentrantLock lock = new ReentrantLock();
    private final DrainState state = new DrainState();
    private final LongSupplier queued;
    private final LongSupplier coming;
    private final Runnable stop;
    private final InstantSource clock;
    private volatile View view = new View(Phase.OPEN.word(), 0, 0, "", "");
    private volatile boolean refuses;
    private volatile boolean closed;
    /** Counts the drains: each has its thread. Guarded by the lock. */
    private int drains;

    /**
     * How far a drain is. Immutable.
     *
     * @param phase         open, announced, refusing or stopping
     * @param refusesMillis when no new mail is taken, milliseconds since 1970; 0 when nobody drains
     * @param stopsMillis   when it stops at the latest; likewise
     * @param who           wants it; empty when nobody drains
     * @param why           for people
     */
    public record View(String phase, long refusesMillis, long stopsMillis, String who, String why) {
        /** Whether who balances load should send no more. */
        public boolean isAnnounced() {
            return !phase.equals(Phase.OPEN.word());
        }
    }

    /**
     * @param queued destinations
     * @param coming messages under way in
     * @param stop   the gateway; called once, on a thread of its own
     */
    public Drain(LongSupplier queued, LongSupplier coming, Runnable stop, InstantSource clock) {
        this.queued = queued;
        this.coming = coming;
        this.stop = stop;
        this.clock = clock;
    }

    /**
     * Begins, unless one is under way.
     *
     * @param announce for how long mail is still taken while readiness says no: as long as whoever balances load takes to
     *                 notice
     * @param longest  after which it stops though mail is left
     * @return how far it is
     */
    public View begin(Duration announce, Duration longest, String who, String why) {
        lock.lock();
        try {
            if (state.begin(clock.millis(), announce.toMillis(), longest.toMillis())) {
                view = new View(state.phase().word(), state.refusesMillis(), state.stopsMillis(), who, why);
                log.info("event=drain phase={} seconds={} longest={} who={} why={}", view.phase, announce.toSeconds(),
                        longest.toSeconds(), who, why);
                int number = ++drains;
                var _ = Thread.ofVirtual().name("drain").start(() -> run(number));
            }
            return view;
        } finally {
            lock.unlock();
        }
    }

    /** Calls it off: mail is taken again. @return whether it could be */
    public boolean cancel(String who, String why) {
        lock.lock();
        try {
            boolean ends = state.cancel();
            if (ends) {
                refuses = false;
                view = new View(state.phase().word(), 0, 0, "", "");
                log.info("event=drain-canceled who={} why={}", who, why);
            }
            return ends;
        } finally {
            lock.unlock();
        }
    }

    public View view() {
        return view;
    }

    /** Whether no new mail is taken now. Costs a volatile read. */
    public boolean refuses() {
        return refuses;
    }

    private void run(int number) {
        while (!closed) {
            Phase now = step(number);
            if (now == Phase.OPEN) {
                return;
            }
            if (now == Phase.STOPPING) {
                var _ = Thread.ofPlatform().name("drain-stop").start(stop); // which closes this
                return;
            }
            LockSupport.parkNanos(LOOK.toNanos());
        }
    }

    private Phase step(int number) {
        lock.lock();
        try {
            if (number != drains) { // it was called off, and another begun
                return Phase.OPEN;
            }
            Phase before = state.phase();
            state.step(clock.millis(), queued.getAsLong(), coming.getAsLong());
            Phase now = state.phase();
            if (now != before) {
                refuses = true;
                view = new View(now.word(), state.refusesMillis(), state.stopsMillis(), view.who, view.why);
                log.info("event=drain phase={} queued={}", view.phase, queued.getAsLong());
            }
            return now;
        } finally {
            lock.unlock();
        }
    }

    /** Idempotent. */
    @Override
    public void close() {
        closed = true;
    }
}
