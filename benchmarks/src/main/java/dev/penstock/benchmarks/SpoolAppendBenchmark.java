package dev.penstock.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;

/**
 * How many 4 KB messages a second does the spool make durable, sync on, when 1, 16 or 256 writers wait for their
 * acknowledgement at one time? Each message is done as soon as it is durable, so the spool stays small. The property
 * {@code spool.root} names the file system to measure, the temporary directory's by default. The last answer is in
 * gateway/docs/benchmarks.md.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class SpoolAppendBenchmark {
    private static final int MESSAGES = 1024;

    @Param({"1", "16", "256"})
    public int writers;

    private final byte[] content = new byte[4096];
    private @Nullable Path directory;
    private @Nullable Spool spool;

    @Setup(Level.Trial)
    public void open() throws IOException {
        Path root = Path.of(System.getProperty("spool.root", System.getProperty("java.io.tmpdir")));
        Path made = Files.createTempDirectory(root, "spool-append-");
        directory = made;
        SpoolConfig usual = SpoolConfig.DEFAULT;
        SpoolConfig config = usual.with(SpoolConfig.DIRECTORY, made);
        spool = SegmentSpool.open(config, InstantSource.system(), _ -> {});
    }

    @TearDown(Level.Trial)
    public void close() throws IOException {
        if (spool == null || directory == null) {
            return;
        }
        spool.close();
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(SpoolAppendBenchmark::delete);
        }
    }

    @Benchmark
    @OperationsPerInvocation(MESSAGES)
    public void append() throws InterruptedException, ExecutionException {
        Spool open = spool;
        if (open == null) {
            return;
        }
        Semaphore waiting = new Semaphore(writers);
        CompletableFuture<?>[] all = new CompletableFuture<?>[MESSAGES];
        for (int i = 0; i < MESSAGES; i++) {
            waiting.acquire();
            all[i] = append(open).whenComplete((_, _) -> waiting.release());
        }
        CompletableFuture.allOf(all).get();
    }

    private CompletableFuture<Void> append(Spool open) {
        MessageId id = open.nextId();
        Envelope envelope = new Envelope(id, "sender@a.test", List.of(new Recipient("somebody@d001.test", "d001.test")),
                BodyType.SEVEN_BIT, false, "", "", System.currentTimeMillis(), Origin.LOCAL);
        Spool.Intake intake = open.intake();
        intake.write(content, 0, content.length);
        return intake.commit(envelope, new byte[0], false, false).thenAccept(entries -> done(open, entries));
    }

    private static void done(Spool open, List<SpoolEntry> entries) {
        for (SpoolEntry entry : entries) {
            CompletableFuture<Void> _ = open.done(entry);
        }
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
