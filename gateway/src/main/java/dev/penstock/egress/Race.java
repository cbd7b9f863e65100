package dev.penstock.egress;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

/**
 * Which of several attempts to connect wins: a state machine, pure of I/O and of clocks. Thread-safe: one owner starts
 * the attempts and waits, each attempt tells how it ended from its own thread.
 *
 * <p>Invariant: attempts start in their order; at most one wins, the first that has connected; from then on, and once the
 * owner has given up, none starts, and each that still connects is told that it has lost and has to close what it has. It
 * is over when one has won, the owner has given up, or all have failed.
 *
 * @param <C> a connection
 */
final class Race<C> {
    private enum State {
        WAITING, UNDER_WAY, FAILED, WON, LOST
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final State[] states;
    private final @Nullable IOException[] failures;
    private @Nullable C connection;
    private int winner = -1;
    private boolean abandoned;
    /** Attempts that ended since the owner last looked. */
    private boolean news;

    Race(int attempts) {
        states = new State[attempts];
        Arrays.fill(states, State.WAITING);
        failures = new IOException[attempts];
    }

    /** @return the attempt that starts now; -1 when none is left, or none is to start any more */
    int start() {
        lock.lock();
        try {
            int next = isOver() ? -1 : Arrays.asList(states).indexOf(State.WAITING);
            if (next >= 0) {
                states[next] = State.UNDER_WAY;
            }
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** @return whether it has won; else it has to close the connection */
    boolean connected(int attempt, C connected) {
        lock.lock();
        try {
            boolean wins = !isOver();
            ended(attempt, wins ? State.WON : State.LOST);
            if (wins) {
                winner = attempt;
                connection = connected;
            }
            return wins;
        } finally {
            lock.unlock();
        }
    }

    void failed(int attempt, IOException why) {
        lock.lock();
        try {
            ended(attempt, State.FAILED);
            failures[attempt] = why;
        } finally {
            lock.unlock();
        }
    }

    private void ended(int attempt, State state) {
        if (states[attempt] != State.UNDER_WAY) {
            throw new IllegalStateException("attempt " + attempt + " is " + states[attempt] + " and can't be " + state);
        }
        states[attempt] = state;
        news = true;
        changed.signal();
    }

    /** Waits until another attempt has ended, or so many nanoseconds are over. @return whether the race is over */
    boolean await(long nanos) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long left = nanos;
            while (!news && !isOver() && left > 0) {
                left = changed.awaitNanos(left);
            }
            news = false;
            return isOver();
        } finally {
            lock.unlock();
        }
    }

    /** The owner gives up. @return what had won before, which is the owner's to close; null for none */
    @Nullable
    C abandon() {
        lock.lock();
        try {
            abandoned = true;
            return connection;
        } finally {
            lock.unlock();
        }
    }

    boolean isOver() {
        lock.lock();
        try {
            return abandoned || winner >= 0 || Arrays.stream(states).allMatch(state -> state == State.FAILED);
        } finally {
            lock.unlock();
        }
    }

    /** -1 for none. */
    int winner() {
        lock.lock();
        try {
            return winner;
        } finally {
            lock.unlock();
        }
    }

    @Nullable
    C connection() {
        lock.lock();
        try {
            return connection;
        } finally {
            lock.unlock();
        }
    }

    /** Of each attempt, null for one that hasn't failed. */
    List<@Nullable IOException> failures() {
        lock.lock();
        try {
            return new ArrayList<>(Arrays.asList(failures));
        } finally {
            lock.unlock();
        }
    }
}
