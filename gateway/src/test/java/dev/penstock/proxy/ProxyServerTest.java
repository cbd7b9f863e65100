package dev.penstock.proxy;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLSocket;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.HttpConfig;
import dev.penstock.config.ListenAddress;
import dev.penstock.config.ListenerTls;
import dev.penstock.config.ProxyConfig;
import dev.penstock.egress.ProxyHeaderV2;
import dev.penstock.testing.ClosedPort;
import dev.penstock.testing.TestCertificates;

/** Dialogues with the proxy octet by octet, and what hostile or unlucky ends do to it. */
class ProxyServerTest {
    private static final InetAddress LOCAL = InetAddress.ofLiteral("127.0.0.1");
    private static final InetAddress SEVEN = InetAddress.ofLiteral("127.0.0.7");
    private static final ProxyConfig CONFIG = ProxyConfig.DEFAULT
            .with(ProxyConfig.SOCKS, Optional.of(new ListenAddress("127.0.0.1", 0)))
            .with(ProxyConfig.PROXY_V2, Optional.of(new ListenAddress("127.0.0.1", 0)))
            .with(ProxyConfig.HTTP, HttpConfig.DEFAULT.with(HttpConfig.PORT, 0))
            .with(ProxyConfig.STOP_TIMEOUT, Duration.ZERO);
    private static final String FROM_SEVEN = RawClient.request(2, SEVEN, 0);
    /** Far more than sockets and the proxy's water marks hold. */
    private static final int MUCH = 64 << 20;

    private ServerSocket host;
    private @Nullable ProxyServer started;

    @BeforeEach
    void listen() throws IOException {
        host = new ServerSocket(0, 50, LOCAL);
        host.setSoTimeout(RawClient.PATIENCE_MILLIS);
    }

    @AfterEach
    void close() throws IOException {
        if (started != null) {
            started.close();
        }
        host.close();
    }

    @Test
    void aClientReachesItsHostFromTheAddressItAskedFor() throws IOException {
        try (RawClient client = socks(CONFIG)) {
            assertThat(client.say("05 02 00 02").read(2)).isEqualTo("05 00");
            assertThat(client.say(FROM_SEVEN).read(10)).startsWith("05 00 00 01 7f 00 00 07 ");
            assertThat(client.say(toHost()).read(10)).startsWith("05 00 00 01 7f 00 00 07 ");
            try (Socket accepted = host.accept()) {
                assertThat(accepted.getInetAddress()).isEqualTo(SEVEN);
                talk(client, accepted);
            }
            assertThat(client.rest()).isEmpty();
        }
        await().untilAsserted(() -> assertThat(proxy().stats().open()).isZero());
        assertThat(proxy().stats().connected()).isEqualTo(1);
        assertThat(proxy().stats().octetsOut()).isEqualTo(5);
        assertThat(proxy().stats().octetsIn()).isEqualTo(5);
    }

    @Test
    void allMayBeSaidAtOnce() throws IOException {
        try (RawClient client = socks(CONFIG)) {
            client.say("05 01 00 " + FROM_SEVEN + " " + toHost() + " 68 65 6c 6c 6f");
            assertThat(client.read(2)).isEqualTo("05 00");
            assertThat(client.read(20)).startsWith("05 00");
            try (Socket accepted = host.accept()) {
                assertThat(new String(accepted.getInputStream().readNBytes(5), StandardCharsets.US_ASCII))
                        .isEqualTo("hello");
            }
        }
    }

    @Test
    void withoutABindTheSystemChooses() throws IOException {
        try (RawClient client = socks(CONFIG)) {
            client.say("05 01 00").read(2);
            assertThat(client.say(toHost()).read(10)).startsWith("05 00 00 01 7f 00 00 01 ");
        }
    }

