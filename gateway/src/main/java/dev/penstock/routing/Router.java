package dev.penstock.routing;

import java.util.concurrent.CompletableFuture;

/** Finds where a recipient domain takes its mail. Thread-safe; never blocks; never fails exceptionally. */
public interface Router {
    /**
     * @param domain as {@link dev.penstock.message.Recipient#domain()}
     * @return complete already when the answer is known; else completed on a virtual thread: the look-up
     *         deadline runs from when a question to DNS leaves, and there is no bound on its wait for that
     */
    CompletableFuture<Route> route(String domain);

    /** For people: what mail of a domain waits for whose route is being looked up. */
    default String awaited(String domain) {
        return "the route to " + domain;
    }
}
