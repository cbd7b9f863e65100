package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.US_ASCII;

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
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.Canonicalization;

/** What does the hash of a body cost the thread that receives it? The last answer is in gateway/docs/dkim.md. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 3, time = 2)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, and calls the set-up
public class BodyHashBenchmark {
    private static final int PIECE = 16 << 10; // a read

    @Param({"SIMPLE", "RELAXED"})
    private Canonicalization form;
    @Param({"4096", "102400"})
    private int size;

    private byte[] body;

    @Setup
    public void prepare() {
        String line = "Some words of usual length in a line that is as long as most of them are.\r\n";
        body = line.repeat(size / line.length()).getBytes(US_ASCII);
    }

    @Benchmark
    public byte[] hash() {
        BodyHash hash = new BodyHash(form);
        for (int at = 0; at < body.length; at += PIECE) {
            hash.update(body, at, Math.min(PIECE, body.length - at));
        }
        return hash.finish();
    }
}