    @Test
    void whoSaysNoMoreMayStillListen() throws IOException {
        try (RawClient client = connected(CONFIG); Socket accepted = host.accept()) {
            client.say("41").saysNoMore();
            assertThat(accepted.getInputStream().readAllBytes()).containsExactly(0x41);
            accepted.getOutputStream().write('B');
            end(accepted);
            assertThat(client.rest()).isEqualTo("42");
        }
    }

    @Test
    void anAddressThatIsNotOnThisMachineHasACodeOfItsOwn() throws IOException {
        try (RawClient client = socks(CONFIG)) {
            client.say("05 01 00").read(2);
            client.say(RawClient.request(2, InetAddress.ofLiteral("192.0.2.17"), 0));
            assertThat(client.rest()).isEqualTo("05 a0 00 01 00 00 00 00 00 00");
            assertThat(proxy().stats().notPlumbed()).isEqualTo(1);
        }
    }

    @Test
    void aHostThatRefusesIsToldAsThat() throws IOException {
        try (ClosedPort closed = new ClosedPort(); RawClient client = socks(CONFIG)) {
            client.say("05 01 00").read(2);
            client.say(RawClient.request(1, LOCAL, closed.port()));
            assertThat(client.rest()).isEqualTo("05 05 00 01 00 00 00 00 00 00");
            assertThat(proxy().stats().connectFailures()).isEqualTo(1);
        }
    }

    @Test
    void aLoginIsAskedForWhereThereIsOne() throws IOException {
        ProxyConfig login = CONFIG.with(ProxyConfig.USERNAME, "me").with(ProxyConfig.PASSWORD, "pw");
        try (RawClient client = socks(login)) {
            assertThat(client.say("05 02 00 02").read(2)).isEqualTo("05 02");
            assertThat(client.say("01 02 6d 65 02 70 77").read(2)).isEqualTo("01 00");
            assertThat(client.say(toHost()).read(10)).startsWith("05 00");
        }
        try (RawClient client = again()) {
            client.say("05 01 02").read(2);
            assertThat(client.say("01 02 6d 65 02 70 78").rest()).isEqualTo("01 01");
        }
        try (RawClient client = again()) {
            assertThat(client.say("05 01 00").rest()).isEqualTo("05 ff");
        }
        assertThat(proxy().stats().wrongLogins()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"47 45 54 20 2f 20 48 54 54 50", "04 01 00 19 7f 00 00 01 00", "05 01 00 05 01 00 03",
        "05 01 00 05 03 00 01 7f 00 00 01 00 19", "05 01 00 00"})
    void whatIsNoRequestEndsTheConnection(String said) throws IOException {
        try (RawClient client = socks(CONFIG)) {
            client.say(said).rest();
            assertThat(proxy().stats().malformed()).isEqualTo(1);
        }
    }

    @Test
    void aProxyHeaderSaysFromWhereToWhere() throws IOException {
        started = ProxyServer.start(CONFIG);
        try (RawClient client = new RawClient(proxy().proxyV2Address())) {
            OutputStream output = client.socket().getOutputStream();
            output.write(ProxyHeaderV2.of(SEVEN, new InetSocketAddress(LOCAL, host.getLocalPort())));
            output.write("early".getBytes(StandardCharsets.US_ASCII));
            try (Socket accepted = host.accept()) {
                assertThat(accepted.getInetAddress()).isEqualTo(SEVEN);
                assertThat(new String(accepted.getInputStream().readNBytes(5), StandardCharsets.US_ASCII))
                        .isEqualTo("early");
                talk(client, accepted);
            }
        }
        try (RawClient client = new RawClient(proxy().proxyV2Address())) {
            client.socket().getOutputStream().write(ProxyHeaderV2.of(InetAddress.ofLiteral("192.0.2.17"),
                    new InetSocketAddress(LOCAL, host.getLocalPort())));
            assertThat(client.rest()).as("an address that isn't here").isEmpty();
        }
        try (RawClient client = new RawClient(proxy().proxyV2Address())) {
            assertThat(client.say("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 20 00 00 00").rest()).as("LOCAL").isEmpty();
        }
        try (RawClient client = new RawClient(proxy().proxyV2Address())) {
            assertThat(client.say("45 48 4c 4f 20 61 2e 65 78 61 6d 70 6c 65 0d 0a").rest()).as("EHLO").isEmpty();
        }
        assertThat(proxy().stats().notPlumbed()).isEqualTo(1);
        await().untilAsserted(() -> assertThat(proxy().stats().malformed()).isEqualTo(1));
    }

