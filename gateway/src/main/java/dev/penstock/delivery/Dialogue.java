package dev.penstock.delivery;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

import dev.penstock.trace.Direction;
import dev.penstock.trace.SentLines;
import dev.penstock.trace.SessionFacts;
import dev.penstock.trace.SessionTrace;
import dev.penstock.trace.TraceHub;

/**
 * What others see of a session's dialogue with its host: where it is, what has come of it, and its lines where they are
 * watched. Confined to the delivery session, but for what is read of it; what is read may be a moment old.
 */
final class Dialogue {
    private final SessionTrace trace;
    private final SentLines sent;
    private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.CONNECT);
    private final AtomicLong sinceNanos;
    private final AtomicInteger delivered = new AtomicInteger();
    private final AtomicInteger deferred = new AtomicInteger();
    private final AtomicInteger bounced = new AtomicInteger();

    Dialogue(TraceHub hub, String sessionId, Supplier<SessionFacts> facts, LongSupplier nanoTime) {
        this.trace = new SessionTrace(hub, sessionId, Direction.OUT, facts, nanoTime);
        this.sent = new SentLines(trace);
        this.sinceNanos = new AtomicLong(nanoTime.getAsLong());
    }

    /** Of a session that is nobody's business. */
    static Dialogue unseen() {
        return new Dialogue(new TraceHub(System::nanoTime), "",
                () -> new SessionFacts("", Direction.OUT, null, "", "", "", "", "", ""), System::nanoTime);
    }

    SessionTrace trace() {
        return trace;
    }

    SentLines sent() {
        return sent;
    }

    /** Something is waited for from now on. */
    void at(Phase next, long nowNanos) {
        if (phase.getPlain() != next) {
            sinceNanos.setOpaque(nowNanos);
            phase.setOpaque(next);
        }
    }

    /** For any thread. */
    Phase phase() {
        return phase.getOpaque();
    }

    /** When that began, by the monotonic clock. For any thread. */
    long sinceNanos() {
        return sinceNanos.getOpaque();
    }

    /** A recipient's outcome is settled. */
    void settled(Outcome outcome) {
        switch (outcome) {
            case Outcome.Delivered _ -> oneMore(delivered);
            case Outcome.Deferred _ -> oneMore(deferred);
            case Outcome.Bounced _,Outcome.Expired _ -> oneMore(bounced);
            case Outcome.Untried _ -> {
            }
        }
    }

    private static void oneMore(AtomicInteger count) {
        count.setOpaque(count.getPlain() + 1); // nobody else writes it
    }

    int delivered() {
        return delivered.getOpaque();
    }

    int deferred() {
        return deferred.getOpaque();
    }

    int bounced() {
        return bounced.getOpaque();
    }
}
