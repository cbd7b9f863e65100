package dev.penstock.queue;

import java.time.Duration;
import java.time.InstantSource;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.BenchmarkEntries;
import dev.penstock.spool.SpoolEntry;

/**
 * What does it cost a deferred destination to go onto the timing wheel and to come out again when it is due, with waits
 * spread over four hours? In the package of the wheel, which is nobody else's business. The last answer is in
 * gateway/docs/benchmarks.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class WheelBenchmark {
    private static final int ITEMS = 100_000;
    private static final int BATCH = 1_024;
    private static final long START = 1_800_000_000_000L;
    private static final long LONGEST = Duration.ofHours(4).toMillis();

    private final QueueItem[] items = new QueueItem[ITEMS];
    private final long[] waits = new SplittableRandom(1).longs(ITEMS, 0, LONGEST).toArray();

    @Setup(Level.Trial)
    public void items() {
        SpoolEntry entry = BenchmarkEntries.entry(1);
        MailQueue queue = new MailQueue(QueueConfig.DEFAULT, new Shaper(ShapingConfig.DEFAULT, System::nanoTime),
                _ -> new CompletableFuture<>(), InstantSource.system(), System::nanoTime);
        SubQueue home = new DomainQueue("a.test", new Lane("default", queue.unrouted))
                .subQueue(new TenantCampaign("", ""));
        for (int i = 0; i < ITEMS; i++) {
            items[i] = new QueueItem(entry, home, START, 4_096);
        }
    }

    @Benchmark
    @OperationsPerInvocation(ITEMS)
    public int inAndOut() {
        TimingWheel wheel = new TimingWheel(START);
        for (int i = 0; i < ITEMS; i++) {
            items[i].schedule(START + waits[i], 1);
            wheel.insert(items[i]);
        }
        ItemList due = new ItemList();
        int out = 0;
        while (wheel.size() > 0) {
            wheel.advance(START + LONGEST + TimingWheel.TICK_MILLIS, BATCH, due);
            while (due.pollFirst() != null) {
                out++;
            }
        }
        return out;
    }
}
