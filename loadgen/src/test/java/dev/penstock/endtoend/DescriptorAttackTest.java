package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;

/** Connections over HTTP from many addresses want every descriptor of the process: SMTP and the spool keep theirs. */
@Timeout(300)
class DescriptorAttackTest {
    /** What a JVM with this class path has open, and as much again. */
    private static final int DESCRIPTORS = 512;
    private static final int ADDRESSES = 20;
    private static final int FROM_EACH = 40;
    private static final int MESSAGES = 50;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    @Test
    void smtpGreetsAndTheSpoolTakesWhileHttpWouldHaveAll() throws Exception {
        int injectionPort = Peers.freePort("127.0.0.1");
        List<Socket> attack = new ArrayList<>();
        try (Sink sink = Sink.start(
                SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
                GatewayCommand gateway = start(sink, injectionPort)) {
            Awaitility.await().atMost(PATIENCE).ignoreExceptions().until(() -> !gateway.metrics().isEmpty());
            InetSocketAddress injection = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), injectionPort);
            for (int i = 0; i < FROM_EACH; i++) {
                for (int address = 0; address < ADDRESSES; address++) {
                    connect(attack, "127.0.1." + (1 + address), address % 4 == 3 ? gateway.http() : injection);
                }
            }
            assertThat(attack).hasSizeGreaterThan(DESCRIPTORS);
            LoadReport sent = new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(5).messages(MESSAGES)
                    .sizes("20KB").domains("d{1..5}.test").build()).run();
            assertThat(sent.accepted()).as(sent.toString()).isEqualTo(MESSAGES);
            Awaitility.await().atMost(PATIENCE).until(() -> sink.report().deliveries() == MESSAGES);
            for (Socket one : attack) {
                one.close();
            }
            Awaitility.await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> assertThat(gateway.metrics())
                    .hasEntrySatisfying("penstock_injection_connections_refused_total{limit=\"descriptors\"}",
                            refused -> assertThat(refused).isPositive())
                    .containsEntry("penstock_injection_connections_open", 0.0));
            gateway.stop();
        } finally {
            for (Socket one : attack) {
                one.close();
            }
        }
    }

    /** With a first octet, so that it may stay. */
    private static void connect(List<Socket> attack, String from, InetSocketAddress to) {
        try {
            Socket socket = new Socket();
            attack.add(socket);
            socket.bind(new InetSocketAddress(InetAddress.ofLiteral(from), 0));
            socket.connect(to);
            socket.getOutputStream().write("P".getBytes(US_ASCII));
        } catch (IOException _) {
            // refused already
        }
    }

    private GatewayCommand start(Sink sink, int injectionPort) throws IOException {
        return GatewayCommand.start(directory, """
                [inbound]
                max-sessions = 50
                [spool]
                directory = "%1$s/spool"
                segment-size = "16 MB"
                [events]
                directory = "%1$s/log"
                [injection]
                address = "127.0.0.1"
                port = %3$d
                max-connections = 10000
                max-connections-per-address = 10000
                [delivery]
                max-sessions = 20
                [routes."*"]
                hosts = ["127.0.0.1:%2$d"]
                tls = "none"
                """.formatted(directory, sink.addresses().getFirst().getPort(), injectionPort),
                "ulimit -n " + DESCRIPTORS, List.of("-Xmx256m"));
    }
}
