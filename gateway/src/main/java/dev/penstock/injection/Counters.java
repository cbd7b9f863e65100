package dev.penstock.injection;

import java.util.concurrent.atomic.LongAdder;

import dev.penstock.http.Answer;

/** What {@link InjectionStats} tells of the past. Thread-safe. */
final class Counters {
    final LongAdder requests = new LongAdder();
    final LongAdder requestsAccepted = new LongAdder();
    final LongAdder requestsRefused = new LongAdder();
    final LongAdder unauthorized = new LongAdder();
    final LongAdder throttled = new LongAdder();
    final LongAdder unavailable = new LongAdder();
    final LongAdder replayed = new LongAdder();
    final LongAdder messages = new LongAdder();
    final LongAdder octets = new LongAdder();
    final LongAdder recipients = new LongAdder();
    final LongAdder recipientsRefused = new LongAdder();

    void answered(Answer answer) {
        requests.increment();
        switch (answer.status()) {
            case 200 -> requestsAccepted.increment();
            case 401 -> unauthorized.increment();
            case 429 -> throttled.increment();
            default -> (answer.status() >= 500 ? unavailable : requestsRefused).increment();
        }
    }
}
