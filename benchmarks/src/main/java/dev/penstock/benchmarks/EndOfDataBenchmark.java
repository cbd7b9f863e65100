package dev.penstock.benchmarks;

import java.util.SplittableRandom;
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

import dev.penstock.smtp.DataDecoder;
import dev.penstock.smtp.Sink;

/**
 * What does it cost to find the end of a message, with dots taken out, when it comes in pieces as a socket gives them?
 * The last answer is in gateway/docs/benchmarks.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class EndOfDataBenchmark {
    private static final int LINE = 74;
    private static final int PIECE = 16 << 10;
    private static final byte[] END = {'.', '\r', '\n'};

    @Param({"4096", "51200"})
    public int size;

    /** Every so many lines one starts with a dot. */
    @Param({"20"})
    public int dottedLines;

    private final DataDecoder decoder = new DataDecoder();
    private byte[] wire = {};
    private long octets;
    private final Sink<RuntimeException> counter = (_, _, length) -> octets += length;

    @Setup
    public void generate() {
        SplittableRandom random = new SplittableRandom(1);
        wire = new byte[size + END.length];
        for (int i = 0; i < size; i++) {
            int column = i % LINE;
            wire[i] = switch (column) {
                case LINE - 2 -> '\r';
                case LINE - 1 -> '\n';
                default -> (byte) random.nextInt('a', 'z');
            };
            if (column < 2 && i / LINE % dottedLines == 0) {
                wire[i] = '.';
            }
        }
        wire[size - 2] = '\r';
        wire[size - 1] = '\n';
        System.arraycopy(END, 0, wire, size, END.length);
    }

    @Benchmark
    public long decode() {
        decoder.reset();
        octets = 0;
        for (int at = 0; at < wire.length;) {
            at += decoder.decode(wire, at, Math.min(PIECE, wire.length - at), counter);
        }
        return octets;
    }
}
