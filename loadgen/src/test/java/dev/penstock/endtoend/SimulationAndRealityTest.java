package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.loadgen.twin.TwinReport;
import dev.penstock.loadgen.twin.Twins;
import dev.penstock.simulation.Controlled;
import dev.penstock.simulation.Mix;
import dev.penstock.simulation.Simulation;
import dev.penstock.simulation.Simulation.Mode;
import dev.penstock.simulation.Stream;

/**
 * The same mail through a gateway to a sink that is a twin, and through the simulation: how long it takes until all of it
 * is at its end. {@code -Dpenstock.simulation.messages=12000} makes it some minutes long.
 */
@Timeout(900)
class SimulationAndRealityTest {
    private static final int MESSAGES = Integer.getInteger("penstock.simulation.messages", 900);
    private static final int SEEDS = 20;
    private static final double TOLERANCE = 0.10;
    private static final double CONTROLLED_TOLERANCE = 0.25;

    @TempDir
    Path directory;

    @Test
    void aSimulatedRunTakesAsLongAsARealOne() throws Exception {
        takesAsLong(false, TOLERANCE);
    }

    /** What is refused of sessions that come up at one moment is more in reality, and control heeds that. */
    @Test
    void soItDoesAboutWhereRatesFollowTheReceiver() throws Exception {
        assumeTrue(Integer.getInteger("penstock.simulation.messages", 0) > 0, "a long form");
        takesAsLong(true, CONTROLLED_TOLERANCE);
    }

    private void takesAsLong(boolean controlled, double tolerance) throws Exception {
        Path twin = Files.writeString(directory.resolve("picky.toml"), """
                [latency]
                connect = "1ms"
                greeting = "20ms"
                command = "5ms"
                content = "60ms"
                spread = 0.5
                [[limit]]
                kind = "connections"
                most = 6
                replies = ["421 4.7.0 Too many concurrent connections from your address"]
                [[limit]]
                kind = "chance"
                name = "full"
                share = 0.1
                replies = ["452 4.2.2 The recipient's mailbox is full"]
                [[limit]]
                kind = "chance"
                name = "unknown"
                share = 0.01
                replies = ["550 5.1.1 No such user"]
                """);
        SinkOptions options = SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.1.1"), 0))
                .twin("*", Twins.read(twin.toString())).build();
        Duration sent;
        Duration real;
        Duration lost;
        TwinReport seen;
        try (Lateness lateness = new Lateness();
                Sink sink = Sink.start(options);
                FileGateway gateway = FileGateway.start(directory.resolve("gateway"), """
                        connection_limit = 10
                        max_message_rate = "30/s"
                        """, """
                        [queue]
                        retry-interval = "2s"
                        max-retry-interval = "2s"
                        [routes."picky.test"]
                        hosts = ["127.0.1.1:%d"]
                        [control]
                        enabled = %s
                        """.formatted(sink.addresses().getFirst().getPort(), controlled))) {
            long begun = System.nanoTime();
            gateway.send(MESSAGES, 2, "picky.test");
            sent = Duration.ofNanos(System.nanoTime() - begun);
            Awaitility.await().atMost(Duration.ofMinutes(14)).pollInterval(Duration.ofMillis(50))
                    .until(() -> gateway.queued() == 0);
            real = Duration.ofNanos(System.nanoTime() - begun);
            lost = lateness.soFar();
            seen = sink.twinReports().getFirst();
        }

        ConfigReader.Valid config = (ConfigReader.Valid) ConfigReader.read(directory.resolve("gateway/penstock.toml"));
        Simulation simulation = new Simulation(
                Mix.of(List.of(new Stream(twin.toString(), List.of("picky.test"), MESSAGES, Duration.ZERO, sent,
                        List.of(), "", 1_024)), Map.of()),
                config.config(), Duration.ofHours(1), true);
        Mode mode = new Mode.Gateway("penstock", Controlled::new);
        long[] drained = LongStream.rangeClosed(1, SEEDS)
                .map(seed -> simulation.run(mode, seed).figures("picky").drainedNanos()).sorted().toArray();
        Duration simulated = Duration.ofNanos(drained[SEEDS / 2]);

        System.err.printf(
                "%d messages: really %.1f s, simulated %.1f s (%.1f to %.1f over %d seeds), late by %.1f s%n%s",
                MESSAGES,
                real.toMillis() / 1e3, simulated.toMillis() / 1e3, drained[0] / 1e9, drained[SEEDS - 1] / 1e9, SEEDS,
                lost.toMillis() / 1e3, seen.text());
        assertThat(seen.taken()).isBetween((long) (0.97 * MESSAGES), (long) MESSAGES);
        // Reality is one of many runs, too: few messages are refused by chance, and the last of them make it long or short.
        // What a machine that is busy with other things keeps from a pace isn't made up for.
        assertThat((double) real.toMillis()).isBetween(drained[0] / 1e6 * (1 - tolerance),
                drained[SEEDS - 1] / 1e6 * (1 + tolerance) + lost.toMillis());
    }

    /** How long a thread that would run every few milliseconds was kept from it, in all. Thread-safe. */
    private static final class Lateness implements AutoCloseable {
        private static final long EVERY = TimeUnit.MILLISECONDS.toNanos(10);
        private static final long USUAL = TimeUnit.MILLISECONDS.toNanos(2);

        private final AtomicLong nanos = new AtomicLong();
        private volatile boolean ends;

        Lateness() {
            Thread.ofPlatform().daemon().name("lateness").start(this::watch);
        }

        private void watch() {
            while (!ends) {
                long before = System.nanoTime();
                LockSupport.parkNanos(EVERY);
                nanos.addAndGet(Math.max(0, System.nanoTime() - before - EVERY - USUAL));
            }
        }

        Duration soFar() {
            return Duration.ofNanos(nanos.get());
        }

        @Override
        public void close() {
            ends = true;
        }
    }
}
