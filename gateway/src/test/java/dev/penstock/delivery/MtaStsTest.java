package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.TXTRecord;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MessageEvent;
import dev.penstock.mtasts.HttpsFetch;
import dev.penstock.mtasts.StsPolicies;
import dev.penstock.mtasts.StsRouter;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.testing.FakeDns;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.OwnLoopback;
import dev.penstock.testing.TestCertificates;
import dev.penstock.tls.ClientTls;
import dev.penstock.tls.TlsResult;

/** The cases of RFC 8461, with a DNS server, an HTTPS server and a mail host of the test's own. */
@Timeout(180)
final class MtaStsTest {
    private static final String HOST = "mx.provider.example";

    private final TestCertificates authority = new TestCertificates();
    private final FakeDns dns = new FakeDns().start();
    private final Map<String, String> policies = new ConcurrentHashMap<>();
    private final AtomicInteger fetches = new AtomicInteger();
    private final ManualClock clock = new ManualClock();
    private final ConcurrentLinkedQueue<TlsResult> results = new ConcurrentLinkedQueue<>();

    @TempDir
    Path directory;

    private Path authorities;
    private HttpsServer https;
    private FakeMx mx;
    private DnsRouter router;
    private StsPolicies sts;
    private DeliveryRig rig;

    @BeforeEach
    void start() throws IOException {
        authorities = authority.writeAuthority(directory, "ca.pem");
        serve(authority, "mta-sts.a.example", "mta-sts.b.example");
        mx = new FakeMx().offering("PIPELINING").certificate(authority.server(HOST));
        router = new DnsRouter(Map.of(),
                dnsConfig(), mx.port(), OwnAddresses.NONE, System::nanoTime, Thread::startVirtualThread,
                DnsRouter.SHARED_RANDOM);
        dns.address(HOST, "127.0.0.1");
        begin();
    }

    private DnsConfig dnsConfig() {
        return DnsConfig.DEFAULT.with(DnsConfig.SERVERS, List.of(dns.server()))
                .with(DnsConfig.TIMEOUT, Duration.ofSeconds(20)).with(DnsConfig.DEADLINE, Duration.ofSeconds(50))
                .with(DnsConfig.IGNORE_NETWORKS, List.of());
    }

