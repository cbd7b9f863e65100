package dev.penstock.benchmarks;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.units.Rate;

/**
 * What does it cost to decide that a message may go, alone and with another delivery session of the same key, by so many
 * rates? The last answer is in gateway/docs/throttling.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up
public class ThrottleBenchmark {
    /** Far above what can be taken, so that a slot is free each time. */
    private static final Rate RATE = Rate.parse("1_000_000_000/s,max_burst=1000");

    @Param({"1", "3"})
    int rates;
    private Flow flow;

    /** One session's. */
    @State(Scope.Thread)
    public static class Session {
        private Slot slot;

        @Setup
        public void slot(ThrottleBenchmark of) {
            slot = of.flow.slot();
        }

        boolean decides() {
            slot.take(Cost.ONE, -1, System.nanoTime());
            boolean taken = slot.isTaken();
            slot.used();
            return taken;
        }
    }

    @Setup
    public void limits() {
        List<SharedLimit> shared = new ArrayList<>();
        for (int i = 1; i < rates; i++) {
            shared.add(new SharedLimit(new SharedLimit.Id(SharedLimit.Measure.MESSAGE_RATE, "rate" + i, ""),
                    new SharedLimit.Bound.Spaced(RATE), ""));
        }
        LimitBook book = new LimitBook() {
            @Override
            public PathLimits of(EgressPath path, String provider) {
                return new PathLimits(TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, RATE), shared);
            }

            @Override
            public boolean limitsSenders() {
                return false;
            }

            @Override
            public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
                return List.of();
            }
        };
        Shaper shaper = new Shaper(ShapingConfig.DEFAULT, book, InstantSource.system(), System::nanoTime);
        flow = shaper.use("ip-1", new Site("mx.example"), "").messages(() -> {});
    }

    @Benchmark
    @Threads(1)
    public boolean alone(Session session) {
        return session.decides();
    }

    @Benchmark
    @Threads(2)
    public boolean contended(Session session) {
        return session.decides();
    }
}
