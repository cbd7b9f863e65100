package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import org.awaitility.Awaitility;
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
 * What TLS costs the gateway in processor time, beside the same mail in clear: reception, spool and delivery of messages of
 * 4 KB, in turns so that a busy machine is busy for all of them.
 *
 * <p>{@code -Dpenstock.tls-rounds=3} measures; else a round is a small one, and shows only that all of it works.
 */
@Timeout(1200)
class TlsCostTest {
    private static final Logger log = LoggerFactory.getLogger(TlsCostTest.class);
    private static final int ROUNDS = Integer.getInteger("penstock.tls-rounds", 1);
    private static final boolean MEASURED = System.getProperty("penstock.tls-rounds") != null;
    private static final int CLIENTS = 20;
    private static final int SESSIONS = MEASURED ? 2_500 : 200; // with a message each
    private static final int MESSAGES = MEASURED ? 12_000 : 1_000; // of the persistent sessions together
    private static final int MESSAGES_PER_SESSION = 500; // of those
    private static final String BODY = ("Subject: cost\r\n\r\n" + ("x".repeat(76) + "\r\n").repeat(52) + ".\r\n");
    private static final int HANDSHAKES = MEASURED ? 200 : 20; // per second
    private static final double RATE = MEASURED ? 500 : 100; // messages per second of the good client
    private static final Duration RUN = Duration.ofSeconds(MEASURED ? 10 : 2);
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final AtomicInteger RESUMED = new AtomicInteger();

    private enum Leg {
        PLAIN_EACH(false, false, true), TLS_EACH(true, false, true), RESUMED_EACH(true, true, true),
        PLAIN_KEPT(false, false, false), TLS_KEPT(true, false, false);

        private final boolean tls;
        private final boolean resumes;
        private final boolean newSessions;

        Leg(boolean tls, boolean resumes, boolean newSessions) {
            this.tls = tls;
            this.resumes = resumes;
            this.newSessions = newSessions;
        }

        int messages() {
            return newSessions ? SESSIONS : MESSAGES;
        }
    }

    @TempDir
    Path directory;

    @Test
    void tlsCostsProcessorTimeThatIsWrittenDown() throws Exception {
        Certificates.Pem certificate = Certificates.create(directory.resolve("certificates")).server("mx.test");
        int port = Peers.freePort("127.0.4.1");
        try (Sink sink = Sink.start(SinkOptions.on(new InetSocketAddress("127.0.4.1", port)).build());
                ZoneServer zone = new ZoneServer(0).mx("example.test", 10, "mx.test").address("mx.test", "127.0.4.1")
                        .start();
                MeasuredGateway gateway = MeasuredGateway.start(directory, zone.server(), port, certificate)) {
            long sent = 0;
            Map<Leg, List<Double>> costs = new EnumMap<>(Leg.class);
            for (int round = MEASURED ? -1 : 0; round < ROUNDS; round++) {
                for (Leg leg : Leg.values()) {
                    Duration before = gateway.cpu();
                    send(gateway, leg);
                    sent += leg.messages();
                    long all = sent;
                    Awaitility.await().atMost(PATIENCE).until(() -> sink.report().messages() >= all);
                    double millis = gateway.cpu().minus(before).toNanos() / 1e6 / leg.messages();
                    if (round >= 0) { // the one before is warm-up
                        costs.computeIfAbsent(leg, _ -> new ArrayList<>()).add(millis);
                    }
                }
            }
            log.warn("{} sessions were resumed", RESUMED);
            assertThat(RESUMED.get()).isPositive();
            costs.forEach((leg, each) -> log.warn(
                    String.format(Locale.ROOT, "%s: CPU s per 1,000 messages %.3f, of %s", leg, median(each), each)));
            log.warn(String.format(Locale.ROOT, "ratio, new sessions %.2f, resumed %.2f; kept %.2f",
                    ratio(costs, Leg.TLS_EACH, Leg.PLAIN_EACH), ratio(costs, Leg.RESUMED_EACH, Leg.PLAIN_EACH),
                    ratio(costs, Leg.TLS_KEPT, Leg.PLAIN_KEPT)));
            assertThat(costs).hasSize(Leg.values().length);
        }
    }

