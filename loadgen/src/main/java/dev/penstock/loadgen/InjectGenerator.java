package dev.penstock.loadgen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;

/**
 * Sends generated messages over HTTP and measures how they are accepted, with the numbers of {@link LoadGenerator}, so
 * that the same sink and the same ledger tell what became of them. Each session is a virtual thread with a connection.
 * Thread-safe as {@link Generator} says.
 */
public final class InjectGenerator extends Generator {
    /** How late a session may notice that a phase is over. */
    private static final long LONGEST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    final InjectOptions injection;
    final InjectRequest.Texts texts = new InjectRequest.Texts();

    private final List<InjectSession> sessions = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicLong planned = new AtomicLong();
    private final AtomicLong lastAcceptNanos = new AtomicLong(Long.MIN_VALUE);
    private final double intervalNanos;
    private volatile long planStart = System.nanoTime();

    public InjectGenerator(InjectOptions injection) throws IOException {
        super(injection.load());
        this.injection = injection;
        intervalNanos = options.rate() == 0 ? 0 : 1e9 / options.rate();
        for (int i = 0; i < options.sessions(); i++) {
            sessions.add(new InjectSession(this, options.targets().get(i % options.targets().size())));
        }
    }

    @Override
    void startSessions() {
        phaseChanged();
        openSessions.set(sessions.size());
        for (InjectSession session : sessions) {
            threads.add(Thread.ofVirtual().name("inject-session").start(session));
        }
    }

    @Override
    void phaseChanged() {
        planned.set(0);
        planStart = System.nanoTime();
    }

    @Override
    void closeSessions() throws InterruptedException {
        sessions.forEach(InjectSession::close);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @Override
    long lastAcceptNanos() {
        return lastAcceptNanos.get();
    }

    @Override
    List<Latency.Samples> accept() {
        return sessions.stream().map(InjectSession::accept).toList();
    }

    @Override
    List<Latency.Samples> transaction() {
        return sessions.stream().map(InjectSession::transaction).toList();
    }

    // ---- for the sessions ----------------------------------------------------------------------------------------

    /**
     * A request to be made.
     *
     * @param startNanos when it was due
     */
    record Ticket(long sequence, boolean counted, long startNanos) {}

    /** The next request; null when there is none now. May wait until it is due. */
    @Nullable
    Ticket take() {
        Phase now = phase;
        if (now != Phase.WARM_UP && now != Phase.COUNTED) {
            return null;
        }
        boolean counts = now == Phase.COUNTED;
        // first in flight, then out of the stock: nobody must see an empty stock and nothing in flight
        inFlight.incrementAndGet();
        if (phase != now || counts && remaining.getAndDecrement() <= 0) {
            inFlight.decrementAndGet();
            return null;
        }
        long start = System.nanoTime();
        if (intervalNanos > 0) {
            start = planStart + (long) (planned.getAndIncrement() * intervalNanos);
            while (start - System.nanoTime() > 0 && phase == now) {
                LockSupport.parkNanos(
                        Math.min(start - System.nanoTime(), LONGEST_WAIT_NANOS));
            }
            if (phase != now) {
                inFlight.decrementAndGet();
                return null;
            }
        }
        attempted.add(options.recipients());
        return new Ticket(sequence.getAndIncrement(), counts, start);
    }

    /**
     * Counts an answer.
     *
     * @param acceptedNanos when it had come
     */
    void answered(Ticket ticket, InjectAnswer answer, long acceptedNanos) {
        int recipients = options.recipients();
        int accepted = 0;
        for (int i = 0; i < recipients; i++) {
            InjectAnswer.Recipient each = i < answer.recipients().size()
                    ? answer.recipients().get(i)
                    : new InjectAnswer.Recipient(answer.status(), answer.text());
            if (each.code() == 0) {
                accepted++;
                long delivery = ticket.sequence * recipients + i;
                acknowledged.add(run, delivery);
                if (acks != null) {
                    acks.append(run, delivery);
                }
            } else {
                refuse(each.code(), each.text(), 1);
            }
        }
        if (acks != null) {
            acks.flush();
        }
        if (ticket.counted && accepted > 0) {
            lastAcceptNanos.accumulateAndGet(acceptedNanos, Math::max);
            counted.add(accepted); // whoever sees it looks for the time
        }
        inFlight.decrementAndGet();
    }

    /**
     * Counts a request that has no answer.
     *
     * @param sent whether the gateway may have got it
     */
    void failed(boolean sent) {
        (sent ? unknown : aborted).add(options.recipients());
        inFlight.decrementAndGet();
    }
}
