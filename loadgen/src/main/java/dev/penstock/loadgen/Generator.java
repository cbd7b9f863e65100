package dev.penstock.loadgen;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

import com.sun.management.OperatingSystemMXBean;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What every generator of load has: the phases of a run, its bounds, and what it counts. {@link #run} is called once and
 * blocks its caller; {@link #report} and {@link #stop} are thread-safe, as are the counters.
 */
public abstract sealed class Generator permits LoadGenerator, InjectGenerator {
    private static final long POLL_MILLIS = 10; // how late the end of a run may be noticed; no figure depends on it
    private static final OperatingSystemMXBean PROCESS = ManagementFactory
            .getPlatformMXBean(OperatingSystemMXBean.class);

    /** Messages flow in WARM_UP and COUNTED only; in the other phases those in flight are answered. */
    enum Phase {
        WARM_UP, HELD, COUNTED, DRAIN
    }

    final LoadOptions options;
    final BodyPool bodies;
    final int run;
    final AtomicLong sequence = new AtomicLong();
    final AtomicLong remaining;
    final AtomicInteger inFlight = new AtomicInteger();
    final AtomicInteger openSessions = new AtomicInteger();
    final LongAdder attempted = new LongAdder();
    final LongAdder unknown = new LongAdder();
    final LongAdder aborted = new LongAdder();
    final LongAdder connections = new LongAdder();
    final LongAdder failures = new LongAdder();
    final LongAdder counted = new LongAdder();
    final Deliveries acknowledged = new Deliveries();
    final @Nullable DeliveryLog acks;
    volatile Phase phase = Phase.WARM_UP;

    private final Map<Integer, LongAdder> refused = new ConcurrentHashMap<>();
    private final Map<Integer, String> samples = new ConcurrentHashMap<>();
    private final Semaphore stopped = new Semaphore(0);
    private volatile Runnable gate = () -> {};
    private volatile long countedNanos;
    private volatile long countedMicros;
    private volatile long cpuNanosBefore;
    private volatile long cpuNanosAfter;
    private final List<Interval> series = new CopyOnWriteArrayList<>();
    // Of the thread that runs.
    private long runNanos = System.nanoTime();
    private Totals before = Totals.none(runNanos);

    Generator(LoadOptions options) throws IOException {
        this.options = options;
        run = (int) Mix.bits(System.nanoTime(), ProcessHandle.current().pid(), 0);
        remaining = new AtomicLong(options.messages() == 0 ? Long.MAX_VALUE : options.messages());
        bodies = new BodyPool(options.sizes().sizes(), options.dots(), options.eightBit(), options.seed());
        acks = options.acks() == null ? null : new DeliveryLog(options.acks());
    }

    /** {@code action} runs when the warm-up is over and all its replies are in; the counted part starts after it. */
    public final Generator atWarm(Runnable action) {
        gate = action;
        return this;
    }

    /** Blocks until the run's bound is reached and its replies have come, {@link #stop} was called or all sessions failed. */
    public final LoadReport run() throws InterruptedException, IOException {
        return run(_ -> {});
    }

    /** As {@link #run()}, and hands a report of the state so far to {@code eachSecond} every second. */
    public final LoadReport run(Consumer<LoadReport> eachSecond) throws InterruptedException, IOException {
        runNanos = System.nanoTime();
        before = Totals.none(runNanos);
        if (options.warmup().isZero()) {
            startCounting();
        }
        startSessions();
        try {
            if (!options.warmup().isZero()) {
                await(options.warmup(), eachSecond);
                enter(Phase.HELD);
                awaitReplies(eachSecond);
                gate.run();
                startCounting();
                phaseChanged();
            }
            Duration bound = options.duration().isZero() ? ChronoUnit.FOREVER.getDuration() : options.duration();
            await(bound, eachSecond);
            enter(Phase.DRAIN);
            awaitReplies(eachSecond);
            cpuNanosAfter = PROCESS.getProcessCpuTime();
            endInterval();
        } finally {
            phase = Phase.DRAIN;
            closeSessions();
            if (acks != null) {
                acks.close();
            }
        }
        return report();
    }

    /** Ends the run early; replies under way are still waited for. */
    public final void stop() {
        stopped.release();
    }

    public final LoadReport report() {
        Map<Integer, Long> byCode = new TreeMap<>();
        refused.forEach((code, count) -> byCode.put(code, count.sum()));
        Duration elapsed = countedNanos == 0 || counted.sum() == 0
                ? Duration.ZERO
                : Duration.ofNanos(Math.max(0, lastAcceptNanos() - countedNanos));
        long cpuEnd = cpuNanosAfter == 0 ? PROCESS.getProcessCpuTime() : cpuNanosAfter;
        Duration cpu = countedNanos == 0 ? Duration.ZERO : Duration.ofNanos(cpuEnd - cpuNanosBefore);
        return new LoadReport(run, attempted.sum(), acknowledged.size(), byCode, unknown.sum(), aborted.sum(), samples,
                connections.sum(), failures.sum(), counted.sum(), countedMicros, elapsed, Latency.of(accept()),
                Latency.of(transaction()), cpu, acknowledged, series);
    }

    /** Ends the stretch that runs now. */
    private void endInterval() {
        long now = System.nanoTime();
        long seen = acknowledged.size();
        long attempts = attempted.sum();
        long refusals = refused.values().stream().mapToLong(LongAdder::sum).sum();
        long unanswered = unknown.sum() + aborted.sum();
        Histogram accepts = Latency.sum(accept());
        Histogram inInterval = accepts.copy();
        inInterval.subtract(before.accepts);
        series.add(new Interval((now - runNanos) / 1e9, (now - before.nanos) / 1e9, before.counted,
                attempts - before.attempted, seen - before.accepted, refusals - before.refused,
                unanswered - before.unanswered, Latency.of(inInterval)));
        before = new Totals(now, before.counted, attempts, seen, refusals, unanswered, accepts);
    }

    /** Where the counters stood when the running stretch began. */
    private record Totals(long nanos, boolean counted, long attempted, long accepted, long refused, long unanswered,
            Histogram accepts) {
        static Totals none(long nanos) {
            return new Totals(nanos, false, 0, 0, 0, 0, Latency.sum(List.of()));
        }

        Totals inCountedPart() {
            return new Totals(nanos, true, attempted, accepted, refused, unanswered, accepts);
        }
    }

    abstract void startSessions();

    /** A phase with messages has begun, or one without. */
    abstract void phaseChanged();

    abstract void closeSessions() throws InterruptedException;

    /** {@link System#nanoTime} of the last counted message; not asked before there is one. */
    abstract long lastAcceptNanos();

    abstract List<Latency.Samples> accept();

    abstract List<Latency.Samples> transaction();

    /** No more messages will be given out in this run. */
    final boolean finished() {
        return phase == Phase.DRAIN || phase == Phase.COUNTED && remaining.get() <= 0;
    }

    final void refuse(int code, String text, int deliveries) {
        refused.computeIfAbsent(code, _ -> new LongAdder()).add(deliveries);
        samples.putIfAbsent(code, text);
    }

    static long epochMicros() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }

    private void startCounting() {
        cpuNanosBefore = PROCESS.getProcessCpuTime();
        countedMicros = epochMicros();
        countedNanos = System.nanoTime();
        if (!options.warmup().isZero()) {
            endInterval();
        }
        before = before.inCountedPart();
        phase = Phase.COUNTED;
    }

    private void enter(Phase next) {
        phase = next;
        phaseChanged();
    }

    private void await(Duration bound, Consumer<LoadReport> eachSecond) throws InterruptedException {
        watch(bound, eachSecond, () -> phase == Phase.COUNTED && remaining.get() <= 0 && inFlight.get() == 0);
    }

    private void awaitReplies(Consumer<LoadReport> eachSecond) throws InterruptedException {
        watch(options.drain(), eachSecond, () -> inFlight.get() == 0);
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
                endInterval();
                eachSecond.accept(report());
            }
            if (stopped.tryAcquire(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                phase = Phase.DRAIN;
                remaining.set(0);
                return;
            }
        }
    }
}
