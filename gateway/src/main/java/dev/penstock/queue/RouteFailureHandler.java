package dev.penstock.queue;

import dev.penstock.routing.Route;

/**
 * Decides about mail whose domain has no route. Called with no lock held on a virtual thread, so it may block; it must
 * end in {@link MailQueue#retry} or {@link MailQueue#finished} for the item, then or later.
 */
@FunctionalInterface
public interface RouteFailureHandler {
    void failed(QueueItem item, Route.Failure failure);
}
