package dev.penstock.benchmarks;

import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.shaping.Gcra;
import dev.penstock.units.Rate;

/**
 * What does one reservation from a rate limiter cost, alone and with another delivery session at the same one? The last answer
 * is in gateway/docs/benchmarks.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class GcraBenchmark {
    // far above what can be reserved, so that a slot is free each time
    private final Gcra limiter = new Gcra(Rate.parse("1_000_000_000/s,max_burst=1000"), System.nanoTime());

    @Benchmark
    @Threads(1)
    public long alone() {
        return limiter.reserve(System.nanoTime());
    }

    @Benchmark
    @Threads(2)
    public long contended() {
        return limiter.reserve(System.nanoTime());
    }
}
