package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;

/**
 * Clients, hosts, a zone and requests fill every account of memory at one time. The gateway lives, says 4xx and 503, and
 * takes mail as before when they are gone.
 *
 * <p>By default with a quarter of the launcher's heap and of the limits; {@code -Dpenstock.memory-parts=1} for all of both.
 */
@Timeout(600)
class MemoryLimitsTest {
    private static final Logger log = LoggerFactory.getLogger(MemoryLimitsTest.class);
    private static final int PARTS = Integer.getInteger("penstock.memory-parts", 4);
    private static final int HEAP = 1024 / PARTS; // megabytes; the launcher has 1 GB
    private static final int MEGABYTE = 1 << 20;
    private static final int RECIPIENTS = 1_000;
    private static final int ENVELOPES = 100 / PARTS;
    private static final int CONTENTS = 480 / PARTS;
    /** More of a message goes to the disk as it comes. */
    private static final int UNFINISHED = 240 << 10;
    private static final int REQUESTS = 12;
    private static final int STALLED = 480 / PARTS;
    /** Sessions that come up and hold what TLS may need. */
    private static final int SILENT = 1_200 / PARTS;
    private static final int ZONES = 400 / PARTS;
    private static final int HOSTS_EACH = 20;
    private static final int UNDER_TLS = 800 / PARTS;
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    /** What may be left over: of messages that are written just then. */
    private static final double NEARLY_NOTHING = MEGABYTE;

    @TempDir
    Path directory;

    private final Set<AutoCloseable> attack = ConcurrentHashMap.newKeySet();

