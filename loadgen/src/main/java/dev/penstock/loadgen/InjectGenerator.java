package dev.penstock.loadgen;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

import com.sun.management.OperatingSystemMXBean;
import org.jspecify.annotations.Nullable;

/**
 * Sends generated messages over HTTP and measures how they are accepted, in the phases of {@link LoadGenerator} and with
 * its numbers, so that the same sink and the same ledger tell what became of them. {@link #run} is called once and blocks
 * its caller; {@link #report} and {@link #stop} are thread-safe. Each session is a virtual thread with a connection.
 */
public final class InjectGenerator {
    private static final long POLL_MILLIS = 10; // how late the end of a run may be noticed; no figure depends on it
    private static final OperatingSystemMXBean PROCESS = ManagementFactory
            .getPlatformMXBean(OperatingSystemMXBean.class);

    final InjectOptions options;
    final BodyPool bodies;
    final InjectRequest.Texts texts = new InjectRequest.Texts();
    final int run;
    final AtomicInteger openSessions = new AtomicInteger();
    final LongAdder connections = new LongAdder();
    final LongAdder failures = new LongAdder();
    volatile LoadGenerator.Phase phase = LoadGenerator.Phase.WARM_UP;

    private final AtomicLong sequence = new AtomicLong();
    private final AtomicLong remaining;
    private final AtomicInteger inFlight = new AtomicInteger();
    private final LongAdder attempted = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder aborted = new LongAdder();
    private final LongAdder counted = new LongAdder();
    private final Deliveries acknowledged = new Deliveries();
    private final @Nullable DeliveryLog acks;
    private final List<InjectSession> sessions = new ArrayList<>();
    private final Map<Integer, LongAdder> refused = new ConcurrentHashMap<>();
    private final Map<Integer, String> samples = new ConcurrentHashMap<>();
    private final Semaphore stopped = new Semaphore(0);
    private final AtomicLong planned = new AtomicLong();
    private final AtomicLong lastAcceptNanos = new AtomicLong(Long.MIN_VALUE);
    private final double intervalNanos;
    private volatile Runnable gate = () -> {};
    private volatile long planStart = System.nanoTime();
    private volatile long countedNanos;
    private volatile long countedMicros;
    private volatile long cpuNanosBefore;
    private volatile long cpuNanosAfter;

    public InjectGenerator(InjectOptions options) throws IOException {
        this.options = options;
        LoadOptions load = options.load();
        run = (int) Mix.bits(System.nanoTime(), ProcessHandle.current().pid(), 0);
        remaining = new AtomicLong(load.messages() == 0 ? Long.MAX_VALUE : load.messages());
        bodies = new BodyPool(load.sizes().sizes(), 0, 0, load.seed());
        intervalNanos = load.rate() == 0 ? 0 : 1e9 / load.rate();
        acks = load.acks() == null ? null : new DeliveryLog(load.acks());
        for (int i = 0; i < load.sessions(); i++) {
            sessions.add(new InjectSession(this, load.targets().get(i % load.targets().size())));
        }
    }

    /** {@code action} runs when the warm-up is over and all its answers are in; the counted part starts after it. */
    public InjectGenerator atWarm(Runnable action) {
        gate = action;
        return this;
    }

    /**
     * Blocks until the run's bound is reached and its answers have come, {@link #stop} was called or all sessions failed;
     * hands a report of the state so far to {@code eachSecond} every second.
     */
    public LoadReport run(Consumer<LoadReport> eachSecond) throws InterruptedException, IOException {
        LoadOptions load = options.load();
        if (load.warmup().isZero()) {
            startCounting();
        }
        openSessions.set(sessions.size());
        List<Thread> threads = sessions.stream()
                .map(session -> Thread.ofVirtual().name("inject-session").start(session)).toList();
        try {
            if (!load.warmup().isZero()) {
                watch(load.warmup(), eachSecond, () -> false);
                phase = LoadGenerator.Phase.HELD;
                awaitAnswers(eachSecond);
                gate.run();
                startCounting();
            }
            watch(load.duration().isZero() ? ChronoUnit.FOREVER.getDuration() : load.duration(), eachSecond,
                    () -> remaining.get() <= 0 && inFlight.get() == 0);
            phase = LoadGenerator.Phase.DRAIN;
            awaitAnswers(eachSecond);
            cpuNanosAfter = PROCESS.getProcessCpuTime();
        } finally {
            phase = LoadGenerator.Phase.DRAIN;
            sessions.forEach(InjectSession::close);
            for (Thread thread : threads) {
                thread.join();
            }
            if (acks != null) {
                acks.close();
            }
        }
        return report();
    }

