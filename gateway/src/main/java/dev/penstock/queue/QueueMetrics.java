package dev.penstock.queue;

import java.util.List;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** The queue, as metrics name it. Stateless. */
public final class QueueMetrics {
    private QueueMetrics() {}

    /** How old what is queued is, by class. */
    public static PartMeters<MailQueue> ages(Supplier<MailQueue> source) {
        PartMeters<MailQueue> part = PartMeters.of("penstock.queue.", source);
        part.currentHistograms("age.seconds", "Destinations in the queue, by the time since their message was accepted",
                List.of("class"), () -> source.get().ages());
        part.gauges("oldest.seconds", "Time since the oldest message in the queue was accepted, to the minute",
                List.of("class"), MailQueue::oldest);
        part.gauges("oldest.untried.seconds",
                "Likewise, of messages with a destination that no attempt was made at yet", List.of("class"),
                MailQueue::oldestUntried);
        return part;
    }

    public static PartMeters<QueueStats> of(Supplier<QueueStats> source) {
        PartMeters<QueueStats> part = PartMeters.of("penstock.queue.", source);
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::scheduled, "state",
                "scheduled");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::routing, "state",
                "routing");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::ready, "state",
                "ready");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::suspended, "state",
                "suspended");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::active, "state",
                "active");
        part.gauge("domains", "Domains that have or lately had mail", QueueStats::domains);
        part.gauge("ready_queues", "Ready queues that have or lately had mail", QueueStats::readyQueues);
        part.counter("submitted", "Destinations queued, recovered ones included", QueueStats::submitted);
        part.counter("finished", "Destinations finished", QueueStats::finished);
        part.counter("retried", "Destinations put back for a later attempt", QueueStats::retried);
        part.counter("requeued", "Destinations put back untried", QueueStats::requeued);
        part.counter("route.failures", "Destinations without a route", QueueStats::routeFailures);
        part.counter("moved", "Domains moved to another ready queue", QueueStats::moved);
        return part;
    }
}
