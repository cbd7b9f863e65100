package dev.penstock.policy;

import java.util.concurrent.atomic.LongAdder;

/** What {@link PolicyStats} tells of the past. Thread-safe. */
final class PolicyCounters {
    final LongAdder relayDenied = new LongAdder();
    final LongAdder sendersRefused = new LongAdder();
    final LongAdder headersRefused = new LongAdder();
    final LongAdder questions = new LongAdder();
    final LongAdder refusals = new LongAdder();
    final LongAdder timeouts = new LongAdder();
    final LongAdder overloads = new LongAdder();
    final LongAdder failures = new LongAdder();

    PolicyStats snapshot(long inFlight) {
        return new PolicyStats(relayDenied.sum(), sendersRefused.sum(), headersRefused.sum(), questions.sum(),
                refusals.sum(), timeouts.sum(), overloads.sum(), failures.sum(), inFlight);
    }
}
