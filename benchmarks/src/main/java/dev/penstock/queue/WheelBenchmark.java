package dev.penstock.queue;

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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.BenchmarkEntries;

/**
 * What does one deferral cost the timing wheel, from insertion until the item comes out again up to four hours later,
 * all steps from wheel to wheel included, while so many others wait? The last answer is in gateway/docs/benchmarks.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class WheelBenchmark {
    private static final int ROUND = 1_000;
    private static final int BATCH = 256;
    private static final long START = 1_800_000_000_000L;
    private static final long LONGEST_WAIT = TimeUnit.HOURS.toMillis(4); // the default of queue.max-retry-interval

    @Param({"1000", "1000000"})
    public int waiting;

    private final SplittableRandom random = new SplittableRandom(1);
    private TimingWheel wheel = new TimingWheel(START);
    private long now = START;

    @Setup(Level.Trial)
    public void fill() {
        SubQueue home = home();
        wheel = new TimingWheel(START);
        for (int i = 0; i < waiting; i++) {
            insert(new QueueItem(BenchmarkEntries.entry(i), home, START, 4096));
        }
    }

    @Benchmark
    @OperationsPerInvocation(ROUND)
    public long deferAgain() {
        for (int out = 0; out < ROUND;) {
            ItemList due = new ItemList();
            if (wheel.advance(now, BATCH, due)) {
                now = wheel.nextMillis();
            }
            for (QueueItem item = due.pollFirst(); item != null; item = due.pollFirst()) {
                insert(item);
                out++;
            }
        }
        return now;
    }

    private void insert(QueueItem item) {
        item.schedule(now + random.nextLong(1, LONGEST_WAIT), 1);
        wheel.insert(item);
    }

    private static SubQueue home() {
        Shaper shaper = new Shaper(ShapingConfig.DEFAULT, System::nanoTime);
        MailQueue queue = new MailQueue(QueueConfig.DEFAULT, shaper, _ -> new CompletableFuture<>(),
                InstantSource.system(), System::nanoTime);
        Lane lane = new Lane(queue, new LaneKey("", "", false), 0, null);
        return new SubQueue(new DomainQueue("example.com", lane), new Sender("", ""));
    }
}
