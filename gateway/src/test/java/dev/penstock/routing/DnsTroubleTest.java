package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.DnsConfig;
import dev.penstock.testing.FakeDns;
import dev.penstock.testing.Patience;

/** Servers that are dead, slow, forged or overloaded. */
class DnsTroubleTest {
    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    @Test
    void anAnswerThatDoesntFitIsFetchedOverTcp() {
        Routers at = with(Routers.CONFIG);
        at.dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.dns.truncate("example.com");
        assertThat(at.hosts("example.com").hosts()).hasSize(1);
        assertThat(at.dns.questions()).contains("MX example.com", "TCP MX example.com");
        assertThat(at.router.stats().overTcp()).isEqualTo(1);
    }

    @Test
    void anAnswerLargerThanADatagramIsReadWhole() {
        Routers at = with(Routers.CONFIG);
        at.dns.mx("example.com", 10, "mx.example.net");
        for (int i = 0; i < 200; i++) {
            at.dns.address("mx.example.net", "127.0.3." + i);
        }
        assertThat(at.hosts("example.com").hosts()).hasSize(2);
        assertThat(at.dns.questions()).contains("TCP A mx.example.net");
    }

    @Test
    void aServerWithoutEdnsIsAskedAgainWithout() {
        Routers at = with(Routers.CONFIG);
        at.dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.dns.forgetEdns();
        assertThat(at.hosts("example.com").hosts()).hasSize(1);
        assertThat(at.dns.count("MX example.com")).isEqualTo(2);
    }

    @Test
    void anAnswerToAnotherQuestionIsIgnored() {
        Routers at = with(Routers.CONFIG.with(DnsConfig.TIMEOUT, Duration.ofSeconds(1)));
        at.dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.dns.forge("example.com");
        Route.Failure failure = at.failure("example.com");
        assertThat(failure.permanent()).isFalse();
        assertThat(failure.text()).contains("no answer from");
        assertThat(at.router.stats().mismatched()).isPositive();
    }

    @Test
    void aSilentServerIsAskedOnceAndThenLeftInPeace() {
        FakeDns silent = start();
        silent.silenceAll();
        FakeDns good = start();
        Routers at = with(servers(silent.server(), good.server()).with(DnsConfig.TIMEOUT, Duration.ofSeconds(3)));
        for (int i = 0; i < 20; i++) {
            good.address("d" + i + ".example", "127.0.0.11");
            assertThat(at.hosts("d" + i + ".example").hosts()).hasSize(1);
        }
        assertThat(silent.questions()).hasSize(1);
        assertThat(at.router.stats().timeouts()).isEqualTo(1);
    }

    @Test
    void aLostDatagramIsSentAgainLongBeforeTheTimeOut() {
        Routers at = with(limits(Duration.ofSeconds(50), Duration.ofSeconds(50), 16));
        at.dns.address("example.com", "127.0.0.11");
        at.dns.loseOne("example.com");
        assertThat(at.hosts("example.com").hosts()).hasSize(1);
        assertThat(at.router.stats().timeouts()).isZero();
        assertThat(at.dns.count("MX example.com")).isEqualTo(1);
        assertThat(at.dns.datagrams("MX example.com")).isGreaterThanOrEqualTo(2);
    }

    @Test
    void aClosedPortCostsNoTimeOut() throws IOException {
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        try (DatagramSocket holder = new DatagramSocket(0, loopback)) {
            holder.connect(loopback, 1); // who isn't that one finds the port closed, and nobody else can take it
            FakeDns good = start();
            good.address("example.com", "127.0.0.11");
            Routers at = with(servers("127.0.0.1:" + holder.getLocalPort(), good.server()));
            assertThat(at.hosts("example.com").hosts()).hasSize(1);
            assertThat(at.router.stats().timeouts()).isZero();
            assertThat(at.router.stats().serverFailures()).isEqualTo(1);
        }
    }

