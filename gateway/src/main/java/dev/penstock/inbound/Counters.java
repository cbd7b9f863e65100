package dev.penstock.inbound;

import java.util.concurrent.atomic.LongAdder;

/** What {@link InboundStats} tells of the past. Thread-safe. */
final class Counters {
    final LongAdder sessionsTotal = new LongAdder();
    final LongAdder sessionsRefused = new LongAdder();
    final LongAdder messages = new LongAdder();
    final LongAdder octets = new LongAdder();
    final LongAdder recipients = new LongAdder();
    final LongAdder recipientsRefused = new LongAdder();
    final LongAdder messagesRefused = new LongAdder();
    final LongAdder messagesDeferred = new LongAdder();
    final LongAdder messagesAborted = new LongAdder();
    final LongAdder errors = new LongAdder();
    final LongAdder timeouts = new LongAdder();
    final LongAdder tlsSessions = new LongAdder();
    final LongAdder tlsFailures = new LongAdder();
    final LongAdder logins = new LongAdder();
    final LongAdder loginsFailed = new LongAdder();

    InboundStats snapshot(long sessions, long receivingOctets) {
        return new InboundStats(sessions, sessionsTotal.sum(), sessionsRefused.sum(), messages.sum(), octets.sum(),
                recipients.sum(), recipientsRefused.sum(), messagesRefused.sum(), messagesDeferred.sum(),
                messagesAborted.sum(), errors.sum(), timeouts.sum(), tlsSessions.sum(),
                tlsFailures.sum(), logins.sum(), loginsFailed.sum(), receivingOctets);
    }
}