    private void serve(TestCertificates issuer, String... names) throws IOException {
        https = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        https.setHttpsConfigurator(new HttpsConfigurator(TestCertificates.serverContext(issuer.server(names))));
        https.createContext("/.well-known/mta-sts.txt", exchange -> {
            fetches.incrementAndGet();
            String host = exchange.getRequestHeaders().getFirst("Host");
            String port = ":" + exchange.getLocalAddress().getPort();
            String domain = host.endsWith(port) // RFC 9110 7.2
                    ? host.substring("mta-sts.".length(), host.length() - port.length())
                    : "no port in " + host;
            String text = policies.get(domain);
            boolean redirect = text != null && text.startsWith("https:");
            exchange.getResponseHeaders().set("Content-Type", domain.equals("html.example")
                    ? "text/html"
                    : "text/plain; charset=utf-8");
            if (redirect) {
                exchange.getResponseHeaders().set("Location", text);
            }
            byte[] body = text == null ? new byte[0] : text.getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(text == null ? 404 : redirect ? 301 : 200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        https.start();
    }

    /** As at a start of the gateway. */
    private void begin() {
        ClientTls tls = new ClientTls(Optional.of(authorities));
        sts = new StsPolicies(router, new HttpsFetch(router, tls, https.getAddress().getPort()), directory, clock,
                results::add);
        rig = new DeliveryRig(DeliveryRig.trusting(authorities),
                TrafficLimits.DEFAULT.with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMillis(300)), QueueConfig.DEFAULT,
                new StsRouter(router, sts, (_, _) -> true, results::add), new TlsOut(router, results::add));
    }

    @AfterEach
    void stop() {
        rig.close();
        sts.close();
        mx.close();
        https.stop(0);
        dns.close();
    }

    private void publish(String domain, String mode, String host) {
        publish(domain, "version: STSv1\nmode: " + mode + "\nmx: " + host + "\nmax_age: 604800\n", 1);
    }

    private void publish(String domain, String policy, int id) {
        policies.put(domain, policy);
        dns.mx(domain, 10, HOST).address("mta-sts." + domain, "127.0.0.1")
                .add(new TXTRecord(name("_mta-sts." + domain), DClass.IN, 300, "v=STSv1; id=" + id + ";"));
    }

    private static Name name(String text) {
        return Name.fromConstantString(text + ".");
    }

    @Test
    void anEnforcedPolicyTakesACertificateForAHostThatItNames() {
        publish("a.example", "enforce", "*.provider.example");
        assertThat(outcome("a.example")).isEqualTo("Delivery mta-sts verified");
        assertThat(rig.dispatcher.stats().snapshot().tls().byMtaSts()).isEqualTo(1);
        assertThat(results).singleElement().satisfies(result -> {
            assertThat(result.domain()).isEqualTo("a.example");
            assertThat(result.policy().kind()).isEqualTo(TlsResult.Kind.STS);
            assertThat(result.policy().lines()).contains("mode: enforce", "mx: *.provider.example");
            assertThat(result.failure()).isNull();
        });
    }

    @Test
    void mailWaitsWhenTheCertificateIsBad() {
        mx.close();
        mx = new FakeMx(); // another port, and in clear
        router.reconfigure(Map.of(), dnsConfig(), mx.port(), OwnAddresses.NONE);
        publish("a.example", "enforce", HOST);
        assertThat(outcome("a.example")).isEqualTo("TransientFailure 400 4.7.10 " + HOST + "[127.0.0.1]:" + mx.port()
                + " offers no TLS, which is required by its domain's MTA-STS policy");
        publish("b.example", "testing", HOST);
        assertThat(outcome("b.example")).isEqualTo("Delivery in clear");
        assertThat(results).extracting(result -> result.domain() + " "
                + (result.failure() == null ? "" : result.failure().type())).containsExactly(
                        "a.example starttls-not-supported", "b.example starttls-not-supported");
    }

    @Test
    void mailWaitsWhenNoHostIsNamed() {
        publish("a.example", "enforce", "mx.elsewhere.example");
        assertThat(outcome("a.example")).isEqualTo("TransientFailure 451 4.7.5 the MTA-STS policy of a.example names "
                + "none of its mail hosts (" + HOST + ")");
        assertThat(mx.sessions()).isZero();
        assertThat(results).singleElement().satisfies(
                result -> assertThat(Objects.requireNonNull(result.failure()).type()).isEqualTo("validation-failure"));
    }

    @Test
    void testingNeverFailsMail() {
        publish("a.example", "testing", "mx.elsewhere.example");
        assertThat(outcome("a.example")).isEqualTo("Delivery opportunistic verified");
    }

    @Test
    void domainsOfOneHostWithDifferentPoliciesKeepApart() {
        publish("a.example", "enforce", HOST);
        publish("b.example", "none", HOST);
        assertThat(outcome("a.example")).isEqualTo("Delivery mta-sts verified");
        assertThat(outcome("b.example")).isEqualTo("Delivery opportunistic verified");
        assertThat(mx.sessions()).isEqualTo(2);
        assertThat(mx.messages()).extracting(FakeMx.Received::session).doesNotHaveDuplicates();
    }

    @Test
    void aPolicyThatCanNotBeHadIsNoneUnlessThereWasOne() {
        publish("a.example", "enforce", HOST);
        publish("c.example", "enforce", HOST); // whose certificate is for others
        assertThat(outcome("a.example")).isEqualTo("Delivery mta-sts verified");
        assertThat(outcome("c.example")).isEqualTo("Delivery opportunistic verified");
        assertThat(results).anySatisfy(result -> {
            assertThat(result.domain()).isEqualTo("c.example");
            assertThat(Objects.requireNonNull(result.failure()).type()).isEqualTo("sts-webpki-invalid");
        });
        assertThat(fetches).hasValue(1);
        policies.remove("a.example"); // 404 from now on
        clock.advance(Duration.ofDays(2));
        assertThat(sts.find("a.example").join()).isNotNull();
        await().until(() -> sts.stats().failures() == 2);
        assertThat(sts.find("a.example").join()).isNotNull();
        clock.advance(Duration.ofDays(6));
        assertThat(sts.find("a.example").join()).isNull();
    }

    @Test
    void aPolicyIsFetchedFromTheNextAddressWhenTheFirstDoesNotAnswer() {
        publish("a.example", "enforce", HOST);
        dns.remove("mta-sts.a.example").address("mta-sts.a.example", OwnLoopback.address().getHostAddress())
                .address("mta-sts.a.example", "127.0.0.1"); // nobody is at the first
        assertThat(outcome("a.example")).isEqualTo("Delivery mta-sts verified");
        assertThat(fetches).hasValue(1);
    }

    @Test
    void aRedirectIsNotFollowed() {
        publish("a.example", "https://mta-sts.b.example/.well-known/mta-sts.txt", 1);
        publish("b.example", "enforce", HOST);
        assertThat(sts.find("a.example").join()).isNull();
        assertThat(fetches).hasValue(1);
    }

    @Test
    void aNewIdIsFollowedAndTheSameOneIsNotFetchedAgain() {
        publish("a.example", "enforce", HOST);
        assertThat(sts.find("a.example").join()).isNotNull();
        clock.advance(Duration.ofHours(2));
        assertThat(sts.find("a.example").join()).isNotNull();
        await().until(() -> dns.count("TXT _mta-sts.a.example") == 2);
        assertThat(fetches).hasValue(1);
        dns.remove("_mta-sts.a.example");
        publish("a.example", "version: STSv1\nmode: none\nmax_age: 86400\n", 2);
        clock.advance(Duration.ofHours(2));
        await().until(() -> sts.find("a.example").join() == null);
        assertThat(fetches).hasValue(2);
    }

    @Test
    void aPolicyOutlivesARestart() {
        publish("a.example", "enforce", HOST);
        assertThat(outcome("a.example")).isEqualTo("Delivery mta-sts verified");
        rig.close();
        sts.close();
        dns.remove("_mta-sts.a.example");
        begin();
        assertThat(outcome("a.example")).isEqualTo("Delivery mta-sts verified");
        assertThat(fetches).hasValue(1);
    }

    /** Of a message to the domain: what the first event says. */
    private String outcome(String domain) {
        rig.send("a@" + domain);
        await().atMost(Duration.ofSeconds(60))
                .until(() -> rig.events.stream().anyMatch(e -> e.domain().equals(domain)));
        MessageEvent event = rig.events.stream().filter(e -> e.domain().equals(domain)).findFirst().orElseThrow();
        if (event.type() != MessageEvent.Type.DELIVERY) {
            return event.type().label() + " " + event.response().code() + " " + event.response().enhanced() + " "
                    + event.response().text();
        }
        MessageEvent.Tls tls = event.tls();
        return "Delivery " + (tls == null ? "in clear" : tls.policy() + " " + tls.result());
    }
}