    @Test
    void aServerThatFailsIsMadeUpForByTheNext() {
        FakeDns failing = start();
        failing.servfail("example.com");
        FakeDns good = start();
        good.address("example.com", "127.0.0.11");
        failing.address("example.com", "127.0.0.11");
        Routers at = with(servers(failing.server(), good.server()));
        assertThat(at.hosts("example.com").hosts()).hasSize(1);
        assertThat(failing.count("MX example.com")).isEqualTo(1);
    }

    @Test
    void lookUpsBeyondTheBoundWaitAndTheirCallersDoNot() {
        int bound = 4;
        Routers at = with(limits(Duration.ofSeconds(50), Duration.ofSeconds(50), bound));
        CountDownLatch gate = at.dns.hold("d0.example");
        List<CompletableFuture<Route>> routes = new ArrayList<>();
        int domains = 100;
        for (int i = 0; i < domains; i++) {
            at.dns.address("d" + i + ".example", "127.0.0.11");
            routes.add(at.router.route("d" + i + ".example"));
        }
        await().untilAsserted(() -> assertThat(at.router.stats().inFlight()).isEqualTo(bound));
        RoutingStats stats = at.router.stats();
        assertThat(stats.running()).isEqualTo(bound);
        assertThat(stats.waiting()).isEqualTo(domains - bound);
        assertThat(stats.queries()).as("some may have been sent again").isGreaterThanOrEqualTo(bound);
        gate.countDown();
        for (CompletableFuture<Route> route : routes) {
            assertThat(route.orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join())
                    .isInstanceOf(Route.Hosts.class);
        }
        await().untilAsserted(() -> assertThat(at.router.stats().running()).isZero());
        assertThat(at.router.stats().inFlight()).isZero();
    }

    @Test
    void eachQuestionHasTheDeadlineForItself() {
        Duration deadline = Duration.ofSeconds(8);
        Routers at = with(limits(deadline, deadline, 16));
        at.dns.delay(Duration.ofMillis(4_500)); // two are longer than the deadline, and one far from it
        at.dns.mx("a.example", 10, "mx.example.net").mx("b.example", 10, "mx.example.net")
                .address("mx.example.net", "127.0.0.11");
        CompletableFuture<Route> first = at.router.route("a.example");
        CompletableFuture<Route> joined = at.router.route("b.example");
        assertThat(at.hosts("a.example")).isEqualTo(first.join());
        assertThat(at.hosts("b.example")).isEqualTo(joined.join());
        assertThat(at.dns.count("A mx.example.net")).isEqualTo(1);
    }

    @Test
    void aServerThatStartsAnewCostsNobodyARouteButThoseItWasSilentTo() {
        int bound = 8;
        Routers at = with(limits(Duration.ofSeconds(2), Duration.ofSeconds(20), bound));
        at.dns.silenceAll();
        List<CompletableFuture<Route>> routes = flood(at, 1_000);
        await().until(() -> at.router.stats().silence() > 0);
        assertThat(at.router.stats().waiting()).isPositive();
        assertThat(at.router.stats().longestWait()).isPositive();
        at.dns.speak();
        assertThat(failures(routes)).as("the first round of questions, and a probe").isBetween(1L, 2L * bound);
        assertThat(at.router.stats().silence()).isZero();
    }

    @Test
    void whatWaitsForDeadServersIsAskedOfNewOnes() {
        int bound = 8;
        FakeDns dead = start();
        dead.silenceAll();
        Routers at = with(Routers.IMPATIENT.with(DnsConfig.SERVERS, List.of(dead.server())));
        List<CompletableFuture<Route>> routes = flood(at, 1_000);
        await().until(() -> at.router.stats().silence() > 0);
        at.router.reconfigure(Map.of(), at.config(limits(Duration.ofSeconds(20), Duration.ofSeconds(50), bound)),
                Routers.SMTP_PORT, Routers.OWN);
        assertThat(failures(routes)).isBetween(1L, 2L * Routers.CONFIG.maxInFlight());
    }

