package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

import ch.qos.logback.classic.Level;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What {@link AddressLossTest} runs in a network namespace: a gateway with three sources of two addresses each, receivers
 * over IPv4 and IPv6, and mail that flows from the beginning to the end. Its main thread changes addresses and asserts.
 */
final class AddressLoss {
    private static final Logger log = LoggerFactory.getLogger(AddressLoss.class);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int ENOUGH = 900;
    /** Of each source to each receiver: as many messages may be in flight when their address goes. */
    private static final int SESSIONS = 2;
    private static final long PAUSE_NANOS = 1_000_000;

    private final Path directory;
    private final List<Copy> copies = new CopyOnWriteArrayList<>();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile boolean flows = true;
    private volatile int sent;

    /** A message as it came. */
    private record Copy(InetAddress from, String recipient) {}

    private AddressLoss(Path directory) {
        this.directory = directory;
    }

    /** @param arguments a directory of its own */
    public static void main(String[] arguments) throws Exception {
        ((ch.qos.logback.classic.Logger) LoggerFactory.getLogger("dev.penstock")).setLevel(Level.INFO);
        new AddressLoss(Path.of(arguments[0])).run();
        System.exit(0);
    }

    private void run() throws Exception {
        for (String last : List.of("1", "11", "12", "13")) {
            Namespace.address(directory, "add", "10.77.0." + last + "/32");
            Namespace.address(directory, "add", "fd00::" + last + "/128");
        }
        try (ServerSocket four = receive("10.77.0.1");
                ServerSocket six = receive("fd00::1");
                FileGateway gateway = FileGateway.start(directory.resolve("gateway"),
                        "connection_limit = " + SESSIONS + "\n",
                        tables(four.getLocalPort(), six.getLocalPort()))) {
            Thread flow = Thread.ofPlatform().name("flow").start(() -> flow(gateway.smtp()));
            Set<InetAddress> all = addresses("10.77.0.11", "10.77.0.12", "10.77.0.13", "fd00::11", "fd00::12",
                    "fd00::13");
            await("each is seen").atMost(PATIENCE).until(() -> seen(0).equals(all));

            loseAndFind("ip-11", "10.77.0.11/32", addresses("10.77.0.11", "fd00::11"), all);
            loseAndFind("ip-12", "fd00::12/128", addresses("10.77.0.12", "fd00::12"), all);

            flows = false;
            flow.join();
            assertThat(failure.get()).isNull();
            await("all is delivered").atMost(PATIENCE).until(() -> gateway.queued() == 0);
        }
        Map<String, List<Copy>> byRecipient = copies.stream().collect(Collectors.groupingBy(Copy::recipient));
        assertThat(byRecipient).as("nothing is lost").hasSize(sent);
        // The reply to the last message of a session whose address has gone never comes.
        List<List<Copy>> doubled = byRecipient.values().stream().filter(each -> each.size() > 1).toList();
        assertThat(doubled).as("messages that came twice").hasSizeLessThanOrEqualTo(2 * SESSIONS).allSatisfy(
                each -> assertThat(each).hasSize(2).anyMatch(
                        copy -> addresses("10.77.0.11", "fd00::12").contains(copy.from)));
        log.info("event=address-loss-ended messages={} doubled={}", sent, doubled.size());
    }

    private void loseAndFind(String source, String address, Set<InetAddress> lost, Set<InetAddress> all)
            throws Exception {
        log.info("event=address-taken-off source={}", source);
        Namespace.address(directory, "del", address);
        await(source + " isn't used any more").atMost(PATIENCE).until(() -> {
            int before = copies.size();
            await().atMost(PATIENCE).until(() -> copies.size() >= before + ENOUGH / 3);
            return seen(before).stream().noneMatch(lost::contains);
        });
        int without = copies.size();
        await().atMost(PATIENCE).until(() -> copies.size() >= without + ENOUGH);
        Map<InetAddress, Long> shares = copies.stream().skip(without).limit(ENOUGH)
                .collect(Collectors.groupingBy(Copy::from, Collectors.counting()));
        assertThat(shares).as("shares without " + source).hasSize(all.size() - lost.size()).doesNotContainKeys(
                lost.toArray(InetAddress[]::new));
        assertThat(shares.values()).allSatisfy(share -> assertThat(share)
                .isCloseTo(ENOUGH / shares.size(), within((long) ENOUGH / 8)));

        log.info("event=address-put-back source={}", source);
        int back = copies.size();
        Namespace.address(directory, "add", address);
        await(source + " is used again").atMost(PATIENCE).until(() -> seen(back).equals(all));
    }

