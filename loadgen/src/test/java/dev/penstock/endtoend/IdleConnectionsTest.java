package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * What clients cost that only wait: at most 16 KB of the gateway's memory each, and hardly any time of the clients that
 * work.
 *
 * <p>{@code -Dpenstock.idle=15000} and {@code -Dpenstock.idle-tls=10000} are the forms the promise is made for, {@code -Dpenstock.slow=1000 -Dpenstock.pairs=5} that
 * of the slow ones; else both are small, and only a bound that no busy machine exceeds is asserted for times.
 */
@Timeout(1200)
class IdleConnectionsTest {
    private static final Logger log = LoggerFactory.getLogger(IdleConnectionsTest.class);
    private static final int IDLE = Integer.getInteger("penstock.idle", 500);
    private static final int IDLE_TLS = Integer.getInteger("penstock.idle-tls", 500);
    private static final int SLOW = Integer.getInteger("penstock.slow", 100);
    private static final int PAIRS = Integer.getInteger("penstock.pairs", 1);
    private static final boolean MEASURED = System.getProperty("penstock.idle") != null
            || System.getProperty("penstock.slow") != null;
    private static final boolean MEASURED_TLS = System.getProperty("penstock.idle-tls") != null;
    private static final boolean HISTOGRAM = Boolean.getBoolean("penstock.histogram");
    /** Of few connections the memory of the second compiler, which comes when it has time, would be more than theirs. */
    private static final List<String> COMPILER = MEASURED ? List.of() : List.of("-XX:TieredStopAtLevel=1");
    private static final int BYTES_PER_CONNECTION = 16 << 10;
    private static final int MOST_PER_PROCESS = 5_000;
    private static final double RATE = MEASURED ? 1_000 : 200; // messages per second of the good client
    private static final Duration RUN = Duration.ofSeconds(MEASURED ? 15 : 3);
    private static final long MOST_P99_MICROS = 50_000;
    private static final long MOST_P50_MICROS = 1_000_000; // which a machine that stalls for a moment doesn't exceed
    private static final double MOST_GROWTH = 1.2; // of p99, by slow clients
    private static final double LEAST = 0.8; // of the messages planned, on a machine that has other things to do
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    @Test
    void idleConnectionsTakeLittleMemoryAndNoTime() throws Exception {
        try (Peer peer = new Peer(directory)) {
            warmUp(peer.gateway);
            openAndClose(peer.gateway, 1, IDLE, IdleClients.Habit.SILENT);
            LoadReport before = goodClient(peer.gateway);
            MeasuredGateway.Figures empty = peer.gateway.figures();
            List<IdleClients> clients = open(peer.gateway, 1, IDLE, IdleClients.Habit.SILENT);
            try {
                MeasuredGateway.Figures full = HISTOGRAM
                        ? peer.gateway.figuresWithHistogram()
                        : peer.gateway.figures();
                long each = full.grownSince(empty) / IDLE;
                LoadReport beside = goodClient(peer.gateway);
                MeasuredGateway.Figures after = peer.gateway.figures();
                log.warn("{} idle connections: {} octets each, {} of them heap; resident {} MB, heap {} MB", IDLE, each,
                        (full.heap() - empty.heap()) / IDLE, full.resident() >> 20, full.heap() >> 20);
                log.warn("good client alone: {}", before.transaction());
                log.warn("good client beside them: {}", beside.transaction());
                log.warn("after the load: {} octets each", after.grownSince(empty) / IDLE);
                assertThat(full.sessions()).isGreaterThanOrEqualTo(IDLE);
                assertThat(after.sessions()).as("none was lost").isGreaterThanOrEqualTo(IDLE);
                assertThat(each).isLessThanOrEqualTo(BYTES_PER_CONNECTION);
                if (MEASURED) {
                    assertThat(beside.transaction().p99()).isLessThan(MOST_P99_MICROS);
                }
                assertThat(beside.accept().p50()).isLessThan(MOST_P50_MICROS);
            } finally {
                clients.forEach(IdleClients::close);
            }
        }
    }

    /** The second time nothing is left to be loaded, and pools have grown to what they are kept at. */
    private static void openAndClose(MeasuredGateway gateway, int listener, int count, IdleClients.Habit habit)
            throws Exception {
        open(gateway, listener, Math.min(count, MOST_PER_PROCESS) / 5, habit).forEach(IdleClients::close);
        Awaitility.await().atMost(PATIENCE).until(() -> gateway.figures().sessions() == 0);
    }