    @Test
    void whoIsNotInTheClientsNetworksIsClosedAtOnce() throws IOException {
        try (RawClient client = socks(CONFIG.with(ProxyConfig.CLIENTS, List.of("10.0.0.0/8")))) {
            assertThat(client.rest()).isEmpty();
            assertThat(proxy().stats().notAllowed()).isEqualTo(1);
        }
    }

    @Test
    void aClientThatTakesItsTimeIsClosed() throws IOException {
        ProxyConfig impatient = CONFIG.with(ProxyConfig.HANDSHAKE_TIMEOUT, Duration.ofMillis(50));
        try (RawClient silent = socks(impatient); RawClient halfway = again()) {
            halfway.say("05 01");
            assertThat(silent.rest()).isEmpty();
            assertThat(halfway.rest()).isEmpty();
            assertThat(proxy().stats().late()).isEqualTo(2);
        }
    }

    @Test
    void anIdleConnectionIsClosedAtBothEnds() throws IOException {
        try (RawClient client = connected(CONFIG.with(ProxyConfig.IDLE_TIMEOUT, Duration.ofMillis(100)));
                Socket accepted = host.accept()) {
            assertThat(accepted.getInputStream().read()).isEqualTo(-1);
            assertThat(client.rest()).isEmpty();
            assertThat(proxy().stats().idle()).isEqualTo(1);
        }
    }

    @Test
    void aHostThatGoesAwayTakesTheClientAlong() throws IOException {
        try (RawClient client = connected(CONFIG); Socket accepted = host.accept()) {
            accepted.setSoLinger(true, 0);
            end(accepted); // with RST
            assertThat(client.rest()).isEmpty();
        }
    }

    @Test
    void moreThanTheLimitAreClosedAtOnce() throws IOException {
        try (RawClient first = socks(CONFIG.with(ProxyConfig.MAX_CONNECTIONS, 1))) {
            assertThat(first.say("05 01 00").read(2)).isEqualTo("05 00");
            try (RawClient second = again()) {
                assertThat(second.rest()).isEmpty();
            }
            assertThat(proxy().stats().refused()).isEqualTo(1);
        }
    }

