package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.loadgen.InjectGenerator;
import dev.penstock.loadgen.InjectOptions;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/** The generator over HTTP: what it has an answer for reached the sink, once and as it was meant to be. */
@Timeout(300)
class InjectLoadTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final int REQUESTS = 40;
    private static final int RECIPIENTS = 25;
    private static final Pattern LENGTH = Pattern.compile("Content-Length: (\\d+)");

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"true, false", "true, true", "false, true"})
    void everyRecipientGetsWhatWasAccepted(boolean template, boolean keys) throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(loopback(0)).build()); ZoneServer zone = new ZoneServer(0).start()) {
            LoadReport sent;
            try (Penstock penstock = Penstock.start(config(zone, sink, "127.0.0.0/8"))) {
                sent = new InjectGenerator(new InjectOptions(load(penstock).warmup(Duration.ofMillis(200)).build(),
                        template, keys, "")).run(_ -> {});
                Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(penstock.injectionStats().keys() > 0).isEqualTo(keys);
                assertThat(penstock.injectionStats().messages() < sent.accepted()).as("recipients share messages")
                        .isEqualTo(!template);
            }
            assertThat(sent.messages()).isEqualTo(REQUESTS * RECIPIENTS);
            assertThat(sent.accepted()).isEqualTo(sent.attempted()).isGreaterThanOrEqualTo(sent.messages());
            assertThat(sent.accept().count()).isEqualTo(REQUESTS);
            Ledger ledger = Ledger.compare(sent.acknowledged(), sink.received());
            assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();
            assertThat(sink.report().counted()).isEqualTo(sent.messages());
        }
    }

    @Test
    void aRefusalIsCountedUnderItsStatus() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(loopback(0)).build());
                ZoneServer zone = new ZoneServer(0).start();
                Penstock penstock = Penstock.start(config(zone, sink, "192.0.2.0/24"))) {
            LoadReport sent = new InjectGenerator(new InjectOptions(load(penstock).build(), true, false, ""))
                    .run(_ -> {});
            assertThat(sent.refused()).isEqualTo(Map.of(401, (long) REQUESTS * RECIPIENTS));
            assertThat(sent.accepted()).isZero();
        }
    }

    @Test
    void aRequestWithAKeyWhoseAnswerIsLostIsRepeatedAndOneWithoutIsNot() throws Exception {
        for (boolean keys : new boolean[]{true, false}) {
            List<String> requests = new CopyOnWriteArrayList<>();
            try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
                Thread.ofVirtual().start(() -> loseTheFirstAnswer(server, requests));
                LoadReport sent = new InjectGenerator(new InjectOptions(
                        LoadOptions.to((InetSocketAddress) server.getLocalSocketAddress()).sessions(1).messages(1)
                                .recipients(1).dots(0).build(),
                        false, keys, "ann:secret")).run(_ -> {});
                assertThat(requests).hasSize(keys ? 2 : 1).allMatch(requests.getFirst()::equals);
                assertThat(requests.getFirst().contains("Idempotency-Key: ")).isEqualTo(keys);
                assertThat(requests.getFirst()).contains("Authorization: Basic YW5uOnNlY3JldA==");
                assertThat(sent.accepted()).isEqualTo(keys ? 1 : 0);
                assertThat(sent.unknown()).isEqualTo(keys ? 0 : 1);
            }
        }
    }

    @Test
    void bodiesThatHttpCannotCarryAreRefused() {
        LoadOptions dotted = LoadOptions.to(loopback(1)).messages(1).build();
        assertThatThrownBy(() -> new InjectOptions(dotted, true, true, "")).hasMessageContaining("dotted");
        LoadOptions plain = LoadOptions.to(loopback(1)).messages(1).dots(0).build();
        assertThatThrownBy(() -> new InjectOptions(plain, true, true, "ann")).hasMessageContaining("NAME:PASSWORD");
    }

    private static void loseTheFirstAnswer(ServerSocket server, List<String> requests) {
        while (!server.isClosed()) {
            try (Socket socket = server.accept()) {
                requests.add(request(socket.getInputStream()));
                if (requests.size() > 1) {
                    String body = "{\"recipients\":[{\"email\":\"a@a.test\",\"status\":\"accepted\",\"message_id\":\"1\"}]}";
                    socket.getOutputStream().write(
                            ("HTTP/1.1 200 OK\r\ncontent-length: " + body.length() + "\r\nconnection: close\r\n\r\n"
                                    + body).getBytes(ISO_8859_1));
                }
            } catch (IOException _) {
                return; // closed
            }
        }
    }

    private static String request(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.read());
        }
        Matcher length = LENGTH.matcher(head);
        assertThat(length.find()).isTrue();
        return head + new String(in.readNBytes(Integer.parseInt(length.group(1))), ISO_8859_1);
    }

    private static LoadOptions.Builder load(Penstock penstock) {
        InetSocketAddress target = penstock.injectionAddress();
        assertThat(target).isNotNull();
        return LoadOptions.to(target).sessions(3).messages(REQUESTS).recipients(RECIPIENTS).dots(0).domains("a.test")
                .sizes("2KB:1,6KB:1");
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    }

    private GatewayConfig config(ZoneServer zone, Sink sink, String trusted) {
        GatewayConfig base = Gateway.config(directory, zone.server(), sink.addresses().getFirst().getPort());
        InjectionConfig d = InjectionConfig.DEFAULT;
        InjectionConfig injection = d.with(InjectionConfig.ADDRESS, "127.0.0.1").with(InjectionConfig.PORT, 0)
                .with(InjectionConfig.REQUIRE_AUTH, true).with(InjectionConfig.RELAY_NETWORKS, List.of(trusted))
                .with(InjectionConfig.DIRECTORY, directory.resolve("injection"));
        return base.with(GatewayConfig.ROUTES, Map.of("a.test",
                new RouteConfig(List.of("127.0.0.1:" + sink.addresses().getFirst().getPort()), false)))
                .with(GatewayConfig.INJECTION, injection);
    }
}
