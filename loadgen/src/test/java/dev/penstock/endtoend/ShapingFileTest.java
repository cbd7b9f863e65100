package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
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
import dev.penstock.config.RouteConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingReader;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/** What sections of a shaping file do to mail of a whole gateway. */
@Timeout(300)
class ShapingFileTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int MESSAGES = 5;
    /** The section's site is asked for beside the mail: some may go before it is known. */
    private static final int LOADS = 20;

    @TempDir
    Path directory;

    @Test
    void aSectionHoldsForOtherDomainsOfItsHostsUntilItIsTakenAway() throws Exception {
        try (Sink sink = sink(); ZoneServer zone = new ZoneServer(0).start()) {
            Map<String, RouteConfig> routes = Map.of("a.test", route(sink), "b.test", route(sink));
            try (Penstock penstock = Penstock.start(config(zone, routes, """
                    ["a.test"]
                    max_message_rate = "1/h"
                    """))) {
                int sent = 0;
                for (int i = 0; i < LOADS && penstock.queueStats().queued() < MESSAGES; i++) {
                    load(penstock, "b.test");
                    sent += MESSAGES;
                    int all = sent;
                    Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().active() == 0
                            && penstock.deliveryStats().delivered() + penstock.queueStats().queued() == all);
                }
                assertThat(penstock.queueStats().queued()).as("b.test waits for a.test's rate")
                        .isGreaterThanOrEqualTo(MESSAGES);
                penstock.reload(config(zone, routes, "# nothing\n"));
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(penstock.deliveryStats().delivered()).isEqualTo(sent);
            }
        }
    }

    @Test
    void aRateOfAProviderIsForAllOfItsSites() throws Exception {
        try (Sink first = sink(); Sink second = sink(); ZoneServer zone = new ZoneServer(0).start()) {
            Map<String, RouteConfig> routes = Map.of("a.test", route(first), "b.test", route(second));
            String provider = """
                    [provider."ours"]
                    match = [ {HostName="127.0.0.1"} ]
                    """;
            try (Penstock penstock = Penstock
                    .start(config(zone, routes, provider + "provider_max_message_rate = \"1/h\"\n"))) {
                load(penstock, "a.test");
                load(penstock, "b.test");
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 2 * MESSAGES - 1);
                penstock.reload(config(zone, routes, provider + "provider_max_message_rate = \"2/h,max_burst=1\"\n"));
                assertThat(penstock.deliveryStats().delivered()).as("one slot of the first hour").isEqualTo(1);
                assertThat(penstock.queueStats().queued()).isEqualTo(2 * MESSAGES - 1);
                penstock.reload(config(zone, routes, provider));
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(penstock.deliveryStats().delivered()).isEqualTo(2 * MESSAGES);
            }
        }
    }

    private static Sink sink() throws Exception {
        return Sink.start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
    }

    private static RouteConfig route(Sink sink) {
        return new RouteConfig(List.of("127.0.0.1:" + sink.addresses().getFirst().getPort()), false);
    }

    private GatewayConfig config(ZoneServer zone, Map<String, RouteConfig> routes, String shaping) throws IOException {
        ShapingReader.Result read = ShapingReader
                .read(Files.writeString(directory.resolve("shaping.toml"), shaping));
        assertThat(read.errors()).isEmpty();
        ShapingConfig config = read.config();
        return Gateway.config(directory.resolve("data"), zone.server(), 25).with(GatewayConfig.ROUTES, routes)
                .with(GatewayConfig.SHAPING, config);
    }

    private static void load(Penstock penstock, String domain) throws Exception {
        assertThat(new LoadGenerator(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(2)
                .messages(MESSAGES).domains(domain).build()).run().accepted()).isEqualTo(MESSAGES);
    }
}
