package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.Sources;
import dev.penstock.message.MessageEvent;
import dev.penstock.queue.Placement;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.PathLimits;
import dev.penstock.testing.FakeLimitBook;

/** One provider has the hosts of 383 domains, no two with the same: it sees one sender for each of our sources. */
@Timeout(120)
class ProviderLimitsTest {
    private static final int DOMAINS = 383;
    private static final int MESSAGES = 3;
    private static final int HOSTS = 12;
    private static final int CONNECTIONS = 20;
    private static final int RATE = 50;
    /** Far above what a busy machine delays a message by on its way, far below the time that all of them take by the rate. */
    private static final long SLACK_NANOS = TimeUnit.SECONDS.toNanos(2);

    @TempDir
    Path directory;

    /** Its hosts, which know each source by its address. */
    private static final class Provider implements AutoCloseable {
        private final List<ServerSocket> hosts = new ArrayList<>();
        private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
        private final Map<InetAddress, Integer> open = new HashMap<>();
        private final Map<InetAddress, Integer> mostOpen = new HashMap<>();
        private final Map<InetAddress, List<Long>> begun = new HashMap<>();
        private volatile boolean closed;

        Provider() throws IOException {
            for (int i = 0; i < HOSTS; i++) {
                ServerSocket host = new ServerSocket(0, 200, InetAddress.ofLiteral("127.0.0.1"));
                hosts.add(host);
                Thread.ofVirtual().start(() -> accept(host));
            }
        }

        int port(int domain) {
            return hosts.get(domain % HOSTS).getLocalPort();
        }

        private void accept(ServerSocket host) {
            while (!closed) {
                try {
                    Socket socket = host.accept();
                    sockets.add(socket);
                    Thread.ofVirtual().start(() -> serve(socket));
                } catch (IOException _) {
                    return;
                }
            }
        }

        private synchronized void count(InetAddress client, int more) {
            int now = open.merge(client, more, Integer::sum);
            mostOpen.merge(client, now, Math::max);
        }

        private synchronized void mail(InetAddress client) {
            begun.computeIfAbsent(client, _ -> new ArrayList<>()).add(System.nanoTime());
        }

        synchronized Map<String, Integer> mostOpen() {
            Map<String, Integer> most = new TreeMap<>();
            mostOpen.forEach((client, count) -> most.put(client.getHostAddress(), count));
            return most;
        }

        synchronized Map<String, List<Long>> begun() {
            Map<String, List<Long>> times = new TreeMap<>();
            begun.forEach((client, list) -> times.put(client.getHostAddress(), List.copyOf(list)));
            return times;
        }

        private void serve(Socket socket) {
            InetAddress client = socket.getInetAddress();
            boolean counted = true;
            try (socket) {
                socket.setTcpNoDelay(true);
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
                OutputStream out = socket.getOutputStream();
                count(client, 1);
                try {
                    say(out, "220 mx.provider.test");
                    for (String line = in.readLine(); line != null; line = in.readLine()) {
                        switch (line.length() < 4 ? line : line.substring(0, 4)) {
                            case "EHLO" -> say(out, "250-mx.provider.test\r\n250 PIPELINING");
                            case "MAIL" -> {
                                mail(client);
                                say(out, "250 ok");
                            }
                            case "DATA" -> {
                                say(out, "354 go on");
                                for (String each = in.readLine(); each != null && !each.equals(".");) {
                                    each = in.readLine();
                                }
                                say(out, "250 2.0.0 taken");
                            }
                            case "QUIT" -> {
                                counted = false;
                                count(client, -1); // it is over for who says this, before the answer is there
                                say(out, "221 bye");
                                return;
                            }
                            default -> say(out, "250 ok");
                        }
                    }
                } finally {
                    if (counted) {
                        count(client, -1);
                    }
                }
            } catch (IOException _) {
                // the gateway went, or the test has ended
            } finally {
                sockets.remove(socket);
            }
        }

        private static void say(OutputStream out, String reply) throws IOException {
            out.write((reply + "\r\n").getBytes(ISO_8859_1));
            out.flush();
        }

        @Override
        public void close() throws IOException {
            closed = true;
            for (ServerSocket host : hosts) {
                host.close();
            }
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    private GatewayConfig config() throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%s/spool"
                [delivery]
                pool = "shared"
                [source.ip-1]
                source-address = ["127.0.0.11"]
                [source.ip-2]
                source-address = ["127.0.0.12"]
                [pool.shared]
                sources = { ip-1 = 1, ip-2 = 1 }
                """.formatted(directory));
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    @Test
    void eachSourceKeepsToTheProvidersLimitsWhoeverOfItsDomainsIsSentTo() throws IOException {
        GatewayConfig config = config();
        FakeLimitBook book = new FakeLimitBook();
        book.others((path, _) -> new PathLimits(DeliveryRig.limits(10, 1_000),
                List.of(FakeLimitBook.connections(path.source() + "->provider", CONNECTIONS),
                        FakeLimitBook.messages(path.source() + "->provider", RATE + "/s"))));
        Placement placement = new Placement(Pools.of(config), new SourceHealth(), Quota.NONE);
        try (Provider provider = new Provider();
                DeliveryRig rig = new DeliveryRig(book, Sources.of(config), placement)) {
            for (int i = 0; i < DOMAINS; i++) {
                String domain = "d" + i + ".example";
                MailHost host = new MailHost("mx." + domain, InetAddress.ofLiteral("127.0.0.1"), provider.port(i), 10);
                rig.router.set(domain, new Route.Hosts(new Site("mx." + domain), List.of(host), false));
            }
            for (int message = 0; message < MESSAGES; message++) {
                for (int i = 0; i < DOMAINS; i++) {
                    rig.send("user@d" + i + ".example");
                }
            }
            await().atMost(Duration.ofSeconds(90)).pollInterval(Duration.ofMillis(50))
                    .until(() -> rig.events.size() >= DOMAINS * MESSAGES);

            assertThat(rig.events).allSatisfy(event -> assertThat(event.type()).isEqualTo(MessageEvent.Type.DELIVERY));
            assertThat(provider.mostOpen()).hasSize(2)
                    .allSatisfy((source, most) -> assertThat(most).as(source).isBetween(2, CONNECTIONS));
            assertThat(provider.begun()).hasSize(2).allSatisfy(ProviderLimitsTest::keepsToTheRate);
        }
    }

    /**
     * In no window more than the rate, but for what comes late together. How much less it is in all is the machine's
     * affair, which may have other things to do.
     */
    private static void keepsToTheRate(String source, List<Long> times) {
        long interval = TimeUnit.SECONDS.toNanos(1) / RATE;
        for (int i = 0; i < times.size(); i++) {
            for (int j = i + 1; j < times.size(); j++) {
                assertThat(times.get(j) - times.get(i)).as("%s: message %d after %d", source, j, i)
                        .isGreaterThanOrEqualTo((j - i) * interval - SLACK_NANOS);
            }
        }
        long all = times.getLast() - times.getFirst();
        assertThat((times.size() - 1) * (double) interval / all).as("%s: of the rate", source).isLessThan(1.2);
    }
}
