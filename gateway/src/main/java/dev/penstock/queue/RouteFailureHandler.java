package dev.penstock.queue;

import dev.penstock.routing.Route;

/**
 * Decides about mail that needs no session: its domain has no route, only a report about it is owed, or it
 * is held. Called with no lock held on a virtual thread, so it may block; it must
 * end in {@link MailQueue#retry} or {@link MailQueue#finished} for the item, then or later.
 */
@FunctionalInterface
public interface RouteFailureHandler {
    void failed(QueueItem item, Route.Failure failure);

    /** An item is due that was given back by {@link MailQueue#retryReport}: as above. */
    default void reportDue(QueueItem item) {
        throw new UnsupportedOperationException("nothing was given back for its report");
    }

    /**
     * A held item's time to be looked at has come: as above, or {@link MailQueue#hold} or {@link MailQueue#release}.
     */
    default void holdDue(QueueItem item) {
        throw new UnsupportedOperationException("nothing was held");
    }
}
