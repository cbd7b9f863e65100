package dev.penstock.benchmarks;

import java.nio.charset.StandardCharsets;
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

import dev.penstock.smtp.Command;
import dev.penstock.smtp.CommandParser;

/** What does it cost to read one command line? The last answer is in gateway/docs/benchmarks.md. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CommandParsingBenchmark {
    @Param({"DATA", "MAIL FROM:<newsletter@sender.example> SIZE=4711 BODY=8BITMIME", "RCPT TO:<somebody@d042.test>",
        "RCPT TO:<\"quoted local\"@xn--bcher-kva.example>"})
    public String line = "";

    private byte[] octets = {};

    @Setup
    public void encode() {
        octets = line.getBytes(StandardCharsets.US_ASCII);
    }

    @Benchmark
    public Command parse() {
        return CommandParser.parse(octets, 0, octets.length);
    }
}
