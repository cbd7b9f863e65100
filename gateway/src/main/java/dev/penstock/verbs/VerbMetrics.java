package dev.penstock.verbs;

import java.util.function.LongSupplier;
import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** What operators have ordered, as metrics name it. Stateless. */
public final class VerbMetrics {
    /**
     * At one moment.
     *
     * @param jobs        that aren't over
     * @param suspensions that stand
     * @param removed     recipients bounced or deleted since start
     * @param draining    whether the gateway is being emptied
     */
    record Figures(long jobs, long suspensions, long removed, boolean draining) {}

    private VerbMetrics() {}

    /** @param removed recipients bounced or deleted since start */
    public static PartMeters<?> of(Jobs jobs, Suspensions suspensions, Drain drain, LongSupplier removed) {
        Supplier<Figures> source = () -> new Figures(jobs.open(), suspensions.standing().size(),
                removed.getAsLong(), drain.view().isAnnounced());
        PartMeters<Figures> part = PartMeters.of("penstock.verbs.", source);
        part.gauge("jobs", "Jobs on queued mail that aren't over", Figures::jobs);
        part.gauge("suspensions", "Operators' suspensions that stand", Figures::suspensions);
        part.counter("removed.recipients", "Recipients that operators have bounced or deleted", Figures::removed);
        part.gauge("draining", "Whether the gateway is being emptied", figures -> figures.draining ? 1 : 0);
        return part;
    }
}
