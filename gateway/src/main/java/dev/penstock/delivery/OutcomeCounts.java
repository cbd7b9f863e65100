package dev.penstock.delivery;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Outcomes of recipients of one name: a provider, a tenant, a pool. Thread-safe. */
final class OutcomeCounts {
    final LongAdder delivered = new LongAdder();
    final LongAdder deferred = new LongAdder();
    final LongAdder bounced = new LongAdder();
    final LongAdder expired = new LongAdder();

    /** Of all recipients of an attempt that are of it. */
    void add(AttemptCounts of) {
        add(delivered, of.delivered);
        add(deferred, of.deferred);
        add(bounced, of.bounced);
        add(expired, of.expired);
    }

    private static void add(LongAdder adder, int more) {
        if (more > 0) {
            adder.add(more);
        }
    }

    /** By the outcome's name. */
    Map<String, Long> byOutcome() {
        return Map.of("delivered", delivered.sum(), "deferred", deferred.sum(), "bounced", bounced.sum(), "expired",
                expired.sum());
    }

    /** As figures of {@code name}, by it and the outcome. */
    void putInto(Map<List<String>, Long> figures, String name) {
        byOutcome().forEach((outcome, recipients) -> figures.put(List.of(name, outcome), recipients));
    }

    /** Recipients of one attempt, by what became of them. Confined to the thread that settles it. */
    static final class AttemptCounts {
        int delivered;
        int deferred;
        int bounced;
        int expired;
    }
}
