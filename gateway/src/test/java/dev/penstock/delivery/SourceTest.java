package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.AddressPreference;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.HttpConfig;
import dev.penstock.config.ListenAddress;
import dev.penstock.config.ListenerTls;
import dev.penstock.config.ProxyConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.SourceConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.egress.AddressWatch;
import dev.penstock.egress.EgressException;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceListener;
import dev.penstock.egress.Sources;
import dev.penstock.message.MessageEvent;
import dev.penstock.proxy.ProxyServer;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.ClosedPort;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.OwnLoopback;
import dev.penstock.testing.TestCertificates;

/** Mail from a source: who the host sees, and whose fault it is when it isn't reached. */
class SourceTest {
    private static final InetAddress FOUR = InetAddress.ofLiteral("127.0.0.1");
    private static final InetAddress SIX = InetAddress.ofLiteral("::1");
    /** Where a port that is taken elsewhere is free. */
    private static final InetAddress OWN = OwnLoopback.address();
    private static final SourceConfig SEVEN = SourceConfig.DEFAULT
            .with(SourceConfig.SOURCE_ADDRESS, List.of("127.0.0.7"))
            .with(SourceConfig.EHLO_NAME, "mta7.example.net");
    private static final ProxyConfig PROXY = ProxyConfig.DEFAULT
            .with(ProxyConfig.SOCKS, Optional.of(new ListenAddress("127.0.0.1", 0)))
            .with(ProxyConfig.PROXY_V2, Optional.of(new ListenAddress("127.0.0.1", 0)))
            .with(ProxyConfig.HTTP, HttpConfig.DEFAULT.with(HttpConfig.PORT, 0))
            .with(ProxyConfig.USERNAME, "penstock").with(ProxyConfig.PASSWORD, "s3cret")
            .with(ProxyConfig.STOP_TIMEOUT, Duration.ZERO);

    private final Set<String> heard = ConcurrentHashMap.newKeySet();
    private final SourceListener listener = new SourceListener() {
        @Override
        public void worked(Source source) {
            heard.add("worked");
        }

        @Override
        public void failed(Source source, InetSocketAddress host, EgressException why) {
            heard.add(why.kind().name());
        }

        @Override
        public void addressesMissing(Source source, Set<InetAddress> addresses) {
            throw new AssertionError("nobody looks here");
        }

        @Override
        public void addressesBack(String source) {
            throw new AssertionError("nobody looks here");
        }
    };

