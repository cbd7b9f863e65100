package dev.penstock.queue;

/**
 * Counters since start, and how much is where now. The parts are read one after another while the queue works, so their
 * sum may be off by what moves meanwhile.
 *
 * @param queued    destinations in the queue
 * @param scheduled waiting for their time
 * @param routing   waiting for their domain's route
 * @param ready     waiting for their turn in a ready queue, suspended ready queues not counted
 * @param suspended    waiting in suspended ready queues, or because their tenant's or campaign's mail is suspended there
 * @param active    taken by delivery sessions
 * @param domains   that have or lately had mail
 * @param readyQueues     that have or lately had mail
 * @param submitted since start, recovered mail included
 * @param finished  since start
 * @param retried   since start
 * @param requeued  since start
 * @param routeFailures destinations handed to the {@link RouteFailureHandler} since start
 * @param moved     domains moved to another ready queue since start, first routes not counted
 */
public record QueueStats(long queued, long scheduled, long routing, long ready, long suspended, long active,
        long domains,
        long readyQueues, long submitted, long finished, long retried, long requeued, long routeFailures, long moved) {}
