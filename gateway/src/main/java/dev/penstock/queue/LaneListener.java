package dev.penstock.queue;

/** Is told about lanes. Called with no lock held, on any thread, for every message submitted: must return at once. */
@FunctionalInterface
public interface LaneListener {
    /**
     * The lane has mail that no waiting {@link Lane#poll(java.time.Duration)} is about to take. Comes again with each
     * such message, and when a lane's park ends or {@link Lane#askAgainAfter} falls due.
     */
    void ready(Lane lane);

    /** The lane has been empty for minutes and is gone; new mail for its key makes a new lane. */
    default void removed(Lane lane) {}
}