    /** Ends the run early; answers under way are still waited for. */
    public void stop() {
        stopped.release();
    }

    public LoadReport report() {
        Map<Integer, Long> byCode = new TreeMap<>();
        refused.forEach((code, count) -> byCode.put(code, count.sum()));
        long last = lastAcceptNanos.get();
        Duration elapsed = countedNanos == 0 || last == Long.MIN_VALUE
                ? Duration.ZERO
                : Duration.ofNanos(Math.max(0, last - countedNanos));
        long cpuEnd = cpuNanosAfter == 0 ? PROCESS.getProcessCpuTime() : cpuNanosAfter;
        Duration cpu = countedNanos == 0 ? Duration.ZERO : Duration.ofNanos(cpuEnd - cpuNanosBefore);
        return new LoadReport(run, attempted.sum(), acknowledged.size(), byCode, unknown.sum(), aborted.sum(), samples,
                connections.sum(), failures.sum(), counted.sum(), countedMicros, elapsed,
                Latency.of(sessions.stream().map(InjectSession::accept).toList()),
                Latency.of(sessions.stream().map(InjectSession::transaction).toList()), cpu, acknowledged);
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
        LoadGenerator.Phase now = phase;
        if (now != LoadGenerator.Phase.WARM_UP && now != LoadGenerator.Phase.COUNTED) {
            return null;
        }
        boolean counts = now == LoadGenerator.Phase.COUNTED;
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
                java.util.concurrent.locks.LockSupport.parkNanos(
                        Math.min(start - System.nanoTime(), TimeUnit.MILLISECONDS.toNanos(POLL_MILLIS)));
            }
            if (phase != now) {
                inFlight.decrementAndGet();
                return null;
            }
        }
        attempted.add(options.load().recipients());
        return new Ticket(sequence.getAndIncrement(), counts, start);
    }

    boolean finished() {
        return phase == LoadGenerator.Phase.DRAIN || phase == LoadGenerator.Phase.COUNTED && remaining.get() <= 0;
    }

    /**
     * Counts an answer.
     *
     * @param acceptedNanos when it had come
     */
    void answered(Ticket ticket, InjectAnswer answer, long acceptedNanos) {
        int recipients = options.load().recipients();
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
                refused.computeIfAbsent(each.code(), _ -> new LongAdder()).increment();
                samples.putIfAbsent(each.code(), each.text());
            }
        }
        if (acks != null) {
            acks.flush();
        }
        if (ticket.counted && accepted > 0) {
            counted.add(accepted);
            lastAcceptNanos.accumulateAndGet(acceptedNanos, Math::max);
        }
        inFlight.decrementAndGet();
    }

    /**
     * Counts a request that has no answer.
     *
     * @param sent whether the gateway may have got it
     */
    void failed(boolean sent) {
        (sent ? unknown : aborted).add(options.load().recipients());
        inFlight.decrementAndGet();
    }

    private void startCounting() {
        cpuNanosBefore = PROCESS.getProcessCpuTime();
        countedMicros = LoadGenerator.epochMicros();
        countedNanos = System.nanoTime();
        planned.set(0);
        planStart = countedNanos;
        phase = LoadGenerator.Phase.COUNTED;
    }

    private void awaitAnswers(Consumer<LoadReport> eachSecond) throws InterruptedException {
        watch(options.load().drain(), eachSecond, () -> inFlight.get() == 0);
    }

    private void watch(Duration bound, Consumer<LoadReport> eachSecond, BooleanSupplier ended)
            throws InterruptedException {
        long start = System.nanoTime();
        long nextTick = start + TimeUnit.SECONDS.toNanos(1);
        while (!ended.getAsBoolean() && openSessions.get() > 0) {
            long now = System.nanoTime();
            if (bound.compareTo(Duration.ofNanos(now - start)) <= 0) {
                return;
            }
            if (now - nextTick >= 0) {
                nextTick += TimeUnit.SECONDS.toNanos(1);
                eachSecond.accept(report());
            }
            if (stopped.tryAcquire(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                remaining.set(0);
                phase = LoadGenerator.Phase.DRAIN;
                return;
            }
        }
    }
}
