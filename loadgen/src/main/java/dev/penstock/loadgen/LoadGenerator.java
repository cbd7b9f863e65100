package dev.penstock.loadgen;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
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
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

import com.sun.management.OperatingSystemMXBean;
import org.jspecify.annotations.Nullable;

/**
 * Sends generated messages over SMTP and measures how they are accepted. {@link #run} is called once and blocks its
 * caller; {@link #report} and {@link #stop} are thread-safe.
 */
public final class LoadGenerator {
    private static final int CODES = 1000;
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

    private final List<LoadWorker> workers = new ArrayList<>();
    private final AtomicLongArray refused = new AtomicLongArray(CODES);
    private final Map<Integer, String> samples = new ConcurrentHashMap<>();
    private final Semaphore stopped = new Semaphore(0);
    private volatile Runnable gate = () -> {};
    private volatile long countedNanos;
    private volatile long countedMicros;
    private volatile long cpuNanosBefore;
    private volatile long cpuNanosAfter;

    public LoadGenerator(LoadOptions options) throws IOException {
        this.options = options;
        run = (int) Mix.bits(System.nanoTime(), ProcessHandle.current().pid(), 0);
        remaining = new AtomicLong(options.messages() == 0 ? Long.MAX_VALUE : options.messages());
        bodies = new BodyPool(options.sizes().sizes(), options.dots(), options.eightBit(), options.seed());
        acks = options.acks() == null ? null : new DeliveryLog(options.acks());
        for (int i = 0; i < options.threads(); i++) {
            workers.add(new LoadWorker(this, i));
        }
    }

    /** {@code action} runs when the warm-up is over and all its replies are in; the counted part starts after it. */
    public LoadGenerator atWarm(Runnable action) {
        gate = action;
        return this;
    }

    /** Blocks until the run's bound is reached and its replies have come, {@link #stop} was called or all sessions failed. */
    public LoadReport run() throws InterruptedException, IOException {
        return run(_ -> {});
    }

    /** As {@link #run()}, and hands a report of the state so far to {@code eachSecond} every second. */
    public LoadReport run(Consumer<LoadReport> eachSecond) throws InterruptedException, IOException {
        if (options.warmup().isZero()) {
            startCounting();
        }
        workers.forEach(LoadWorker::start);
        try {
            if (!options.warmup().isZero()) {
                await(options.warmup(), eachSecond);
                enter(Phase.HELD);
                awaitReplies(eachSecond);
                gate.run();
                startCounting();
                kick();
            }
            Duration bound = options.duration().isZero() ? ChronoUnit.FOREVER.getDuration() : options.duration();
            await(bound, eachSecond);
            enter(Phase.DRAIN);
            awaitReplies(eachSecond);
            cpuNanosAfter = PROCESS.getProcessCpuTime();
        } finally {
            workers.forEach(LoadWorker::close);
            if (acks != null) {
                acks.close();
            }
        }
        return report();
    }

    /** Ends the run early; replies under way are still waited for. */
    public void stop() {
        stopped.release();
    }

    public LoadReport report() {
        Map<Integer, Long> byCode = new TreeMap<>();
        for (int code = 0; code < CODES; code++) {
            if (refused.get(code) != 0) {
                byCode.put(code, refused.get(code));
            }
        }
        long last = workers.stream().mapToLong(LoadWorker::lastAcceptNanos).max().orElse(0);
        Duration elapsed = countedNanos == 0 ? Duration.ZERO : Duration.ofNanos(Math.max(0, last - countedNanos));
        long cpuEnd = cpuNanosAfter == 0 ? PROCESS.getProcessCpuTime() : cpuNanosAfter;
        Duration cpu = countedNanos == 0 ? Duration.ZERO : Duration.ofNanos(cpuEnd - cpuNanosBefore);
        return new LoadReport(run, attempted.sum(), acknowledged.size(), byCode, unknown.sum(), aborted.sum(), samples,
                connections.sum(), failures.sum(), counted.sum(), countedMicros, elapsed,
                Latency.of(workers.stream().map(LoadWorker::accept).toList()),
                Latency.of(workers.stream().map(LoadWorker::transaction).toList()), cpu, acknowledged);
    }

    void refuse(int code, String text, int deliveries) {
        if (refused.getAndAdd(code, deliveries) == 0) {
            samples.putIfAbsent(code, text);
        }
    }

    static long epochMicros() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }

    private void startCounting() {
        cpuNanosBefore = PROCESS.getProcessCpuTime();
        countedMicros = epochMicros();
        countedNanos = System.nanoTime();
        phase = Phase.COUNTED;
    }

    private void enter(Phase next) {
        phase = next;
        kick();
    }

    private void kick() {
        workers.forEach(LoadWorker::phaseChanged);
    }

    private void await(Duration bound, Consumer<LoadReport> eachSecond) throws InterruptedException {
        watch(bound, eachSecond, () -> phase == Phase.COUNTED && remaining.get() <= 0 && inFlight.get() == 0);
    }

    private void awaitReplies(Consumer<LoadReport> eachSecond) throws InterruptedException {
        watch(options.drain(), eachSecond, () -> inFlight.get() == 0);
    }

    private void watch(Duration bound, Consumer<LoadReport> eachSecond, Condition ended) throws InterruptedException {
        long start = System.nanoTime();
        long nextTick = start + TimeUnit.SECONDS.toNanos(1);
        while (!ended.holds() && openSessions.get() > 0) {
            long now = System.nanoTime();
            if (bound.compareTo(Duration.ofNanos(now - start)) <= 0) {
                return;
            }
            if (now - nextTick >= 0) {
                nextTick += TimeUnit.SECONDS.toNanos(1);
                eachSecond.accept(report());
            }
            if (stopped.tryAcquire(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                phase = Phase.DRAIN;
                remaining.set(0);
                return;
            }
        }
    }

    @FunctionalInterface
    private interface Condition {
        boolean holds();
    }
}
