package dev.penstock.reception;

import dev.penstock.spool.QueuedDestination;

/** Takes over messages that are durable: the queue. Called on event loops and virtual threads: must return at once. */
@FunctionalInterface
public interface Acceptance {
    /**
     * Called for each destination of a message, in their order. The client hears that the message is ours when that is
     * done, or, should this throw, all the same: the message is in the spool.
     */
    void accepted(QueuedDestination destination);

    /** Whether there is room for another message, and another recipient of one. */
    default boolean hasRoom() {
        return true;
    }
}