    @ParameterizedTest
    @CsvSource({"2,SILENT_BEHIND_STARTTLS", "3,SILENT_UNDER_TLS"})
    void idleConnectionsWithTlsTakeLittleMemoryToo(int listener, IdleClients.Habit habit) throws Exception {
        Certificates.Pem certificate = Certificates.create(directory.resolve("certificates")).server("mx.test");
        try (Peer peer = new Peer(directory, certificate)) {
            warmUp(peer.gateway);
            openAndClose(peer.gateway, listener, IDLE_TLS, habit);
            MeasuredGateway.Figures empty = peer.gateway.figures();
            List<IdleClients> clients = open(peer.gateway, listener, IDLE_TLS, habit);
            try {
                MeasuredGateway.Figures full = HISTOGRAM
                        ? peer.gateway.figuresWithHistogram()
                        : peer.gateway.figures();
                long each = full.grownSince(empty) / IDLE_TLS;
                log.warn("{} idle connections, {}: {} octets each, {} of them heap; resident {} MB, heap {} MB",
                        IDLE_TLS, habit, each, (full.heap() - empty.heap()) / IDLE_TLS, full.resident() >> 20,
                        full.heap() >> 20);
                assertThat(full.sessions()).isGreaterThanOrEqualTo(IDLE_TLS);
                assertThat((full.heap() - empty.heap()) / IDLE_TLS).isLessThanOrEqualTo(BYTES_PER_CONNECTION);
                if (MEASURED_TLS) { // of few it would be what the process grows by anyway
                    assertThat(each).isLessThanOrEqualTo(BYTES_PER_CONNECTION);
                }
            } finally {
                clients.forEach(IdleClients::close);
            }
        }
    }

    @Test
    void slowClientsDoNotSlowTheOthersDown() throws Exception {
        try (Peer peer = new Peer(directory)) {
            warmUp(peer.gateway);
            List<Double> ratios = new ArrayList<>();
            for (int pair = 0; pair < PAIRS; pair++) {
                boolean slowFirst = pair % 2 == 1;
                LoadReport first = slowFirst ? besideSlow(peer.gateway) : goodClient(peer.gateway);
                LoadReport second = slowFirst ? goodClient(peer.gateway) : besideSlow(peer.gateway);
                LoadReport alone = slowFirst ? second : first;
                LoadReport beside = slowFirst ? first : second;
                log.warn("good client alone: {}", alone.transaction());
                log.warn("good client beside {} slow ones: {}", SLOW, beside.transaction());
                ratios.add((double) beside.transaction().p99() / alone.transaction().p99());
                assertThat((double) beside.messages()).as("the good client keeps its rate")
                        .isGreaterThan(RATE * RUN.toSeconds() * LEAST);
            }
            double median = ratios.stream().sorted().toList().get(PAIRS / 2);
            log.warn(String.format(Locale.ROOT, "p99 beside slow clients / alone: median %.2f of %s", median, ratios));
            if (MEASURED) {
                assertThat(median).isLessThan(MOST_GROWTH);
            }
        }
    }

    private static LoadReport besideSlow(MeasuredGateway gateway) throws Exception {
        try (IdleClients slow = IdleClients.start(gateway.smtp(1), SLOW, 20, IdleClients.Habit.DRIPPING)) {
            slow.awaitReady();
            return goodClient(gateway);
        }
    }

    private static List<IdleClients> open(MeasuredGateway gateway, int listener, int count,
            IdleClients.Habit habit) throws Exception {
        List<IdleClients> clients = new ArrayList<>();
        for (int left = count; left > 0; left -= MOST_PER_PROCESS) {
            clients.add(IdleClients.start(gateway.smtp(listener), Math.min(left, MOST_PER_PROCESS),
                    10 + clients.size(), habit));
        }
        clients.forEach(IdleClients::awaitReady);
        return clients;
    }

    private static LoadReport goodClient(MeasuredGateway gateway) throws Exception {
        return run(LoadOptions.to(gateway.smtp(0)).rate(RATE).duration(RUN).warmup(Duration.ofSeconds(1)));
    }

    private static void warmUp(MeasuredGateway gateway) throws Exception {
        run(LoadOptions.to(gateway.smtp(0)).messages(MEASURED ? 60_000 : 5_000));
    }

    private static LoadReport run(LoadOptions.Builder options) throws Exception {
        LoadReport report = new LoadGenerator(
                options.sessions(20).messagesPerSession(50).sizes("4KB").domains("example.test").build()).run();
        assertThat(report.refusedTotal()).as("refused %s", report.samples()).isZero();
        assertThat(report.unknown() + report.failures()).isZero();
        return report;
    }

    /** The gateway, and what stands around it. */
    private static final class Peer implements AutoCloseable {
        private final Sink sink;
        private final ZoneServer zone;
        private final MeasuredGateway gateway;

        Peer(Path directory) throws Exception {
            this(directory, null);
        }

        Peer(Path directory, Certificates.Pem certificate) throws Exception {
            int port = Peers.freePort("127.0.4.1");
            sink = Sink.start(SinkOptions.on(new InetSocketAddress("127.0.4.1", port)).build());
            zone = new ZoneServer(0).mx("example.test", 10, "mx.test").address("mx.test", "127.0.4.1").start();
            gateway = certificate == null
                    ? MeasuredGateway.start(directory, zone.server(), port, COMPILER)
                    : MeasuredGateway.start(directory, zone.server(), port, certificate);
        }

        @Override
        public void close() throws IOException {
            gateway.close();
            zone.close();
            sink.close();
        }
    }
}
