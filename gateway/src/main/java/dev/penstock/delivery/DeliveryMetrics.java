package dev.penstock.delivery;

import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import dev.penstock.classification.ReplyCounts;
import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyScope;
import dev.penstock.meters.PartMeters;

/** Deliveries, as metrics name it. Stateless. */
public final class DeliveryMetrics {
    private DeliveryMetrics() {}

    /** Refusals by class and by whom they are about: labels that no host can make up. */
    public static PartMeters<ReplyCounts> of(ReplyCounts counts) {
        PartMeters<ReplyCounts> part = PartMeters.of("penstock.replies.", () -> counts);
        for (BounceClass known : BounceClass.values()) {
            part.counter("classes", "Refusals, by KumoMTA's classes", now -> now.of(known), "class", known.label());
        }
        part.counter("classes", "Refusals, by KumoMTA's classes", ReplyCounts::ofOwnClasses, "class", "own");
        for (ReplyScope scope : ReplyScope.values()) {
            part.counter("scopes", "Refusals, by whom they are about", now -> now.of(scope), "scope", scope.word());
        }
        return part;
    }

    /** How long things take. */
    public static PartMeters<DeliveryStats> times(Supplier<DeliveryStats> source) {
        PartMeters<DeliveryStats> part = PartMeters.of("penstock.delivery.", source);
        part.histograms("first.attempt.delay.seconds", "From acceptance to the first attempt at a destination",
                List.of("class"), DeliveryStats::firstAttempts);
        part.histograms("transit.seconds", "From acceptance to delivery, for each recipient", List.of("class"),
                DeliveryStats::transits);
        part.histogram("session.set.up.seconds", "From the first connection to the answer to EHLO, under TLS if any",
                () -> source.get().sessionSetUps.snapshot());
        return part;
    }

    public static PartMeters<DeliveryStats.Snapshot> of(Supplier<DeliveryStats.Snapshot> source) {
        PartMeters<DeliveryStats.Snapshot> part = PartMeters.of("penstock.delivery.", source);
        part.counter("sessions.tried", "Sessions begun, reused ones once", DeliveryStats.Snapshot::sessionsTried);
        part.counter("sessions", "Sessions that came as far as an answer to EHLO",
                DeliveryStats.Snapshot::sessionsOpened);
        part.counter("connect.failures", "Hosts that could not be reached or refused",
                DeliveryStats.Snapshot::connectFailures);
        part.counter("sessions.broken", "Sessions ended by a failure", DeliveryStats.Snapshot::sessionsBroken);
        part.counter("sessions.refused", "Sessions that failed while others with the same receiver stood",
                DeliveryStats.Snapshot::sessionsRefused);
        part.counter("suspensions", "Suspensions of ready queues, each failed try counted",
                DeliveryStats.Snapshot::suspensions);
        part.counter("tls.fallbacks", "Connections made anew in clear because the TLS handshake had failed",
                DeliveryStats.Snapshot::tlsFallbacks);
        part.counter("tls.resumed", "Sessions that resumed an earlier one under TLS", stats -> stats.tls().resumed());
        part.counter("tls.demanded", "Sessions under TLS that the receiver demanded, by how it did",
                stats -> stats.tls().byMtaSts(), "by", "mta-sts");
        part.counter("tls.demanded", "Sessions under TLS that the receiver demanded, by how it did",
                stats -> stats.tls().byDane(), "by", "dane");
        part.counter("tls.refused", "Hosts that no session was opened to, because of what their domain demands",
                stats -> stats.tls().refused());
        part.counter("transactions", "Transactions answered for", DeliveryStats.Snapshot::transactions);
        recipients(part, "delivered", DeliveryStats.Snapshot::delivered);
        recipients(part, "deferred", DeliveryStats.Snapshot::deferred);
        recipients(part, "bounced", DeliveryStats.Snapshot::bounced);
        recipients(part, "expired", DeliveryStats.Snapshot::expired);
        for (Phase phase : Phase.values()) {
            part.counter("failed.recipients", "Recipients deferred, bounced or expired, by where it was decided",
                    stats -> stats.failuresByPhase().getOrDefault(phase, 0L), "phase",
                    PartMeters.label(phase));
        }
        part.counter("requeued", "Items put back untried", DeliveryStats.Snapshot::requeued);
        part.counter("bytes", "Octets of content delivered", DeliveryStats.Snapshot::octets);
        part.counter("unknown", "Messages of which it isn't known whether the host took them: possible duplicates",
                DeliveryStats.Snapshot::lostAfterEndOfData);
        part.counter("reports", "Reports to senders queued", DeliveryStats.Snapshot::reports);
        part.counter("reports.failed", "Reports to senders the spool couldn't keep, to be made later",
                DeliveryStats.Snapshot::reportsFailed);
        part.counter("reports.impossible", "Reports that could not be made, because the sender's address is none",
                DeliveryStats.Snapshot::reportsImpossible);
        part.counter("reports.left.out", "Reports that weren't made, because their tenant wants none or their sender "
                + "has had as many as it may", stats -> stats.reportsLeftOut().unwanted(), "why", "tenant");
        part.counter("reports.left.out", "Reports that weren't made, because their tenant wants none or their sender "
                + "has had as many as it may", stats -> stats.reportsLeftOut().beyondRate(), "why", "rate");
        part.counter("memory.refused", "Times that something of a delivery didn't fit into its account of memory",
                DeliveryStats.Snapshot::memoryRefused);
        part.counter("postponed", "Messages with many recipients that wait because their account of memory is full",
                DeliveryStats.Snapshot::postponed);
        part.counter("unreadable", "Items the spool couldn't read", DeliveryStats.Snapshot::unreadable);
        part.counter("spool.failures", "Outcomes the spool couldn't record: possible duplicates after a restart",
                DeliveryStats.Snapshot::spoolFailures);
        return part;
    }

    private static void recipients(PartMeters<DeliveryStats.Snapshot> part, String outcome,
            ToDoubleFunction<DeliveryStats.Snapshot> value) {
        part.counter("recipients", "Outcomes per recipient", value, "outcome", outcome);
    }
}
