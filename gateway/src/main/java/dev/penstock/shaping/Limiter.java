package dev.penstock.shaping;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.SessionLimiter.Waiter;

/** Where somebody who wants a session may have to wait. Thread-safe. */
public sealed interface Limiter permits SessionLimiter, SharedSessions, OpeningLimiter {
    /** The waiter has lost its last session: it is one of the first now. */
    void promote(Waiter waiter);

    /** What the waiter has ready may be of another class now, where that says whose turn it is. Called under its lock. */
    default void classChanged(Waiter waiter) {}

    /** What it waits for here, for people. */
    String describe(Waiter waiter, long nowNanos);

    /** Whether {@code waiter} is registered. For tests. */
    boolean isRegistered(Waiter waiter);

    /** Whether {@code waiter} is registered as one of those without any session. For tests. */
    boolean isFirst(Waiter waiter);

    /**
     * What the invariant says, for tests. To be asked when no permit is on its way to somebody.
     *
     * @return null when it holds, else what is wrong
     */
    @Nullable
    String violation(long nowNanos);
}