    @Test
    void handshakesLeaveMailInClearItsTime() throws Exception {
        Certificates.Pem certificate = Certificates.create(directory.resolve("certificates")).server("mx.test");
        int port = Peers.freePort("127.0.4.1");
        try (Sink _ = Sink.start(SinkOptions.on(new InetSocketAddress("127.0.4.1", port)).build());
                ZoneServer zone = new ZoneServer(0).mx("example.test", 10, "mx.test").address("mx.test", "127.0.4.1")
                        .start();
                MeasuredGateway gateway = MeasuredGateway.start(directory, zone.server(), port, certificate)) {
            goodClient(gateway);
            List<Double> ratios = new ArrayList<>();
            for (int round = 0; round < ROUNDS; round++) {
                LoadReport alone = goodClient(gateway);
                Duration before = gateway.cpu();
                LoadReport beside;
                try (HandshakeClients _ = HandshakeClients.start(gateway.smtp(3), HANDSHAKES)) {
                    beside = goodClient(gateway);
                }
                log.warn("alone {}, beside handshakes {}, CPU {}", alone.transaction(), beside.transaction(),
                        gateway.cpu().minus(before));
                ratios.add((double) beside.transaction().p99() / alone.transaction().p99());
                assertThat(beside.failures() + beside.refusedTotal()).isZero();
            }
            log.warn(String.format(Locale.ROOT, "p99 beside %d handshakes/s / alone: median %.2f of %s", HANDSHAKES,
                    median(ratios), ratios));
        }
    }

    private static LoadReport goodClient(MeasuredGateway gateway) throws Exception {
        return new LoadGenerator(LoadOptions.to(gateway.smtp(0)).rate(RATE).duration(RUN)
                .warmup(Duration.ofSeconds(1)).sessions(CLIENTS).messagesPerSession(50).sizes("4KB")
                .domains("example.test").build()).run();
    }

    /** The median of the pairs' ratios. */
    private static double ratio(Map<Leg, List<Double>> costs, Leg above, Leg below) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < ROUNDS; i++) {
            ratios.add(costs.get(above).get(i) / costs.get(below).get(i));
        }
        return median(ratios);
    }

    private static double median(List<Double> figures) {
        return figures.stream().sorted().toList().get(figures.size() / 2);
    }

    private static void send(MeasuredGateway gateway, Leg leg) throws Exception {
        SSLContext context = IdleClients.trusting();
        AtomicInteger left = new AtomicInteger(leg.messages());
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> ends = new ArrayList<>();
            for (int client = 0; client < CLIENTS; client++) {
                int number = client;
                ends.add(clients.submit(() -> {
                    while (left.get() > 0) {
                        session(gateway.smtp(leg.tls ? 3 : 0), leg, context, number, left);
                    }
                    return null;
                }));
            }
            for (Future<?> end : ends) {
                end.get();
            }
        }
    }

    private static void session(InetSocketAddress server, Leg leg, SSLContext context, int client,
            AtomicInteger left) throws IOException {
        try (Socket plain = new Socket(server.getAddress(), server.getPort());
                Socket socket = leg.tls
                        ? tls(plain, server, context, leg.resumes ? client : CLIENTS + left.get(), leg.resumes)
                        : plain) {
            socket.setTcpNoDelay(true);
            OutputStream out = socket.getOutputStream();
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
            expect(in, "220");
            say(out, in, "EHLO cost.example\r\n", "250");
            int atMost = leg.newSessions ? 1 : MESSAGES_PER_SESSION;
            for (int i = 0; i < atMost && left.getAndDecrement() > 0; i++) {
                say(out, in, "MAIL FROM:<a@cost.example>\r\n", "250");
                say(out, in, "RCPT TO:<b@example.test>\r\n", "250");
                say(out, in, "DATA\r\n", "354");
                say(out, in, BODY, "250");
            }
            say(out, in, "QUIT\r\n", "221");
        }
    }

    /** @param key of the cache of sessions: a client that resumes has one of its own, as a ticket serves once */
    private static Socket tls(Socket plain, InetSocketAddress server, SSLContext context, int key, boolean resumes)
            throws IOException {
        long begun = System.currentTimeMillis();
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, server.getHostString(), key + 1,
                true);
        socket.startHandshake();
        if (!resumes) {
            socket.getSession().invalidate();
        } else if (socket.getSession().getCreationTime() < begun) {
            RESUMED.incrementAndGet();
        }
        return socket;
    }

    private static void say(OutputStream out, BufferedReader in, String text, String code) throws IOException {
        out.write(text.getBytes(US_ASCII));
        expect(in, code);
    }

    private static void expect(BufferedReader in, String code) throws IOException {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (!line.startsWith(code)) {
                throw new IOException("instead of " + code + ": " + line);
            }
            if (line.charAt(code.length()) == ' ') {
                return;
            }
        }
        throw new IOException("closed instead of " + code);
    }
}