    private Set<InetAddress> seen(int from) {
        return copies.stream().skip(from).map(Copy::from).collect(Collectors.toSet());
    }

    private static Set<InetAddress> addresses(String... texts) {
        return List.of(texts).stream().map(InetAddress::ofLiteral).collect(Collectors.toSet());
    }

    private static String tables(int four, int six) {
        StringBuilder tables = new StringBuilder("""
                [routes."four.example"]
                hosts = ["10.77.0.1:%d"]
                [routes."six.example"]
                hosts = ["[fd00::1]:%d"]
                [queue]
                retry-interval = "1s"
                [delivery]
                pool = "shared"
                tls = "none"
                command-timeout = "3s"
                data-init-timeout = "3s"
                data-block-timeout = "3s"
                data-done-timeout = "3s"
                """.formatted(four, six));
        for (int last = 11; last <= 13; last++) {
            tables.append("[source.ip-").append(last).append("]\nsource-address = [\"10.77.0.").append(last)
                    .append("\", \"fd00::").append(last).append("\"]\n");
        }
        return tables.append("[pool.shared]\nsources = { ip-11 = 1, ip-12 = 1, ip-13 = 1 }\n").toString();
    }

    private ServerSocket receive(String address) throws IOException {
        ServerSocket server = new ServerSocket();
        server.bind(new InetSocketAddress(address, 0));
        Thread.ofVirtual().name("receiver-" + address).start(() -> {
            while (!server.isClosed()) {
                try {
                    Socket socket = server.accept();
                    Thread.ofVirtual().start(() -> converse(socket));
                } catch (IOException _) {
                    // closed at the end
                }
            }
        });
        return server;
    }

    private void converse(Socket socket) {
        try (socket) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
            OutputStream out = socket.getOutputStream();
            String recipient = "";
            say(out, "220 receiver");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.startsWith("RCPT TO:<")) {
                    recipient = line.substring("RCPT TO:<".length(), line.indexOf('>'));
                }
                if (line.equals("DATA")) {
                    say(out, "354 go on");
                    while (!".".equals(line) && line != null) {
                        line = in.readLine();
                    }
                    if (line == null) {
                        return;
                    }
                    copies.add(new Copy(socket.getInetAddress(), recipient));
                }
                say(out, "250 ok");
            }
        } catch (IOException _) {
            // the sender's address has gone
        }
    }

    /** Numbered messages, to the one receiver and the other, until it is told to end. */
    private void flow(InetSocketAddress gateway) {
        try (Socket socket = new Socket(gateway.getAddress(), gateway.getPort())) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
            OutputStream out = socket.getOutputStream();
            expect(in, "220");
            command(in, out, "HELO client.test", "250");
            while (flows) {
                int number = sent;
                command(in, out, "MAIL FROM:<s@s.example>", "250");
                command(in, out, "RCPT TO:<r" + number + (number / 2 % 2 == 0 ? "@four.example>" : "@six.example>"),
                        "250");
                command(in, out, "DATA", "354");
                command(in, out, "Subject: hello\r\n\r\nhello\r\n.", "250");
                sent = number + 1;
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        } catch (IOException | AssertionError e) {
            failure.set(e);
        }
    }

    private static void command(BufferedReader in, OutputStream out, String line, String reply) throws IOException {
        say(out, line);
        expect(in, reply);
    }

    private static void say(OutputStream out, String line) throws IOException {
        out.write((line + "\r\n").getBytes(US_ASCII));
        out.flush();
    }

    private static void expect(BufferedReader in, String reply) throws IOException {
        String line = in.readLine();
        while (line != null && line.startsWith("-", 3)) {
            line = in.readLine();
        }
        if (line == null || !line.startsWith(reply)) {
            throw new AssertionError("expected " + reply + ", got " + line);
        }
    }
}
