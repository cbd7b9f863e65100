package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;
import dev.penstock.units.Rate;

/** Promise P6: a changed configuration applies to mail that is already queued; what can't be changed is refused whole. */
@Timeout(300)
class ReloadTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int MESSAGES = 50;

    @TempDir
    Path directory;

    @Test
    void queuedMailFollowsARouteThatIsGivenLater() throws Exception {
        int closed = Peers.freePort("127.0.0.1");
        try (Sink sink = Sink
                .start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
                ZoneServer zone = new ZoneServer(0).start();
                Penstock penstock = Penstock
                        .start(config(zone, Map.of("a.test", route(closed)), ShapingConfig.DEFAULT))) {
            LoadReport sent = load(penstock);
            Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().active() == 0
                    && penstock.queueStats().scheduled() + penstock.queueStats().suspended() == MESSAGES);

            penstock.reload(config(zone, Map.of("a.test", route(sink.addresses().getFirst().getPort())),
                    ShapingConfig.DEFAULT));

            Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
            assertThat(Ledger.compare(sent.acknowledged(), sink.received()).balances(0)).isTrue();
        }
    }

    @Test
    void aThrottleThatIsLiftedLetsTheQueuedMailGo() throws Exception {
        TrafficLimits limits = TrafficLimits.DEFAULT;
        ShapingConfig throttled = new ShapingConfig(limits,
                Map.of("a.test",
                        limits.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("1/h"))
                                .with(TrafficLimits.MAX_CONNECTION_RATE, null)));
        try (Sink sink = Sink
                .start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
                ZoneServer zone = new ZoneServer(0).start()) {
            Map<String, RouteConfig> routes = Map.of("a.test", route(sink.addresses().getFirst().getPort()));
            try (Penstock penstock = Penstock.start(config(zone, routes, throttled))) {
                LoadReport sent = load(penstock);
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == MESSAGES - 1);
                assertThat(penstock.deliveryStats().delivered()).isOne();

                penstock.reload(config(zone, routes, ShapingConfig.DEFAULT));

                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(Ledger.compare(sent.acknowledged(), sink.received()).balances(0)).isTrue();
            }
        }
    }

    @Test
    void whatOnlyARestartCanChangeIsNamedAndNothingIsApplied() throws Exception {
        try (Sink sink = Sink
                .start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
                ZoneServer zone = new ZoneServer(0).start()) {
            Map<String, RouteConfig> routes = Map.of("a.test", route(sink.addresses().getFirst().getPort()));
            GatewayConfig now = config(zone, routes, ShapingConfig.DEFAULT);
            try (Penstock penstock = Penstock.start(now)) {
                GatewayConfig other = now.with(GatewayConfig.HOSTNAME, "other.test").with(GatewayConfig.LISTENERS,
                        List.of(ListenerConfig.at("127.0.0.1", 1)));

                assertThatThrownBy(() -> penstock.reload(other)).isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContainingAll("gateway.hostname", "listener");

                LoadReport sent = load(penstock);
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(Ledger.compare(sent.acknowledged(), sink.received()).balances(0)).as("the old route holds")
                        .isTrue();
            }
        }
    }

    private GatewayConfig config(ZoneServer zone, Map<String, RouteConfig> routes, ShapingConfig shaping) {
        GatewayConfig base = Gateway.config(directory, zone.server(), 25);
        QueueConfig queue = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0)
                .with(QueueConfig.MAX_AGE, Duration.ofDays(1));
        return base.with(GatewayConfig.ROUTES, routes).with(GatewayConfig.QUEUE, queue).with(GatewayConfig.SHAPING,
                shaping);
    }

    private static RouteConfig route(int port) {
        return new RouteConfig(List.of("127.0.0.1:" + port), false);
    }

    private static LoadReport load(Penstock penstock) throws Exception {
        LoadReport sent = new LoadGenerator(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(2)
                .messages(MESSAGES).domains("a.test").build()).run();
        assertThat(sent.accepted()).isEqualTo(MESSAGES);
        return sent;
    }
}
