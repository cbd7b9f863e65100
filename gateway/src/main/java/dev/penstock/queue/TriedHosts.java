package dev.penstock.queue;

import java.util.List;

import dev.penstock.routing.MailHost;

/** Which hosts of a route a session tries. Thread-safe. */
@FunctionalInterface
public interface TriedHosts {
    /**
     * Those that it tries, in order.
     *
     * @param key   of the queue that the session is for, which has the source
     * @param hosts of its route
     * @return not empty
     */
    List<MailHost> of(QueueKey key, List<MailHost> hosts);
}
