package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.Penstock;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.units.ByteSize;

/**
 * Promise P5: a spool on a file system that fills up. New mail is refused with 452 4.3.1, mail that was taken is still
 * delivered, and when space returns so does the service, by itself; nothing is lost, doubled or damaged.
 */
@Timeout(300)
class DiskFullGatewayTest {
    private static final Logger log = LoggerFactory.getLogger(DiskFullGatewayTest.class);
    private static final int SPACE_MB = 64;
    private static final ByteSize SEGMENT = ByteSize.ofMegabytes(4);
    private static final ByteSize MIN_FREE = ByteSize.ofMegabytes(16);
    private static final Duration RETRY = Duration.ofSeconds(1);
    private static final Duration SHORT = Duration.ofSeconds(2);
    private static final Duration STALLED_AT_MOST = Duration.ofSeconds(10);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int INSUFFICIENT_STORAGE = 452; // RFC 5321 4.2.3
    /** Enough to tell a state from an accident. */
    private static final int SOME = 20;
    private static final int AGAIN = 200;

    @TempDir
    Path directory;

    /** Deferred mail goes on writing ATTEMPT records into the room that is reserved for them. */
    @ParameterizedTest
    @ValueSource(strings = {"stall", "defer=100%"})
    void mailThatCannotLeaveFillsTheSpoolAndLeavingMakesRoomAgain(String behaviour) throws Exception {
        try (Sink sink = sink(Behaviour.parse(behaviour));
                Tmpfs _ = Tmpfs.mount(directory.resolve("spool"), SPACE_MB);
                ZoneServer zone = new ZoneServer(0).start();
                Penstock penstock = Penstock.start(config(zone, sink));
                BackgroundLoad load = load(penstock, "50KB", 300)) {
            load.awaitRefusals(INSUFFICIENT_STORAGE, SOME);
            assertThat(penstock.spoolHealth().state()).isEqualTo(SpoolHealth.State.FULL);
            assertThat(load.refusal(INSUFFICIENT_STORAGE)).contains("452").contains("4.3.1");
            assertThat(penstock.queueStats().queued()).isGreaterThan(SOME);

            sink.behave("*", Behaviour.ACCEPT);
            load.awaitAccepted(AGAIN);
            assertThat(penstock.spoolStats().segmentsReclaimed()).isPositive();

            finish(behaviour, load, sink, penstock);
        }
    }

    @Test
    void aDiskFilledBySomebodyElseStopsReceptionAndNothingElse() throws Exception {
        try (Sink sink = sink(Behaviour.parse("dot-delay=20ms"));
                Tmpfs disk = Tmpfs.mount(directory.resolve("spool"), SPACE_MB);
                ZoneServer zone = new ZoneServer(0).start();
                Penstock penstock = Penstock.start(config(zone, sink));
                BackgroundLoad load = load(penstock, "4KB", 600)) {
            load.awaitAccepted(AGAIN);
            assertThat(disk.fill()).isPositive();
            load.awaitRefusals(INSUFFICIENT_STORAGE, SOME);
            assertThat(penstock.spoolHealth().state()).isEqualTo(SpoolHealth.State.FULL);
            // not one octet is free, and what was taken leaves nevertheless
            Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
            assertThat(penstock.spoolHealth().state()).isEqualTo(SpoolHealth.State.FULL);

            disk.empty();
            load.awaitAccepted(AGAIN);

            finish("filled", load, sink, penstock);
        }
    }

    /** Ends the load, waits until all is delivered and closes the ledger. */
    private static void finish(String name, BackgroundLoad load, Sink sink, Penstock penstock) throws Exception {
        LoadReport sent = load.end();
        Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
        Awaitility.await().atMost(PATIENCE).until(() -> penstock.spoolStats().messages() == 0);
        assertThat(penstock.spoolHealth().state()).isEqualTo(SpoolHealth.State.READY);
        Ledger ledger = Ledger.compare(sent.acknowledged(), sink.received());
        log.warn("disk={} refused={} unknown={} reclaimed={} ledger=\"{}\"", name, sent.refused(), sent.unknown(),
                penstock.spoolStats().segmentsReclaimed(), ledger);
        assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();
        assertThat(ledger.received()).isEqualTo(ledger.acknowledged() + ledger.unacknowledged());
        assertThat(sent.refused().keySet()).as("452, and 421 for a client that doesn't give up")
                .isSubsetOf(INSUFFICIENT_STORAGE, 421);
        assertThat(sink.report().foreign()).as("reports to the sender").isZero();
        assertThat(penstock.spoolStats().quarantined()).isZero();
    }

    private static Sink sink(Behaviour behaviour) throws Exception {
        return Sink.start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))
                .behave("*", behaviour).build());
    }

    private static BackgroundLoad load(Penstock penstock, String size, double rate) throws Exception {
        return BackgroundLoad.start(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(10).rate(rate)
                .sizes(size).domains("d{1..5}.test"));
    }

    private GatewayConfig config(ZoneServer zone, Sink sink) {
        GatewayConfig base = Gateway.config(directory, zone.server(), 25);
        SpoolConfig spool = base.spool();
        DeliveryConfig delivery = base.delivery();
        return base.with(GatewayConfig.SPOOL,
                spool.with(SpoolConfig.SEGMENT_SIZE, SEGMENT).with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(4))
                        .with(SpoolConfig.MIN_FREE_SPACE, MIN_FREE))
                .with(GatewayConfig.ROUTES,
                        Map.of("*",
                                new RouteConfig(List.of("127.0.0.1:" + sink.addresses().getFirst().getPort()), false)))
                .with(GatewayConfig.QUEUE, QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, RETRY)
                        .with(QueueConfig.MAX_RETRY_INTERVAL, RETRY).with(QueueConfig.MAX_AGE, Duration.ofDays(1)))
                .with(GatewayConfig.DELIVERY, delivery.with(DeliveryConfig.GREETING_TIMEOUT, SHORT)
                        .with(DeliveryConfig.COMMAND_TIMEOUT, STALLED_AT_MOST));
    }
}
