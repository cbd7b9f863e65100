package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.DClass;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.testing.FakeDns;

/** What is kept for how long. Limits are those of {@link Routers#CONFIG}: TTL 30 s to 1 h, negative 10 m, stale 30 m. */
class RouteCacheTest {
    /** For names of five characters 64 KB have room. */
    private static final int THOUSANDS = 2_900;

    private final Routers at = new Routers();
    private final FakeDns dns = at.dns;

    @AfterEach
    void stop() {
        at.close();
    }

    @Test
    void anAnswerIsKeptForItsTtl() {
        dns.ttl(300).mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        at.advance(Duration.ofSeconds(299));
        at.hosts("example.com");
        assertThat(dns.count("MX example.com")).isEqualTo(1);
        assertThat(at.router.stats().hits()).isEqualTo(1);
        assertThat(at.router.stats().misses()).isEqualTo(1);
        assertThat(at.router.stats().staleServed()).isZero();
        at.advance(Duration.ofSeconds(1));
        at.hosts("example.com");
        assertThat(at.router.stats().staleServed()).isEqualTo(1);
        awaitQuestions("MX example.com", 2);
    }

    @Test
    void aTtlBelowTheLeastIsRaisedToIt() {
        dns.ttl(0).mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        at.advance(Duration.ofSeconds(29));
        at.hosts("example.com");
        assertThat(at.router.stats().staleServed()).isZero();
        at.advance(Duration.ofSeconds(2));
        at.hosts("example.com");
        assertThat(at.router.stats().staleServed()).isEqualTo(1);
    }

    @Test
    void aTtlOverTheMostIsCutToIt() {
        dns.ttl(2_000_000_000L).mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        at.advance(Duration.ofMinutes(59));
        at.hosts("example.com");
        assertThat(at.router.stats().staleServed()).isZero();
        at.advance(Duration.ofMinutes(2));
        at.hosts("example.com");
        assertThat(at.router.stats().staleServed()).isEqualTo(1);
    }

    @Test
    void hostAddressesExpireByThemselvesAndMxRecordsAreNotAskedForAgain() {
        dns.ttl(3_000).mx("example.com", 10, "mx.example.net").ttl(60).address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        dns.remove("mx.example.net").address("mx.example.net", "127.0.0.12");
        at.advance(Duration.ofSeconds(61));
        assertThat(at.targets("example.com")).as("stale").containsExactly("mx.example.net/127.0.0.11:2526");
        await().untilAsserted(() -> assertThat(at.targets("example.com"))
                .containsExactly("mx.example.net/127.0.0.12:2526"));
        assertThat(dns.count("MX example.com")).isEqualTo(1);
    }

    @Test
    void noSuchDomainIsKeptAsLongAsTheSoaSays() {
        dns.negativeTtl(120);
        at.failure("nowhere.example");
        at.advance(Duration.ofSeconds(119));
        at.failure("nowhere.example");
        assertThat(dns.count("MX nowhere.example")).isEqualTo(1);
        at.advance(Duration.ofSeconds(2));
        dns.address("nowhere.example", "127.0.0.11");
        assertThat(at.hosts("nowhere.example").hosts()).as("a refusal is never served stale").hasSize(1);
    }

    @Test
    void noSuchDomainIsKeptNoLongerThanConfigured() {
        dns.negativeTtl(86_400);
        at.failure("nowhere.example");
        at.advance(Duration.ofMinutes(10).minusSeconds(1));
        at.failure("nowhere.example");
        assertThat(dns.count("MX nowhere.example")).isEqualTo(1);
        at.advance(Duration.ofSeconds(2));
        at.failure("nowhere.example");
        assertThat(dns.count("MX nowhere.example")).isEqualTo(2);
    }

    @Test
    void noSuchDomainWithoutASoaIsKeptOnlyBriefly() {
        dns.fail("nowhere.example", Rcode.NXDOMAIN);
        at.failure("nowhere.example");
        at.advance(Duration.ofSeconds(29));
        at.failure("nowhere.example");
        assertThat(dns.count("MX nowhere.example")).isEqualTo(1);
        at.advance(Duration.ofSeconds(2));
        at.failure("nowhere.example");
        assertThat(dns.count("MX nowhere.example")).isEqualTo(2);
    }

