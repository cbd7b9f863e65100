package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.PolicyConfig;
import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.config.PreflightConfig.Mode;
import dev.penstock.config.PreflightConfig.Tenant;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;
import dev.penstock.spool.SpoolInspector;
import dev.penstock.spool.SpoolListing;

/** A whole gateway that refuses, tags and holds what Gmail would refuse; what it holds outlives it. */
@Timeout(300)
class PreflightTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String WHY = "would get Gmail 5.7.30: there is no DKIM signature";

    @TempDir
    Path directory;

    @Test
    void eachTenantsMailGoesItsWayAndWhatIsHeldIsKeptUntilItIsLetGo() throws Exception {
        try (Sink sink = Sink
                .start(SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
                ZoneServer zone = new ZoneServer(0).start()) {
            zone.mx("gmail.com", 10, "mx.gmail.test").address("mx.gmail.test", "127.0.0.1");
            zone.text("_dmarc.sender.test", "v=DMARC1; p=none").text("sender.test", "v=spf1 ip4:192.0.2.7 -all");
            GatewayConfig config = config(zone, sink, Mode.HOLD);
            try (Penstock penstock = Penstock.start(config)) {
                assertThat(send(penstock, "refuses")).isEqualTo("550 5.7.1 Error: " + WHY);
                assertThat(send(penstock, "tags")).startsWith("250 2.0.0 ");
                await().atMost(PATIENCE).until(() -> penstock.deliveryStats().delivered() == 1);
                await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(send(penstock, "holds")).startsWith("250 2.0.0 ");
                assertThat(penstock.queueStats().queued()).isEqualTo(1);
            }
            assertThat(events()).contains("\"type\":\"Preflight\"", "tagged: " + WHY, "held: " + WHY,
                    "\"type\":\"Rejection\"");
            ByteArrayOutputStream listed = new ByteArrayOutputStream();
            SpoolInspector.list(directory.resolve("spool"), SpoolListing.Filter.ALL, SpoolListing.Form.TABLE,
                    InstantSource.system(), new PrintStream(listed, true, US_ASCII));
            assertThat(listed.toString(US_ASCII)).contains("held", "preflight: " + WHY);

            try (Penstock penstock = Penstock.start(config)) {
                assertThat(penstock.queueStats().queued()).isEqualTo(1);
                await().atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(metrics(penstock)).contains("penstock_preflight_held 1.0"));
                assertThat(penstock.deliveryStats().delivered()).isZero();

                penstock.reload(config(zone, sink, Mode.OFF));

                await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
                assertThat(penstock.deliveryStats().delivered()).isEqualTo(1);
            }
            assertThat(events()).contains("\"content\":\"released\"");
        }
    }

    private GatewayConfig config(ZoneServer zone, Sink sink, Mode ofHeld) {
        return Gateway.config(directory, zone.server(), sink.addresses().getFirst().getPort())
                .with(GatewayConfig.POLICY, PolicyConfig.DEFAULT.with(PolicyConfig.TENANT_HEADER, "X-Tenant"))
                .with(GatewayConfig.PREFLIGHT, PreflightConfig.DEFAULT.with(PreflightConfig.KIND, Kind.TRANSACTIONAL)
                        .with(PreflightConfig.DEADLINE, Duration.ofSeconds(20))
                        .with(PreflightConfig.RECHECK, Duration.ofSeconds(1)).with(PreflightConfig.TENANTS,
                                Map.of("tags", new Tenant(Mode.TAG, null), "refuses", new Tenant(Mode.REFUSE, null),
                                        "holds", new Tenant(ofHeld, null))));
    }

    /** @return the answer to the end of data */
    private static String send(Penstock penstock, String tenant) throws IOException {
        InetSocketAddress at = penstock.smtpAddresses().getFirst();
        try (Socket socket = new Socket(at.getAddress(), at.getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
            OutputStream out = socket.getOutputStream();
            in.readLine();
            for (String command : new String[]{"HELO app", "MAIL FROM:<b@sender.test>", "RCPT TO:<jo@gmail.com>",
                "DATA"}) {
                out.write((command + "\r\n").getBytes(US_ASCII));
                in.readLine();
            }
            out.write(("X-Tenant: " + tenant + "\r\nFrom: Shop <news@sender.test>\r\nTo: jo@gmail.com\r\n"
                    + "Date: Sat, 28 Nov 2026 21:00:00 +0000\r\nMessage-ID: <1@sender.test>\r\n\r\nHello\r\n.\r\n")
                    .getBytes(US_ASCII));
            return in.readLine();
        }
    }

    private static String metrics(Penstock penstock) throws IOException {
        InetSocketAddress at = penstock.httpAddress();
        try (Socket socket = new Socket(at.getAddress(), at.getPort())) {
            socket.getOutputStream()
                    .write("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".getBytes(US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), US_ASCII);
        }
    }

    private String events() throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.list(directory.resolve("log"))) {
            for (Path file : files.toList()) {
                all.append(Files.readString(file));
            }
        }
        return all.toString();
    }
}
