package dev.penstock.inbound;

import java.util.concurrent.atomic.LongAdder;

import dev.penstock.reception.IncomingMessage;

/** What came by one listener, whatever its configuration was meanwhile. Thread-safe. */
final class ListenerCounters {
    private final LongAdder sessions = new LongAdder();
    private final LongAdder ended = new LongAdder();
    private final LongAdder messages = new LongAdder();
    private final LongAdder octets = new LongAdder();
    final LongAdder sessionsRefused = new LongAdder();
    final LongAdder messagesRefused = new LongAdder();
    final LongAdder messagesDeferred = new LongAdder();

    void began() {
        sessions.increment();
    }

    void ended() {
        ended.increment();
    }

    /** A message is durable. */
    void accepted(IncomingMessage message) {
        messages.increment();
        octets.add(message.size());
    }

    ListenerStats snapshot() {
        long over = ended.sum(); // before those that began, so that the difference is never negative
        long begun = sessions.sum();
        return new ListenerStats(begun - over, begun, sessionsRefused.sum(), messages.sum(), octets.sum(),
                messagesRefused.sum(), messagesDeferred.sum());
    }
}
