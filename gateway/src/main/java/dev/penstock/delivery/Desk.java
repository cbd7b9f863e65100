package dev.penstock.delivery;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

import dev.penstock.queue.ReadyQueue;

/**
 * What the dispatcher knows of one lane: its couriers, and whether it could use another. Thread-safe.
 *
 * <p>Sessions grow as in a slow start: no more may be on their way up than have come up, so that a site that doesn't
 * answer costs one connection at a time, and a busy one that does reaches its limit in a few round trips.
 */
final class Desk {
    /** Ready messages per open session that make another one worth its connection. */
    private static final int BACKLOG_PER_SESSION = 4;
    /** But a message doesn't wait longer than this for a session that is slow. */
    static final Duration PATIENCE = Duration.ofSeconds(1);
    /** After a courier found nothing in a lane that has mail: it is parked or closed, or the mail came just after. */
    static final Duration RECHECK = Duration.ofMillis(100);

    final ReadyQueue lane;
    private final AtomicInteger idle = new AtomicInteger();
    private final AtomicInteger waiting = new AtomicInteger();
    private int connecting;
    private int established;
    private int parks;
    private boolean parked;
    private boolean impatient;
    private long unmetSince;
    private long heldUntilNanos;
    private boolean held;

    /** What {@link #mayOpen} answers. */
    enum Answer {
        OPEN,
        NO,
        /** Ask again after {@link #PATIENCE}. */
        LATER
    }

    Desk(ReadyQueue lane) {
        this.lane = lane;
    }

    /** Whether one more courier should be sent for {@code ready} messages; counts it as connecting when so. */
    synchronized Answer mayOpen(int ready, long nowNanos) {
        if (ready == 0) {
            impatient = false;
            return Answer.NO;
        }
        if (parked) {
            return Answer.NO;
        }
        int open = connecting + established;
        if (idle.get() > 0 || waiting.get() > 0 || connecting >= Math.max(1, established)) {
            return Answer.NO; // somebody is about to take it, waits for its slot, or comes up
        }
        if (open == 0 || ready > BACKLOG_PER_SESSION * open
                || impatient && nowNanos - unmetSince >= PATIENCE.toNanos()) {
            impatient = false;
            connecting++;
            return Answer.OPEN;
        }
        if (impatient) {
            return Answer.NO;
        }
        impatient = true;
        unmetSince = nowNanos;
        return Answer.LATER;
    }

    /** The next message slot is so far away that no session is worth opening before it. */
    synchronized void hold(long nowNanos, long nanos) {
        held = nanos > 0;
        heldUntilNanos = nowNanos + nanos;
    }

    /** How long still; 0 when it isn't held. */
    synchronized long heldNanos(long nowNanos) {
        if (held && heldUntilNanos - nowNanos <= 0) {
            held = false;
        }
        return held ? heldUntilNanos - nowNanos : 0;
    }

    synchronized void established() {
        connecting--;
        established++;
        parks = 0;
    }

    /** A courier has ended, or was not sent after all. */
    synchronized void left(boolean wasEstablished) {
        if (wasEstablished) {
            established--;
        } else {
            connecting--;
        }
    }

    synchronized int open() {
        return connecting + established;
    }

    /** How often in a row the lane has been parked, this time counted. */
    synchronized int parked() {
        parked = true;
        return ++parks;
    }

    /** The queue has said that there is mail, which it doesn't while the lane is parked. */
    synchronized void called() {
        parked = false;
    }

    void idle(boolean begins) {
        idle.addAndGet(begins ? 1 : -1);
    }

    boolean hasIdle() {
        return idle.get() > 0;
    }

    /** For a message slot. */
    void waiting(boolean begins) {
        waiting.addAndGet(begins ? 1 : -1);
    }
}
