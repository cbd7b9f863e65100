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

import dev.penstock.Penstock;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/** Promise P8: a clean stop finishes or puts back what is in flight, within its time; nothing is lost or doubled. */
@Timeout(300)
class StopTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration MUCH_LATER = Duration.ofMinutes(5);
    private static final int MESSAGES = 400;

    @TempDir
    Path directory;

    @Test
    void aStopInTheMiddleOfDeliveriesDoublesAndLosesNothing() throws Exception {
        try (Sink sink = Sink
                .start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))
                        .behave("*", Behaviour.parse("dot-delay=1s"))
                        .build());
                ZoneServer zone = new ZoneServer(0).start()) {
            GatewayConfig config = config(zone, sink, Duration.ofSeconds(60));
            LoadReport sent;
            long stopped;
            try (Penstock penstock = Penstock.start(config)) {
                sent = new LoadGenerator(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(4)
                        .messages(MESSAGES).domains("a.test").build()).run();
                Awaitility.await().atMost(PATIENCE).until(() -> sink.report().deliveries() >= 20);
                stopped = System.nanoTime();
            }
            assertThat(Duration.ofNanos(System.nanoTime() - stopped)).isLessThan(config.delivery().stopTimeout());
            assertThat(sink.report().deliveries()).as("stopped in the middle").isLessThan(MESSAGES);

            sink.behave("*", Behaviour.ACCEPT);
            try (Penstock penstock = Penstock.start(config)) {
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
            }
            Ledger ledger = Ledger.compare(sent.acknowledged(), sink.received());
            assertThat(ledger.acknowledged()).isEqualTo(MESSAGES);
            assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();
        }
    }

    @Test
    void aStopWhileTheReceiverStallsEndsWithinItsTimeAndKeepsTheMail() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))
                .behave("a.test", Behaviour.parse("stall")).build());
                ZoneServer zone = new ZoneServer(0).start()) {
            GatewayConfig config = config(zone, sink, Duration.ofSeconds(5));
            LoadReport sent;
            long stopped;
            try (Penstock penstock = Penstock.start(config)) {
                sent = new LoadGenerator(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(4)
                        .messages(MESSAGES).domains("a.test").build()).run();
                Awaitility.await().atMost(PATIENCE).until(() -> sink.report().open() > 0);
                stopped = System.nanoTime();
            }
            // Far less than a session would wait for its reply, with time of a busy machine for all that is not a delivery:
            // sessions of clients, the last sync, the log.
            assertThat(Duration.ofNanos(System.nanoTime() - stopped))
                    .isLessThan(config.delivery().stopTimeout().plusSeconds(25));

            sink.behave("a.test", Behaviour.ACCEPT);
            try (Penstock penstock = Penstock.start(config)) {
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
            }
            Ledger ledger = Ledger.compare(sent.acknowledged(), sink.received());
            assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();
        }
    }

    private GatewayConfig config(ZoneServer zone, Sink sink, Duration stopTimeout) {
        GatewayConfig base = Gateway.config(directory, zone.server(), 25);
        return base.with(GatewayConfig.ROUTES, Map.of("a.test",
                new RouteConfig(List.of("127.0.0.1:" + sink.addresses().getFirst().getPort()), false)))
                .with(GatewayConfig.DELIVERY,
                        base.delivery().with(DeliveryConfig.GREETING_TIMEOUT, MUCH_LATER)
                                .with(DeliveryConfig.COMMAND_TIMEOUT, MUCH_LATER)
                                .with(DeliveryConfig.DATA_DONE_TIMEOUT, MUCH_LATER)
                                .with(DeliveryConfig.STOP_TIMEOUT, stopTimeout));
    }
}
