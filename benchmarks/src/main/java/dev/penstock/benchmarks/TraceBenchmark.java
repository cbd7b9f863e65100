package dev.penstock.benchmarks;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
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
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.trace.Direction;
import dev.penstock.trace.SessionFacts;
import dev.penstock.trace.SessionTrace;
import dev.penstock.trace.TraceFilter;
import dev.penstock.trace.TraceHub;
import dev.penstock.units.Networks;

/**
 * What do a command and its reply cost a session that can be traced: with nobody watching, with somebody who wants another
 * session, with somebody who may want it later, and with one who has it and never takes anything? The last answer is in
 * gateway/docs/tracing.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class TraceBenchmark {
    /** Who watches. */
    public enum Watching {
        NOBODY,
        ANOTHER_SESSION,
        A_DOMAIN,
        THIS_SESSION
    }

    @Param
    public Watching watching = Watching.NOBODY;

    private final byte[] command = "NOOP".getBytes(StandardCharsets.US_ASCII);
    private final byte[] reply = "250 2.0.0 Ok\r\n".getBytes(StandardCharsets.US_ASCII);
    private SessionTrace trace = session(new TraceHub(System::nanoTime));

    private static SessionTrace session(TraceHub hub) {
        return new SessionTrace(hub, "1", Direction.IN, () -> new SessionFacts("1", Direction.IN, null,
                "client.example", "default", "", "", "", ""), System::nanoTime);
    }

    @Setup
    public void open() {
        TraceHub hub = new TraceHub(System::nanoTime);
        trace = session(hub);
        Networks all = Networks.parse(List.of());
        TraceFilter filter = switch (watching) {
            case NOBODY -> null;
            case ANOTHER_SESSION -> new TraceFilter(Direction.OUT, List.of(), all, "", "", "", "", "", "");
            case A_DOMAIN -> new TraceFilter(null, List.of(), all, "dest.example", "", "", "", "", "");
            case THIS_SESSION -> TraceFilter.ALL;
        };
        if (filter != null) {
            hub.open(filter, false, Duration.ofHours(1));
        }
    }

    @Benchmark
    public boolean commandAndReply() {
        if (trace.isOn()) {
            trace.command(command, 0, command.length);
        }
        if (trace.tells()) {
            trace.learned();
            trace.reply(reply);
        }
        return trace.tells();
    }
}
