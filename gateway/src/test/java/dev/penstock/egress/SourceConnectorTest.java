package dev.penstock.egress;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.SourceConfig;
import dev.penstock.egress.EgressException.Kind;
import dev.penstock.testing.ClosedPort;

/** Dialogues with proxies octet by octet, and what each failure is told as. */
class SourceConnectorTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final InetSocketAddress MX = new InetSocketAddress(InetAddress.ofLiteral("192.0.2.25"), 25);
    private static final String MX_OCTETS = "01 c0 00 02 19 00 19";
    private static final String METHODS = "C: 05 01 00\nS: 05 00\n";
    private static final String BOUND = METHODS
            + "C: 05 02 00 01 7f 00 00 07 00 00\nS: 05 00 00 01 7f 00 00 07 9c 40\n";
    private static final SourceConfig SEVEN = SourceConfig.DEFAULT.with(SourceConfig.SOURCE_ADDRESS,
            List.of("127.0.0.7"));

    private final SourceConnector connector = new SourceConnector((_, host, _, _) -> {
        throw new IOException("no TLS with " + host);
    });

    @Test
    void aHostSeesTheSourcesAddress() throws IOException {
        try (ServerSocket host = listening();
                EgressConnection connection = direct(SEVEN, host.getLocalPort());
                Socket accepted = host.accept()) {
            assertThat(accepted.getInetAddress().getHostAddress()).isEqualTo("127.0.0.7");
            assertThat(connection.from()).isEqualTo(InetAddress.ofLiteral("127.0.0.7"));
        }
    }

    @Test
    void anAddressThatIsNotOnThisMachineIsTheSourcesTrouble() throws IOException {
        try (ServerSocket host = listening()) {
            SourceConfig elsewhere = SEVEN.with(SourceConfig.SOURCE_ADDRESS, List.of("192.0.2.17"));
            assertThat(trouble(() -> direct(elsewhere, host.getLocalPort())))
                    .isEqualTo("ADDRESS can't send from 192.0.2.17");
        }
    }

    @Test
    void usedUpPortsAreNotAnAddressThatIsNotHere() {
        BindException why = new BindException("Address already in use");
        assertThat(SourceConnector.notBound(InetAddress.ofLiteral("127.0.0.7"), why).kind()).isEqualTo(Kind.PORTS);
        assertThat(SourceConnector.notBound(null, why).kind()).isEqualTo(Kind.PORTS);
        assertThat(SourceConnector.notBound(InetAddress.ofLiteral("192.0.2.17"), why).kind()).isEqualTo(Kind.ADDRESS);
    }

    @Test
    void aHostThatRefusesIsTheHostsTrouble() throws IOException {
        try (ClosedPort host = new ClosedPort()) {
            assertThatThrownBy(() -> direct(SEVEN, host.port())).isInstanceOf(ConnectException.class);
        }
    }

    @Test
    void aProxyBindsAndConnectsAndWhatFollowsIsTheHosts() throws Exception {
        try (FakeProxy proxy = new FakeProxy(BOUND + "C: 05 01 00 " + MX_OCTETS
                + "\nS: 05 00 00 01 7f 00 00 07 9c 40 32 32 30\nclose");
                EgressConnection connection = through(proxy, SEVEN)) {
            assertThat(connection.from()).isEqualTo(InetAddress.ofLiteral("127.0.0.7"));
            assertThat(new String(connection.socket().getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .isEqualTo("220");
            assertThat(proxy.errors()).isEmpty();
        }
    }

    @Test
    void withoutAnAddressTheProxyChooses() throws Exception {
        try (FakeProxy proxy = new FakeProxy(METHODS + "C: 05 01 00 " + MX_OCTETS
                + "\nS: 05 00 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 09 9c 40\nclose");
                EgressConnection connection = through(proxy, SourceConfig.DEFAULT)) {
            assertThat(connection.from()).isEqualTo(InetAddress.ofLiteral("2001:db8::9"));
            assertThat(proxy.errors()).isEmpty();
        }
    }

    @Test
    void aLoginIsSent() throws Exception {
        SourceConfig login = SourceConfig.DEFAULT.with(SourceConfig.PROXY_USERNAME, "me")
                .with(SourceConfig.PROXY_PASSWORD, "pw");
        String dialogue = "C: 05 01 02\nS: 05 02\nC: 01 02 6d 65 02 70 77\n";
        try (FakeProxy proxy = new FakeProxy(dialogue + "S: 01 00\nC: 05 01 00 " + MX_OCTETS
                + "\nS: 05 00 00 03 01 61 9c 40\nclose"); EgressConnection connection = through(proxy, login)) {
            assertThat(connection.from()).as("a name isn't looked up").isNull();
            assertThat(proxy.errors()).isEmpty();
        }
        try (FakeProxy proxy = new FakeProxy(dialogue + "S: 01 01\nclose")) {
            assertThat(trouble(() -> through(proxy, login))).startsWith("PROXY_LOGIN ")
                    .endsWith(" refuses the login of me");
        }
        try (FakeProxy proxy = new FakeProxy("C: 05 01 00\nS: 05 ff\nclose")) {
            assertThat(trouble(() -> through(proxy, SEVEN))).startsWith("PROXY_LOGIN ").contains("wants a login");
        }
    }

    @ParameterizedTest
    @CsvSource({"a0, PROXY_ADDRESS", "01, PROXY_ADDRESS", "02, PROXY_FAILED", "07, PROXY_FAILED"})
    void whatAProxySaysToBindIsTheSourcesTrouble(String reply, Kind kind) throws Exception {
        try (FakeProxy proxy = new FakeProxy(METHODS + "C: 05 02 00 01 7f 00 00 07 00 00\nS: 05 " + reply
                + " 00 01 00 00 00 00 00 00\nclose")) {
            assertThat(trouble(() -> through(proxy, SEVEN))).startsWith(kind + " ")
                    .contains("can't send from 127.0.0.7: ");
        }
    }

    @Test
    void whatAProxySaysOfAHostIsTheHostsTrouble() throws Exception {
        assertThat(toConnect("05")).isInstanceOf(ConnectException.class);
        assertThat(toConnect("04")).isInstanceOf(NoRouteToHostException.class);
        assertThat(toConnect("03")).isInstanceOf(NoRouteToHostException.class);
        assertThat(toConnect("06")).isInstanceOf(SocketTimeoutException.class);
        assertThat(toConnect("01")).isInstanceOf(NoRouteToHostException.class);
        assertThat(toConnect("02")).isInstanceOf(NoRouteToHostException.class);
        assertThat(toConnect("08")).isInstanceOf(NoRouteToHostException.class);
        try (FakeProxy proxy = new FakeProxy(BOUND + "C: 05 01 00 " + MX_OCTETS + "\nclose")) {
            assertThat(catchThrowableOfType(IOException.class, () -> through(proxy, SEVEN)))
                    .isInstanceOf(NoRouteToHostException.class).hasMessageContaining("instead of an answer");
        }
        assertThat(toConnect("07")).isInstanceOfSatisfying(EgressException.class,
                e -> assertThat(e.kind()).isEqualTo(Kind.PROXY_FAILED));
    }

    private IOException toConnect(String reply) throws IOException {
        try (FakeProxy proxy = new FakeProxy(BOUND + "C: 05 01 00 " + MX_OCTETS + "\nS: 05 " + reply
                + " 00 01 00 00 00 00 00 00\nclose")) {
            return catchThrowableOfType(IOException.class, () -> through(proxy, SEVEN));
        }
    }

    @ParameterizedTest
    @CsvSource({"S: 48 54 54 50, answers with version 72", "S: 05 07, chose method 7", "close, broke off",
        "S: 05 00 05 00 00 09, answers with address type 9"})
    void whatIsNotSocksIsTheProxysTrouble(String said, String why) throws Exception {
        try (FakeProxy proxy = new FakeProxy("C: 05 01 00\n" + said + "\nclose")) {
            assertThat(trouble(() -> through(proxy, SourceConfig.DEFAULT))).startsWith("PROXY_FAILED ").contains(why);
        }
    }

    @Test
    void aProxyThatIsNotThereIsTheSourcesTrouble() throws Exception {
        try (ClosedPort proxy = new ClosedPort()) {
            assertThat(trouble(() -> connector.connect(source(proxy.port(), SEVEN), MX, LONG, never())))
                    .startsWith("PROXY_UNREACHABLE can't connect to proxy 127.0.0.1:");
        }
    }

    @Test
    void aProxyThatStallsIsItsOwnTroubleUntilItHasToReachTheHost() throws Exception {
        try (FakeProxy proxy = new FakeProxy("C: 05 01 00\nstall")) {
            assertThat(trouble(() -> connector.connect(source(proxy, SEVEN), MX, LONG, overAtStall(proxy))))
                    .startsWith("PROXY_FAILED ").endsWith(" didn't answer in time");
        }
        try (FakeProxy proxy = new FakeProxy(BOUND + "C: 05 01 00 " + MX_OCTETS + "\nstall")) {
            assertThatThrownBy(() -> connector.connect(source(proxy, SEVEN), MX, LONG, overAtStall(proxy)))
                    .isInstanceOf(SocketTimeoutException.class).hasMessageContaining("didn't reach it in time");
        }
    }

    @Test
    void theProxyProtocolSaysFromWhereToWhere() throws Exception {
        SourceConfig v2 = SEVEN.with(SourceConfig.PROXY, SourceConfig.Proxy.PROXY_V2);
        try (FakeProxy proxy = new FakeProxy("""
                C: 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c 7f 00 00 07 c0 00 02 19 00 00 00 19
                S: 32 32 30
                close"""); EgressConnection connection = through(proxy, v2)) {
            assertThat(new String(connection.socket().getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .isEqualTo("220");
            assertThat(connection.from()).isEqualTo(InetAddress.ofLiteral("127.0.0.7"));
            assertThat(proxy.errors()).isEmpty();
        }
        assertThat(ProxyHeaderV2.of(InetAddress.ofLiteral("2001:db8::7"),
                new InetSocketAddress(InetAddress.ofLiteral("2001:db8::25"), 25))).hasSize(16 + 36)
                .startsWith(0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 'Q', 'U', 'I', 'T', 0x0a, 0x21, 0x21, 0, 36);
    }

    private EgressConnection direct(SourceConfig config, int port) throws IOException {
        return connector.connect(Source.of("s", config, "gateway.test"),
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), LONG, never());
    }

    private EgressConnection through(FakeProxy proxy, SourceConfig config) throws IOException {
        return connector.connect(source(proxy, config), MX, LONG, never());
    }

    private static Source source(FakeProxy proxy, SourceConfig config) {
        return source(proxy.port(), config);
    }

    private static Source source(int port, SourceConfig config) {
        SourceConfig.Proxy protocol = config.proxy() == SourceConfig.Proxy.NONE
                ? SourceConfig.Proxy.SOCKS5
                : config.proxy();
        return Source.of("s", config.with(SourceConfig.PROXY, protocol).with(SourceConfig.PROXY_SERVER,
                "127.0.0.1:" + port), "gateway.test");
    }

    /** When the proxy stalls. */
    private static SourceConnector.Deadlines overAtStall(FakeProxy proxy) {
        return (_, breakOff) -> {
            AtomicBoolean expired = new AtomicBoolean();
            Thread timer = Thread.startVirtualThread(() -> {
                try {
                    proxy.awaitStall();
                    expired.set(true);
                    breakOff.run();
                } catch (InterruptedException _) {
                    // it was in time
                }
            });
            return deadline(expired, timer);
        };
    }

    private static SourceConnector.Deadlines never() {
        return (_, breakOff) -> deadline(new AtomicBoolean(), Thread.ofVirtual().unstarted(breakOff));
    }

    private static SourceConnector.Deadline deadline(AtomicBoolean expired, Thread timer) {
        return new SourceConnector.Deadline() {
            @Override
            public boolean expired() {
                return expired.get();
            }

            @Override
            public void close() {
                timer.interrupt();
            }
        };
    }

    private static String trouble(ThrowingCallable connecting) {
        EgressException e = catchThrowableOfType(EgressException.class, connecting);
        assertThat(e).isNotNull();
        return e.kind() + " " + requireNonNull(e.getMessage()).replaceFirst(": Cannot assign.*", "");
    }

    private static ServerSocket listening() throws IOException {
        return new ServerSocket(0, 8, InetAddress.ofLiteral("127.0.0.1"));
    }
}