    @Test
    void aHostSeesTheSourcesAddressAndName() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(SEVEN)) {
            deliver(rig, mx);
            assertThat(heard).containsExactly("worked");
        }
    }

    @Test
    void andSoItDoesThroughTheProxy() throws IOException {
        try (ProxyServer proxy = ProxyServer.start(PROXY);
                FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(through(proxy))) {
            deliver(rig, mx);
        }
    }

    @Test
    void andByTheProxyProtocol() throws IOException {
        try (ProxyServer proxy = ProxyServer.start(PROXY);
                FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(SEVEN.with(SourceConfig.PROXY, SourceConfig.Proxy.PROXY_V2)
                        .with(SourceConfig.PROXY_SERVER, proxy.proxyV2Address().toString().substring(1)))) {
            deliver(rig, mx);
        }
    }

    @Test
    void andUnderTlsWithTheProxyAndTheHost(@TempDir Path directory) throws IOException {
        TestCertificates certificates = new TestCertificates();
        TestCertificates.PemFiles pem = TestCertificates.write(directory, "proxy", certificates.server("localhost"));
        try (ProxyServer proxy = ProxyServer.start(PROXY.with(ProxyConfig.CERTIFICATES,
                List.of(new ListenerTls.Certificate(pem.chain(), pem.key()))));
                FakeMx mx = new FakeMx().certificate(certificates.server("mx1.dest.example"))
                        .offering("PIPELINING,STARTTLS");
                DeliveryRig rig = rig(through(proxy).with(SourceConfig.PROXY_TLS, true)
                        .with(SourceConfig.PROXY_SERVER, "localhost:" + proxy.socksAddress().getPort())
                        .with(SourceConfig.PROXY_TLS_CA,
                                Optional.of(certificates.writeAuthority(directory, "authority"))))) {
            deliver(rig, mx);
            assertThat(rig.events.getFirst().tls()).isNotNull();
            rig.send("b@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(2);
            assertThat(mx.sessions()).as("the session is in step and goes on").isEqualTo(1);
        }
    }

    @Test
    void anAddressThatIsNotHereIsNoHostsFault() {
        try (FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(SEVEN.with(SourceConfig.SOURCE_ADDRESS, List.of("192.0.2.17")))) {
            waits(rig, mx, "ADDRESS");
        }
    }

    @Test
    void anAddressThatIsNotOnTheProxyIsNoHostsFault() throws IOException {
        try (ProxyServer proxy = ProxyServer.start(PROXY);
                FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(through(proxy).with(SourceConfig.SOURCE_ADDRESS, List.of("192.0.2.17")))) {
            waits(rig, mx, "PROXY_ADDRESS");
        }
    }

    @Test
    void aWrongLoginIsNoHostsFault() throws IOException {
        try (ProxyServer proxy = ProxyServer.start(PROXY);
                FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(through(proxy).with(SourceConfig.PROXY_PASSWORD, "wrong"))) {
            waits(rig, mx, "PROXY_LOGIN");
        }
    }

    @Test
    void aDeadProxyIsNoHostsFault() {
        try (ClosedPort dead = new ClosedPort();
                FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(through(dead.port()))) {
            waits(rig, mx, "PROXY_UNREACHABLE");
        }
    }

    @Test
    void aProbeTellsAProxyThatIsDeadFromAHostThatIs() throws IOException {
        try (ClosedPort dead = new ClosedPort();
                FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(through(dead.port()))) {
            assertThatThrownBy(() -> probe(rig, mx.port())).isInstanceOf(EgressException.class);
        }
        try (ProxyServer proxy = ProxyServer.start(PROXY);
                FakeMx mx = new FakeMx();
                ClosedPort dead = new ClosedPort();
                DeliveryRig rig = rig(through(proxy))) {
            probe(rig, mx.port());
            assertThat(mx.commands()).as("nothing is said to the host").isEmpty();
            assertThatThrownBy(() -> probe(rig, dead.port())).isInstanceOf(ConnectException.class);
        }
        assertThat(heard).as("what a probe finds is told to who probes").isEmpty();
    }

    private static void probe(DeliveryRig rig, int port) throws IOException {
        Source source = requireNonNull(rig.dispatcher.sources.find(SourceConfig.DEFAULT_NAME));
        rig.dispatcher.probe(source, new InetSocketAddress(FOUR, port));
    }

    @Test
    void aDeadHostBehindAProxyIsTheHostsFault() throws IOException {
        try (ProxyServer proxy = ProxyServer.start(PROXY);
                ClosedPort dead = new ClosedPort();
                FakeMx alive = new FakeMx();
                DeliveryRig rig = rig(through(proxy))) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(DeliveryRig.host("mx1.dest.example", dead.port()),
                            DeliveryRig.host("mx2.dest.example", alive.port())),
                    false));
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery ");
            assertThat(rig.dispatcher.badHosts.size()).isEqualTo(1);
            assertThat(heard).containsExactly("worked");
        }
    }

    @Test
    void ofAHostWithBothFamiliesTheOneThatAnswersIsTaken() {
        assumeTrue(AddressWatch.isPlumbed(SIX), "this machine has no ::1");
        try (ClosedPort dead = new ClosedPort(SIX); FakeMx mx = new FakeMx(OWN, dead.port())) {
            assertTaken(AddressPreference.IPV6, OWN, mx.port());
        }
        try (FakeMx mx = new FakeMx(SIX, 0); ClosedPort _ = new ClosedPort(OWN, mx.port())) {
            assertTaken(AddressPreference.IPV4, SIX, mx.port());
        }
    }

    /** Of a host with both addresses at that port, one of which is alive. */
    private void assertTaken(AddressPreference preference, InetAddress alive, int port) {
        try (DeliveryRig rig = rig(SourceConfig.DEFAULT)) {
            rig.dispatcher.prefer(preference);
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(new MailHost("mx.example", OWN, port, 10), new MailHost("mx.example", SIX, port, 10)),
                    false));
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery ");
            assertThat(rig.events.getFirst().peer()).isEqualTo(new MessageEvent.Peer("mx.example",
                    alive.getHostAddress()));
            assertThat(rig.dispatcher.badHosts.size()).as("the dead one is remembered").isEqualTo(1);
        }
    }

    @Test
    void ofAHostWhoseAddressesAreAllDeadEachIsRemembered() {
        try (ClosedPort dead = new ClosedPort();
                ClosedPort _ = new ClosedPort(OWN, dead.port());
                FakeMx alive = new FakeMx();
                DeliveryRig rig = rig(SourceConfig.DEFAULT)) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(new MailHost("mx1.example", FOUR, dead.port(), 10),
                            new MailHost("mx1.example", OWN, dead.port(), 10),
                            DeliveryRig.host("mx2.example", alive.port())),
                    false));
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery ");
            assertThat(rig.dispatcher.badHosts.size()).isEqualTo(2);
        }
    }

    private static void deliver(DeliveryRig rig, FakeMx mx) {
        rig.route(mx);
        rig.send("a@" + DeliveryRig.DOMAIN);
        rig.awaitEvents(1);
        assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery ");
        assertThat(rig.events.getFirst().sourceAddress()).isEqualTo("127.0.0.7");
        assertThat(mx.clients()).containsOnly(InetAddress.ofLiteral("127.0.0.7"));
        assertThat(mx.commands()).contains("EHLO mta7.example.net");
    }

    /** The mail waits, uncharged, the host isn't bad, and the reason is told. */
    private void waits(DeliveryRig rig, FakeMx mx, String reason) {
        rig.route(mx);
        rig.send("a@" + DeliveryRig.DOMAIN);
        await().untilAsserted(() -> assertThat(rig.dispatcher.stats().snapshot().suspensions()).isPositive());
        assertThat(heard).containsExactly(reason);
        assertThat(rig.events).isEmpty();
        assertThat(rig.dispatcher.badHosts.size()).isZero();
        assertThat(mx.sessions()).isZero();
    }

    private static SourceConfig through(ProxyServer proxy) {
        return through(proxy.socksAddress().getPort());
    }

    private static SourceConfig through(int port) {
        return SEVEN.with(SourceConfig.PROXY, SourceConfig.Proxy.SOCKS5)
                .with(SourceConfig.PROXY_SERVER, "127.0.0.1:" + port)
                .with(SourceConfig.PROXY_USERNAME, "penstock").with(SourceConfig.PROXY_PASSWORD, "s3cret");
    }

    private DeliveryRig rig(SourceConfig config) {
        DeliveryConfig delivery = DeliveryRig.CONFIG;
        return new DeliveryRig(delivery,
                DeliveryRig.limits(10, 1_000).with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1)),
                QueueConfig.DEFAULT,
                Sources.of(GatewayConfig.embedded("gateway.test")
                        .with(GatewayConfig.SOURCES, Map.of(SourceConfig.DEFAULT_NAME, config))),
                listener);
    }
}