    @Test
    void allAccountsAreFilledAtOnceAndTheGatewayLives() throws Exception {
        int injectionPort = Peers.freePort("127.0.0.1");
        int tlsPort = Peers.freePort("127.0.0.1");
        Certificates.Pem pem = Certificates.create(directory.resolve("tls")).server("gateway.test");
        try (Sink sink = Sink.start(
                SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)).build());
                ServerSocket stalling = new ServerSocket(0, STALLED, InetAddress.ofLiteral("127.0.0.1"));
                ServerSocket silent = new ServerSocket(stalling.getLocalPort(), SILENT,
                        InetAddress.ofLiteral("127.0.0.2")); // takes connections, and says nothing
                ZoneServer zone = zone().start();
                GatewayCommand gateway = start(sink, stalling, zone, injectionPort, tlsPort, pem)) {
            attack.add(silent);
            Thread.ofVirtual().start(() -> stall(stalling));
            try (IdleClients _ = IdleClients
                    .start(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), tlsPort), UNDER_TLS, 3,
                            IdleClients.Habit.SILENT_UNDER_TLS)
                    .awaitReady()) {
                hostsThatStall(gateway);
                hostsThatSayNothing(gateway);
                strangersZone(gateway);
                for (int i = 0; i < REQUESTS; i++) {
                    begin(() -> request(injectionPort));
                }
                for (int i = 0; i < ENVELOPES; i++) {
                    begin(() -> envelope(gateway));
                }
                awaiting().untilAsserted(() -> assertThat(used(gateway, "inbound"))
                        .isGreaterThan(limit(gateway, "inbound") * 0.45));
                for (int i = 0; i < CONTENTS; i++) {
                    begin(() -> content(gateway));
                }
                awaiting().untilAsserted(() -> {
                    log.info("accounts={} heap={}", accounts(gateway), heap(gateway));
                    if (used(gateway, "injection") <= limit(gateway, "injection") * 0.8) {
                        begin(() -> request(injectionPort)); // of those that came at once more were refused than had to be
                    }
                    assertThat(used(gateway, "inbound")).isGreaterThan(limit(gateway, "inbound") * 0.9);
                    assertThat(used(gateway, "delivery")).isGreaterThan(limit(gateway, "delivery") * 0.9);
                    assertThat(used(gateway, "injection")).isGreaterThan(limit(gateway, "injection") * 0.8);
                    assertThat(used(gateway, "spool-cache")).isGreaterThan(limit(gateway, "spool-cache") * 0.9);
                    assertThat(used(gateway, "dns-domains")).isPositive();
                    assertThat(used(gateway, "queue")).isPositive();
                    assertThat(used(gateway, "dns-hosts")).isGreaterThan(limit(gateway, "dns-hosts") * 0.5);
                });
                log.info("accounts={} heap={}", accounts(gateway), heap(gateway));
                assertThat(gateway.metrics()).hasEntrySatisfying("penstock_delivery_memory_refused_total",
                        refused -> assertThat(refused).isPositive());
                assertThat(answerToMail(gateway)).matches("(250|451|452|421) .*");
                assertThat(gateway.isAlive()).isTrue();
            }
            awaiting().untilAsserted(() -> {
                for (AutoCloseable one : attack) { // and those that had come in just then
                    one.close();
                }
                for (String account : List.of("inbound", "injection", "delivery", "spool-waiting", "events")) {
                    assertThat(used(gateway, account)).as(account).isLessThan(NEARLY_NOTHING);
                }
            });
            LoadReport sent = new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(2).messages(20).sizes("4KB")
                    .domains("good.test").build()).run();
            assertThat(sent.accepted()).as(sent.toString()).isEqualTo(20);
            awaiting().until(() -> sink.report().deliveries() >= 20);
            gateway.stop();
            assertThat(Files.readString(directory.resolve("output"))).doesNotContain("OutOfMemoryError");
        } finally {
            for (AutoCloseable one : attack) {
                one.close();
            }
        }
    }

    private static ConditionFactory awaiting() {
        return Awaitility.await().atMost(PATIENCE).pollInterval(Duration.ofMillis(200)).ignoreExceptions();
    }

    private static double used(GatewayCommand gateway, String account) {
        return gateway.metrics().get("penstock_memory_used_bytes{account=\"" + account + "\"}");
    }

    private static double limit(GatewayCommand gateway, String account) {
        return gateway.metrics().get("penstock_memory_limit_bytes{account=\"" + account + "\"}");
    }

    private static String accounts(GatewayCommand gateway) {
        StringBuilder text = new StringBuilder();
        gateway.metrics().forEach((series, value) -> {
            if (series.startsWith("penstock_memory_used")) {
                text.append(series.replaceAll(".*\"(.*)\".*", "$1")).append(' ').append(value.longValue() >> 10)
                        .append(" KB, ");
            }
        });
        return text.toString();
    }

    private static long heap(GatewayCommand gateway) {
        return gateway.metrics().entrySet().stream()
                .filter(one -> one.getKey().startsWith("jvm_memory_used_bytes{area=\"heap\""))
                .mapToLong(one -> one.getValue().longValue()).sum() / MEGABYTE;
    }

    private void begin(Attack one) {
        Thread.ofVirtual().start(() -> {
            try {
                one.run();
            } catch (IOException _) {
                // turned away, or the attack is over
            }
        });
    }

    private interface Attack {
        void run() throws IOException;
    }

    private Socket connect(InetSocketAddress to) throws IOException {
        Socket socket = new Socket();
        attack.add(socket);
        socket.connect(to);
        return socket;
    }

    /** Large messages to domains each of which is a site of its own, and whose host takes no content. */
    private static void hostsThatStall(GatewayCommand gateway) throws IOException, InterruptedException {
        LoadReport sent = new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(4).messages(STALLED)
                .sizes("240KB").domains("d{1.." + STALLED + "}.stall.test").build()).run();
        assertThat(sent.accepted()).as(sent.toString()).isEqualTo(STALLED);
    }

    /** A message each to domains whose host never greets. */
    private static void hostsThatSayNothing(GatewayCommand gateway) throws IOException, InterruptedException {
        LoadReport sent = new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(4).messages(SILENT)
                .sizes("1KB").domains("d{1.." + SILENT + "}.silent.test").build()).run();
        assertThat(sent.accepted()).as(sent.toString()).isEqualTo(SILENT);
    }

    /** One message each to domains with many hosts of long names. */
    private static void strangersZone(GatewayCommand gateway) throws IOException, InterruptedException {
        new LoadGenerator(LoadOptions.to(gateway.smtp()).sessions(4).messages(ZONES).sizes("1KB")
                .domains("d{1.." + ZONES + "}.zone.test").build()).run();
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0);
        for (int i = 1; i <= STALLED; i++) {
            String domain = "d" + i + ".stall.test";
            zone.mx(domain, 10, "mx." + domain).address("mx." + domain, "127.0.0.1");
        }
        for (int i = 1; i <= SILENT; i++) {
            String domain = "d" + i + ".silent.test";
            zone.mx(domain, 10, "mx." + domain).address("mx." + domain, "127.0.0.2");
        }
        String label = "h".repeat(60);
        for (int i = 1; i <= ZONES; i++) {
            for (int j = 0; j < HOSTS_EACH; j++) {
                String host = label + ".n" + j + ".d" + i + ".zone.test";
                zone.mx("d" + i + ".zone.test", j, host).address(host, "127.0.9.1", "127.0.9.2", "127.0.9.3");
            }
        }
        return zone;
    }

    /** A host that says what is expected up to 354, and then reads nothing. */
    private void stall(ServerSocket server) {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                attack.add(socket);
                begin(() -> {
                    InputStream in = socket.getInputStream();
                    OutputStream out = socket.getOutputStream();
                    out.write("220 mx\r\n".getBytes(US_ASCII));
                    for (String line = line(in); !line.isEmpty(); line = line(in)) {
                        out.write((line.startsWith("DATA") ? "354 go on\r\n" : "250 ok\r\n").getBytes(US_ASCII));
                        if (line.startsWith("DATA")) {
                            return;
                        }
                    }
                });
            } catch (IOException _) {
                return; // the test is over
            }
        }
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            line.append((char) c);
        }
        return line.toString();
    }

    /** A thousand recipients, or as many as are taken, and no content: who asks on is sent away for his errors, and holds none. */
    private void envelope(GatewayCommand gateway) throws IOException {
        Socket socket = connect(gateway.smtp());
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        line(in);
        out.write("EHLO attack.example\r\n".getBytes(US_ASCII));
        while (line(in).startsWith("250-")) {
            // what it offers
        }
        out.write("MAIL FROM:<s@attack.example>\r\n".getBytes(US_ASCII));
        line(in);
        boolean taken = true;
        for (int i = 0; i < RECIPIENTS && taken; i++) {
            out.write(("RCPT TO:<" + "a".repeat(200) + i + "@good.test> ORCPT=rfc822;" + "b".repeat(400) + "\r\n")
                    .getBytes(US_ASCII));
            taken = line(in).startsWith("250");
        }
        in.read();
    }

    /** Much content without an end. */
    private void content(GatewayCommand gateway) throws IOException {
        Socket socket = connect(gateway.smtp());
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        line(in);
        for (String command : List.of("HELO attack.example", "MAIL FROM:<>", "RCPT TO:<a@good.test>", "DATA")) {
            out.write((command + "\r\n").getBytes(US_ASCII));
            if (line(in).charAt(0) > '3') {
                return;
            }
        }
        byte[] lines = ("x".repeat(998) + "\r\n").repeat(100).getBytes(US_ASCII);
        for (int sent = 0; sent < UNFINISHED; sent += lines.length) {
            out.write(lines);
        }
        in.read();
    }

    /** A body that is large, nearly all of it. */
    private void request(int port) throws IOException {
        int length = 16 * MEGABYTE / PARTS / 2;
        Socket socket = connect(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port));
        OutputStream out = socket.getOutputStream();
        out.write(("POST /api/inject/v1 HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + length + "\r\n\r\n{\"content\": \"").getBytes(US_ASCII));
        byte[] piece = "y".repeat(64 << 10).getBytes(US_ASCII);
        for (int sent = 64; sent < length - piece.length; sent += piece.length) {
            out.write(piece);
        }
        socket.getInputStream().read();
    }

    /** What a stranger's message is told. */
    private static String answerToMail(GatewayCommand gateway) throws IOException {
        try (Socket socket = new Socket(gateway.smtp().getAddress(), gateway.smtp().getPort())) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            InputStream in = socket.getInputStream();
            String greeting = line(in);
            if (!greeting.startsWith("220")) {
                return greeting.strip();
            }
            socket.getOutputStream().write("HELO good.example\r\n".getBytes(US_ASCII));
            line(in);
            socket.getOutputStream().write("MAIL FROM:<a@good.example>\r\n".getBytes(US_ASCII));
            return line(in).strip();
        }
    }

    private GatewayCommand start(Sink sink, ServerSocket stalling, ZoneServer zone, int injectionPort, int tlsPort,
            Certificates.Pem pem) throws IOException {
        Map<String, Integer> limits = Map.of("inbound", 128, "cache", 64, "waiting", 64, "delivery", 192, "injection",
                128);
        return GatewayCommand.start(directory, """
                [[listener]]
                name = "tls"
                address = "127.0.0.1:%d"
                tls = "implicit"
                [[listener.certificate]]
                chain = "%s"
                key = "%s"
                [inbound]
                memory-limit = "%d MB"
                [spool]
                directory = "%s/spool"
                cache-size = "%d MB"
                max-waiting = "%d MB"
                [events]
                directory = "%s/log"
                [dns]
                servers = ["%s"]
                ignore-networks = []
                cache-size = %d
                [delivery]
                port = %d
                stop-timeout = "1s"
                memory-limit = "%d MB"
                [injection]
                address = "127.0.0.1"
                port = %d
                max-body = "%d MB"
                memory-limit = "%d MB"
                relay-networks = ["127.0.0.0/8"]
                deadline = "5m"
                [routes."good.test"]
                hosts = ["127.0.0.1:%d"]
                tls = "none"
                """.formatted(tlsPort, pem.chain(), pem.key(), limits.get("inbound") / PARTS, directory,
                limits.get("cache") / PARTS, limits.get("waiting") / PARTS, directory, zone.server(),
                4_000 / PARTS / PARTS, stalling.getLocalPort(), limits.get("delivery") / PARTS, injectionPort,
                16 / PARTS, limits.get("injection") / PARTS, sink.addresses().getFirst().getPort()),
                "ulimit -c 0", List.of("-Xms" + HEAP + "m", "-Xmx" + HEAP + "m", "-XX:MaxDirectMemorySize=256m",
                        "-XX:+ExitOnOutOfMemoryError", "-Dio.netty.allocator.type=pooled"));
    }
}