    @Test
    void dnsTroubleIsKeptBriefly() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        dns.servfail("example.com");
        at.failure("example.com");
        dns.heal("example.com");
        at.advance(Duration.ofSeconds(14));
        at.failure("example.com");
        assertThat(dns.count("MX example.com")).isEqualTo(1);
        at.advance(Duration.ofSeconds(2));
        assertThat(at.hosts("example.com").hosts()).hasSize(1);
    }

    @Test
    void aThousandCallersAtOnceAreOneLookUp() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        CountDownLatch gate = dns.hold("example.com");
        List<CompletableFuture<Route>> routes = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            routes.add(at.router.route("example.com"));
        }
        assertThat(routes).noneMatch(CompletableFuture::isDone);
        gate.countDown();
        for (CompletableFuture<Route> route : routes) {
            assertThat(route.join()).isInstanceOf(Route.Hosts.class);
        }
        assertThat(dns.questions()).containsExactlyInAnyOrder("MX example.com", "A mx.example.net",
                "AAAA mx.example.net");
        assertThat(at.router.stats().misses()).isEqualTo(1_000);
    }

    @Test
    void aStaleAnswerIsServedAtOnceAndRenewedByOneLookUp() {
        dns.ttl(300).mx("example.com", 10, "old.example.net").address("old.example.net", "127.0.0.11");
        at.hosts("example.com");
        dns.remove("example.com").mx("example.com", 10, "new.example.net").address("new.example.net", "127.0.0.12");
        CountDownLatch gate = dns.hold("example.com");
        at.advance(Duration.ofSeconds(301));
        for (int i = 0; i < 100; i++) {
            CompletableFuture<Route> route = at.router.route("example.com");
            assertThat(route).isDone();
            assertThat(at.targets("example.com")).containsExactly("old.example.net/127.0.0.11:2526");
        }
        gate.countDown();
        await().untilAsserted(() -> assertThat(at.targets("example.com"))
                .containsExactly("new.example.net/127.0.0.12:2526"));
        assertThat(dns.count("MX example.com")).isEqualTo(2);
        assertThat(at.router.stats().refreshes()).isEqualTo(1);
        assertThat(at.router.stats().failedRefreshes()).isZero();
    }

    @Test
    void aFailedRefreshKeepsTheStaleAnswerUntilItsEnd() {
        dns.ttl(300).mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        dns.servfail("example.com");
        at.advance(Duration.ofSeconds(301));
        at.hosts("example.com");
        await().untilAsserted(() -> assertThat(at.router.stats().failedRefreshes()).isEqualTo(1));
        at.hosts("example.com");
        assertThat(dns.count("MX example.com")).as("no second try within failure-ttl").isEqualTo(2);
        at.advance(Duration.ofSeconds(16));
        at.hosts("example.com");
        awaitQuestions("MX example.com", 3);
        at.advance(Duration.ofMinutes(30).minusSeconds(20));
        at.hosts("example.com");
        at.advance(Duration.ofSeconds(10));
        assertThat(at.failure("example.com").permanent()).isFalse();
    }

    @Test
    void aRefreshThatLearnsOfTheDomainsEndReplacesTheStaleAnswer() {
        dns.ttl(300).mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        dns.remove("example.com").remove("com");
        at.advance(Duration.ofSeconds(301));
        at.hosts("example.com");
        await().untilAsserted(() -> assertThat(at.failure("example.com").enhanced()).isEqualTo("5.1.2"));
    }

    @Test
    void anIncompleteAnswerIsLookedUpAgainSoon() {
        dns.ttl(300).mx("example.com", 10, "broken.example.net").mx("example.com", 20, "mx.example.net")
                .address("mx.example.net", "127.0.0.11").address("broken.example.net", "127.0.0.12");
        dns.servfail("broken.example.net");
        assertThat(at.targets("example.com")).hasSize(1);
        dns.heal("broken.example.net");
        at.advance(Duration.ofSeconds(16));
        at.hosts("example.com");
        await().untilAsserted(() -> assertThat(at.targets("example.com")).hasSize(2));
        assertThat(dns.count("MX example.com")).as("its MX records are still fresh").isEqualTo(1);
    }

    @Test
    void flushForgetsTheDomainAndItsHosts() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        dns.remove("mx.example.net").address("mx.example.net", "127.0.0.12");
        at.router.flush("Example.com");
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.12:2526");
    }

    @Test
    void newRoutesApplyFromTheNextCallOn() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        at.hosts("example.com");
        Map<String, RouteConfig> routes = Map.of("Example.com", new RouteConfig(List.of("192.0.2.1:26"), false));
        at.router.reconfigure(routes, at.config(Routers.CONFIG), Routers.SMTP_PORT, Routers.OWN);
        assertThat(at.targets("example.com")).containsExactly("192.0.2.1/192.0.2.1:26");
        at.router.reconfigure(Map.of(), at.config(Routers.CONFIG), Routers.SMTP_PORT, Routers.OWN);
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.11:2526");
        assertThat(dns.count("MX example.com")).as("what was known is still known").isEqualTo(1);
    }

    @Test
    void aNewPortAppliesToKnownDomainsAndToLookUpsUnderWay() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        CountDownLatch gate = dns.hold("example.com");
        CompletableFuture<Route> underWay = at.router.route("example.com");
        at.router.reconfigure(Map.of(), at.config(Routers.CONFIG), 2527, Routers.OWN);
        gate.countDown();
        underWay.join();
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.11:2527");
    }

    @Test
    void wrongRoutesLeaveTheOldOnesInForce() {
        dns.address("example.com", "127.0.0.11");
        assertThatThrownBy(() -> at.router.reconfigure(Map.of("*", new RouteConfig(List.of("a b"), false)),
                at.config(Routers.CONFIG), Routers.SMTP_PORT, Routers.OWN))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(at.targets("example.com")).containsExactly("example.com/127.0.0.11:2526");
    }

    private void awaitQuestions(String question, int count) {
        await().untilAsserted(() -> assertThat(dns.count(question)).isEqualTo(count));
    }

    @Test
    void ofAnAnswerWithThousandsOfHostsTheBestAreKept() {
        DnsConfig c = Routers.CONFIG; // but for a server that takes its time with so much
        try (Routers at = new Routers(
                c.with(DnsConfig.SERVERS, List.of()).with(DnsConfig.TIMEOUT, Duration.ofSeconds(20))
                        .with(DnsConfig.DEADLINE, Duration.ofSeconds(60)).with(DnsConfig.IGNORE_NETWORKS, List.of()))) {
            manyHosts(at, "big.example", THOUSANDS);
            assertThat(at.targets("big.example")).hasSize(HostList.MAX_HOSTS)
                    .allMatch(target -> target.startsWith("a"));
            assertThat(at.hosts("big.example").site().name()).startsWith("(a0|a1|").doesNotContain("z");
            assertThat(at.dns.questions()).contains("TCP MX big.example")
                    .filteredOn(question -> question.startsWith("A ")).hasSize(10);
        }
    }

    @Test
    void whatIsKeptOfThemIsTheSameInWhateverOrderTheyCome() {
        List<Record> records = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            records.add(new MXRecord(name("x.example"), DClass.IN, 60, 10, name("h" + i + ".example")));
            records.add(new MXRecord(name("x.example"), DClass.IN, 60, 20, name("h" + i + ".example")));
        }
        List<Record> kept = KeptRecords.of(records);
        assertThat(kept).hasSize(KeptRecords.MAX_MX).allMatch(each -> ((MXRecord) each).getPriority() == 10);
        Collections.shuffle(records, new Random(1));
        assertThat(KeptRecords.of(records)).isEqualTo(kept);
    }

    @Test
    void aDomainThatTakesMuchRoomTakesThatOfSeveral() {
        DnsConfig c = Routers.CONFIG;
        int room = 40;
        try (Routers at = new Routers(c.with(DnsConfig.SERVERS, List.of()).with(DnsConfig.CACHE_SIZE, room)
                .with(DnsConfig.IGNORE_NETWORKS, List.of()))) {
            for (int domain = 0; domain < room; domain++) {
                String name = "d" + domain + ".example";
                for (int host = 0; host < KeptRecords.MAX_MX; host++) {
                    String longName = "h" + host + "." + "x".repeat(63) + "." + "y".repeat(63) + "." + name;
                    at.dns.mx(name, 10, longName).address(longName, "192.0.2.1");
                }
                at.hosts(name);
            }
            await().until(() -> at.router.stats().domains() <= room / 4);
        }
    }

    private static void manyHosts(Routers at, String domain, int hosts) {
        for (int i = 0; i < hosts; i++) {
            // the best are a0 to a19, in the midst of the others
            boolean best = i >= hosts / 2 && i < hosts / 2 + KeptRecords.MAX_MX;
            String host = best ? "a" + (i - hosts / 2) + "." + domain : "z" + i + "." + domain;
            at.dns.mx(domain, best ? 10 : 20, host);
            at.dns.address(host, "192.0.2.1");
        }
    }

    private static Name name(String text) {
        return Objects.requireNonNull(DomainNames.toName(text));
    }
}