    @Test
    void aHostThatDoesNotReadHoldsUpItsClientAndNothingElse() throws Exception {
        try (RawClient client = connected(CONFIG); Socket accepted = host.accept()) {
            AtomicLong written = new AtomicLong();
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> write(client.socket(), written));
            AtomicLong before = new AtomicLong(-1);
            await().pollInterval(Duration.ofMillis(100))
                    .until(() -> written.get() > 0 && before.getAndSet(written.get()) == written.get());
            assertThat(written.get()).isLessThan(MUCH);
            try (RawClient other = again()) {
                assertThat(other.say("05 01 00").read(2)).isEqualTo("05 00");
            }
            assertThat(accepted.getInputStream().readNBytes(MUCH)).hasSize(MUCH);
            writer.get();
        }
    }

    private static void write(Socket socket, AtomicLong written) {
        byte[] block = new byte[64 << 10];
        try {
            while (written.get() < MUCH) {
                socket.getOutputStream().write(block);
                written.addAndGet(block.length);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aStopLetsWhatStandsEndAndTakesNoMore() throws Exception {
        try (RawClient client = connected(CONFIG.with(ProxyConfig.STOP_TIMEOUT, Duration.ofMinutes(1)));
                Socket accepted = host.accept()) {
            Thread stopping = Thread.ofPlatform().start(proxy()::close);
            await().untilAsserted(() -> assertThatThrownBy(this::again).isInstanceOf(ConnectException.class));
            talk(client, accepted);
            end(accepted);
            assertThat(client.rest()).isEmpty();
            end(client);
            stopping.join();
        }
    }

    @Test
    void aReloadConcernsThoseWhoComeThen(@TempDir Path directory) throws IOException {
        Path password = Files.writeString(directory.resolve("password"), "pw");
        ProxyConfig login = CONFIG.with(ProxyConfig.USERNAME, "me")
                .with(ProxyConfig.PASSWORD_FILE, Optional.of(password));
        try (RawClient before = socks(CONFIG)) {
            await().untilAsserted(() -> assertThat(proxy().stats().open()).isEqualTo(1));
            proxy().reload(login);
            assertThat(before.say("05 01 00").read(2)).isEqualTo("05 00");
            try (RawClient after = again()) {
                assertThat(after.say("05 01 00").rest()).isEqualTo("05 ff");
            }
            Files.delete(password);
            assertThatThrownBy(() -> proxy().reload(login)).hasMessageContaining("password-file");
            assertThatThrownBy(() -> proxy().reload(login.with(ProxyConfig.SOCKS, Optional.empty())))
                    .hasMessage("a restart is needed to change proxy.socks");
        }
    }

    @Test
    void clientsAreSpokenToUnderTlsWhereThereIsACertificate(@TempDir Path directory) throws Exception {
        TestCertificates certificates = new TestCertificates();
        TestCertificates.PemFiles pem = TestCertificates.write(directory, "proxy",
                certificates.server("proxy.example.net"));
        started = ProxyServer.start(CONFIG.with(ProxyConfig.CERTIFICATES,
                List.of(new ListenerTls.Certificate(pem.chain(), pem.key()))));
        InetSocketAddress socks = proxy().socksAddress();
        try (SSLSocket client = (SSLSocket) certificates.clientContext().getSocketFactory()
                .createSocket(socks.getAddress(), socks.getPort())) {
            client.getOutputStream().write(new byte[]{5, 1, 0});
            assertThat(client.getInputStream().readNBytes(2)).containsExactly(5, 0);
        }
    }

    @Test
    void whatItDoesIsMetered() throws Exception {
        try (RawClient client = connected(CONFIG); Socket accepted = host.accept()) {
            talk(client, accepted);
            try (HttpClient http = HttpClient.newHttpClient()) {
                String metrics = http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                        + proxy().httpAddress().getPort() + "/metrics")).build(), HttpResponse.BodyHandlers.ofString())
                        .body();
                assertThat(metrics).contains("penstock_proxy_connections 1.0", "penstock_proxy_connected_total 1.0",
                        "penstock_proxy_octets_total{direction=\"out\"} 5.0");
            }
        }
    }

    private static void talk(RawClient client, Socket accepted) throws IOException {
        accepted.getOutputStream().write("hello".getBytes(StandardCharsets.US_ASCII));
        assertThat(client.read(5)).isEqualTo("68 65 6c 6c 6f");
        client.say("48 45 4c 4c 4f");
        assertThat(new String(accepted.getInputStream().readNBytes(5), StandardCharsets.US_ASCII)).isEqualTo("HELLO");
    }

    private ProxyServer proxy() {
        return requireNonNull(started);
    }

    private static void end(AutoCloseable connection) {
        try {
            connection.close();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private RawClient connected(ProxyConfig config) throws IOException {
        RawClient client = socks(config);
        client.say("05 01 00").read(2);
        client.say(toHost()).read(10);
        return client;
    }

    private RawClient socks(ProxyConfig config) throws IOException {
        started = ProxyServer.start(config);
        return again();
    }

    private RawClient again() throws IOException {
        return new RawClient(proxy().socksAddress());
    }

    private String toHost() {
        return RawClient.request(1, LOCAL, host.getLocalPort());
    }
}