    @Test
    void domainsThatWaitForOneSilentHostCostNoThreads() {
        AtomicInteger tasks = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        int bound = 16;
        Routers at = new Routers(limits(Duration.ofMillis(400), Duration.ofSeconds(5), bound), work -> () -> {
            most.accumulateAndGet(tasks.incrementAndGet(), Math::max);
            try {
                work.run();
            } finally {
                tasks.decrementAndGet();
            }
        });
        open.add(at);
        at.dns.silence("mx.example.net");
        List<CompletableFuture<Route>> routes = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            at.dns.mx("d" + i + ".example", 10, "mx.example.net");
            routes.add(at.router.route("d" + i + ".example"));
        }
        assertThat(failures(routes)).isEqualTo(1_000);
        assertThat(at.dns.count("A mx.example.net")).as("two rounds").isLessThanOrEqualTo(2);
        assertThat(most.get()).as("those that ask, and some that hand on an answer").isLessThan(4 * bound);
    }

    @Test
    void deadDnsIsKnownForAWhileAndForgottenOnceItIsBack() {
        Routers at = with(Routers.CONFIG.with(DnsConfig.TIMEOUT, Duration.ofMillis(1_500)));
        at.dns.address("example.com", "127.0.0.11");
        at.dns.silenceAll();
        assertThat(at.failure("example.com").text()).contains("no answer from");
        long asked = at.router.stats().queries();
        at.failure("example.com");
        assertThat(at.router.stats().queries()).isEqualTo(asked);
        at.dns.speak();
        at.advance(Routers.CONFIG.failureTtl().plusSeconds(1));
        assertThat(at.hosts("example.com").hosts()).hasSize(1);
    }

    /** dnsjava's own client looks at time-outs only while nothing arrives. */
    @Test
    void timeOutsComeInTimeUnderASteadyStreamOfAnswers() {
        Routers at = with(limits(Duration.ofSeconds(2), Duration.ofSeconds(20), 16));
        at.dns.silence("silent.example");
        at.dns.address("mx.example.net", "127.0.0.11");
        long begun = System.nanoTime();
        CompletableFuture<Route> silent = at.router.route("silent.example");
        int answered = 0;
        while (!silent.isDone()) {
            at.dns.mx("d" + answered + ".example", 10, "mx.example.net");
            at.hosts("d" + answered + ".example");
            answered++;
        }
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        assertThat(silent.join()).isInstanceOf(Route.Failure.class);
        assertThat(answered).isGreaterThan(5);
        assertThat(took).as("two tries of two seconds, and room for a busy machine").isBetween(Duration.ofMillis(3_900),
                Patience.LONG);
    }

    @Test
    void afterTheExecutorsEndRoutesFailForNow() {
        Routers at = with(Routers.CONFIG);
        at.executor.shutdownNow();
        assertThat(at.failure("example.com").permanent()).isFalse();
    }

    private static List<CompletableFuture<Route>> flood(Routers at, int domains) {
        List<CompletableFuture<Route>> routes = new ArrayList<>();
        for (int i = 0; i < domains; i++) {
            at.dns.address("d" + i + ".example", "127.0.0.11");
            routes.add(at.router.route("d" + i + ".example"));
        }
        return routes;
    }

    private static long failures(List<CompletableFuture<Route>> routes) {
        return routes.stream().map(route -> route.orTimeout(60, TimeUnit.SECONDS).join())
                .filter(Route.Failure.class::isInstance).count();
    }

    private Routers with(DnsConfig config) {
        Routers at = new Routers(config);
        open.add(at);
        return at;
    }

    private FakeDns start() {
        FakeDns dns = new FakeDns().start();
        open.add(dns);
        return dns;
    }

    private static DnsConfig servers(String... servers) {
        DnsConfig c = Routers.CONFIG;
        return c.with(DnsConfig.SERVERS, List.of(servers));
    }

    private static DnsConfig limits(Duration timeout, Duration deadline, int maxInFlight) {
        DnsConfig c = Routers.CONFIG;
        return c.with(DnsConfig.SERVERS, List.of()).with(DnsConfig.TIMEOUT, timeout).with(DnsConfig.DEADLINE, deadline)
                .with(DnsConfig.MAX_IN_FLIGHT, maxInFlight);
    }
}
