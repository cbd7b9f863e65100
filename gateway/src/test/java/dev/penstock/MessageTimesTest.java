package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.routing.ZoneServer;
import dev.penstock.testing.FakeMx;

/** What a message waits for on its way through a whole gateway is counted once, where it ends. */
@Timeout(180)
class MessageTimesTest {
    @TempDir
    Path directory;
    private final FakeMx host = new FakeMx();
    private final ZoneServer zone = new ZoneServer(0).mx("a.test", 10, "mx.test").address("mx.test", "127.0.0.1");
    private Penstock penstock;

    @BeforeEach
    void start() throws IOException {
        zone.start();
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [injection]
                directory = "%1$s/injection"
                [http]
                port = 0
                [dns]
                servers = ["%2$s"]
                ignore-networks = []
                [delivery]
                port = %3$d
                tls = "none"
                """.formatted(directory, zone.server(), host.port()));
        penstock = Penstock.start(config(file));
    }

    @AfterEach
    void stop() {
        penstock.close();
        host.close();
        zone.close();
    }

    private static GatewayConfig config(Path file) {
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    @Test
    void aMessageThatIsDeliveredAtOnce() throws Exception {
        say("MAIL FROM:<s@s.test>", "RCPT TO:<ann@a.test>", "RCPT TO:<bob@a.test>", "DATA",
                "Subject: hello\r\n\r\nhello\r\n.");
        awaitFigure("penstock_delivery_transit_seconds_count{class=\"bulk\"}", 2);
        awaitFigure("penstock_inbound_accept_duration_seconds_count", 1); // the delivery may be over before the 250 is said
        assertThat(figure("penstock_spool_syncs_total")).isPositive();
        Awaitility.await().until(() -> figure("penstock_spool_sync_duration_seconds_count") == figure(
                "penstock_spool_syncs_total")); // outcomes are being synced meanwhile
        assertThat(figure("penstock_routing_lookup_duration_seconds_count")).isEqualTo(1);
        assertThat(figure("penstock_delivery_first_attempt_delay_seconds_count{class=\"bulk\"}"))
                .as("of its one destination")
                .isEqualTo(
                        1);
        assertThat(figure("penstock_delivery_first_attempt_delay_seconds_sum{class=\"bulk\"}"))
                .isLessThanOrEqualTo(figure("penstock_delivery_transit_seconds_sum{class=\"bulk\"}"));
        awaitFigure("penstock_queue_age_seconds_gcount{class=\"bulk\"}", 0);
        assertThat(figure("penstock_delivery_session_set_up_seconds_count")).isEqualTo(1);
    }

    @Test
    void aMessageIsCountedOfItsListenerItsProviderItsTenantItsPoolAndItsSource() throws Exception {
        host.on("RCPT TO:<bob@a.test>", "550 5.1.1 no such user");
        say("MAIL FROM:<>", "RCPT TO:<ann@a.test>", "RCPT TO:<bob@a.test>", "DATA",
                "Subject: hello\r\n\r\nhello\r\n.");
        awaitFigure("penstock_delivery_transit_seconds_count{class=\"bulk\"}", 1);
        for (String outcome : List.of("delivered", "bounced")) {
            for (String of : List.of("provider_recipients_total{outcome=\"%s\",provider=\"other\"}",
                    "tenant_recipients_total{outcome=\"%s\",tenant=\"other\"}",
                    "pool_recipients_total{outcome=\"%s\",pool=\"default\"}",
                    "source_recipients_total{outcome=\"%s\",source=\"default\"}")) {
                assertThat(figure("penstock_" + of.formatted(outcome))).as(of).isEqualTo(1);
            }
        }
        assertThat(figure("penstock_provider_reasons_total{provider=\"other\",reason=\"bad-mailbox\"}")).isEqualTo(1);
        assertThat(figure("penstock_listener_messages_total{listener=\"smtp\"}")).isEqualTo(1);
        assertThat(figure("penstock_listener_sessions_total{listener=\"smtp\"}")).isEqualTo(1);
        awaitFigure("penstock_listener_sessions_open{listener=\"smtp\"}", 0);
    }

    @Test
    void aMessageThatHasToWaitInTheQueue() throws Exception {
        host.on("RCPT TO:<ann@a.test>", "451 4.2.1 later");
        say("MAIL FROM:<s@s.test>", "RCPT TO:<ann@a.test>", "BDAT 16\r\nSubject: hello\r\n",
                "BDAT 9 LAST\r\n\r\nhello\r\n");
        awaitFigure("penstock_delivery_first_attempt_delay_seconds_count{class=\"bulk\"}", 1);
        assertThat(figure("penstock_inbound_accept_duration_seconds_count")).as("its chunks are one message").isEqualTo(
                1);
        assertThat(figure("penstock_delivery_transit_seconds_count{class=\"bulk\"}")).isZero();
        assertThat(figure("penstock_queue_age_seconds_gcount{class=\"bulk\"}")).isEqualTo(1);
        assertThat(figure("penstock_queue_age_seconds_bucket{class=\"bulk\",le=\"300.0\"}")).isEqualTo(1);
    }

    @Test
    void aMessageThatIsRefusedTakesNoTime() throws Exception {
        say("MAIL FROM:<s@s.test>", "RCPT TO:<ann@a.test>", "DATA", "Subject: a\nb\r\n\r\nhello\r\n.");
        assertThat(figure("penstock_inbound_messages_refused_total")).isEqualTo(1);
        assertThat(figure("penstock_listener_messages_refused_total{listener=\"smtp\"}")).isEqualTo(1);
        assertThat(figure("penstock_inbound_accept_duration_seconds_count")).isZero();
    }

    /** One after the other, each answered, whatever the answer. */
    private void say(String... commands) throws IOException {
        try (Socket socket = new Socket(penstock.smtpAddresses().getFirst().getAddress(),
                penstock.smtpAddresses().getFirst().getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
            reply(in);
            write(socket, "EHLO client.test\r\n");
            reply(in);
            for (String command : commands) {
                write(socket, command.startsWith("BDAT") ? command : command + "\r\n");
                reply(in);
            }
            write(socket, "QUIT\r\n");
            reply(in);
        }
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    }

    private static void reply(BufferedReader in) throws IOException {
        String line = in.readLine();
        while (line != null && line.charAt(3) == '-') {
            line = in.readLine();
        }
    }

    private void awaitFigure(String series, double wanted) {
        Awaitility.await().until(() -> figure(series) == wanted);
    }

    private double figure(String series) throws IOException, InterruptedException {
        URI metrics = URI.create("http://127.0.0.1:" + penstock.httpAddress().getPort() + "/metrics");
        try (HttpClient client = HttpClient.newHttpClient()) {
            return Double.parseDouble(client.send(HttpRequest.newBuilder(metrics).build(),
                    HttpResponse.BodyHandlers.ofString()).body().lines()
                    .filter(line -> line.startsWith(series + " ")).findFirst().orElseThrow()
                    .substring(series.length() + 1));
        }
    }
}
