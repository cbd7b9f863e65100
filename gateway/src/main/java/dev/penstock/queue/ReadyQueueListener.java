package dev.penstock.queue;

import dev.penstock.shaping.Limiter;

/** Gets ready queues their sessions. Called with no lock held, on any thread: must return at once. */
public interface ReadyQueueListener {
    /** The queue has mail that a session more is wanted for. Comes once until that is settled; see {@link Admission#seek}. */
    void wantsSession(ReadyQueue queue);

    /** See {@link Admission#mayGrant}. */
    default void mayGrant(ReadyQueue queue, Limiter limiter) {}

    /** The queue has been empty for minutes and is gone; new mail for its key makes a new one. */
    default void removed(ReadyQueue queue) {}
}
