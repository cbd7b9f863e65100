package dev.penstock.queue;

import java.util.List;

import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.MailHost;

/** Which hosts of a route a session tries. Thread-safe. */
@FunctionalInterface
public interface TriedHosts {
    /**
     * Those that it tries, in order.
     *
     * @param key    of the queue that the session is for, which has the source
     * @param hosts  of its route
     * @param limits of its path, whose keys may leave hosts out
     * @return not empty
     */
    List<MailHost> of(QueueKey key, List<MailHost> hosts, TrafficLimits limits);
}
