package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.Rcode;

import dev.penstock.config.MaildirConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.testing.FakeDns;

/** Which hosts, in which order, or which refusal: RFC 5321 5.1, RFC 7505. */
class DnsRouterTest {
    private final Routers at = new Routers();
    private final FakeDns dns = at.dns;

    @AfterEach
    void stop() {
        at.close();
    }

    @Test
    void hostsAreTriedInTheOrderOfPreference() {
        dns.mx("example.com", 30, "c.example.net").mx("example.com", 10, "a.example.net")
                .mx("example.com", 20, "b.example.net").address("a.example.net", "127.0.0.11")
                .address("b.example.net", "127.0.0.12").address("c.example.net", "127.0.0.13");
        assertThat(at.targets("example.com")).containsExactly("a.example.net/127.0.0.11:2526",
                "b.example.net/127.0.0.12:2526", "c.example.net/127.0.0.13:2526");
        assertThat(at.hosts("example.com").hosts()).extracting(MailHost::preference).containsExactly(10, 20, 30);
    }

    @Test
    void equalPreferencesAreShuffledAnewAtEachCall() {
        for (String host : List.of("a", "b", "c")) {
            dns.mx("example.com", 10, host + ".example.net").address(host + ".example.net", "127.0.0.11");
        }
        dns.mx("example.com", 5, "first.example.net").address("first.example.net", "127.0.0.12");
        Map<String, Integer> orders = new HashMap<>();
        int calls = 6_000;
        for (int i = 0; i < calls; i++) {
            List<String> order = at.targets("example.com");
            assertThat(order.getFirst()).startsWith("first.");
            orders.merge(order.subList(1, 4).toString(), 1, Integer::sum);
        }
        // seed 42; a sixth each, five standard deviations of room
        assertThat(orders).hasSize(6);
        orders.forEach((order, count) -> assertThat(count).as(order).isCloseTo(calls / 6, within(150)));
    }

    @Test
    void eachAddressOfAHostComesFirstInItsTurnAndTwoOfEachFamilyAreTried() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11", "127.0.0.12", "127.0.0.13",
                "2001:db8::1");
        Map<String, Integer> first = new HashMap<>();
        for (int i = 0; i < 3_000; i++) {
            List<MailHost> hosts = at.hosts("example.com").hosts();
            assertThat(hosts).hasSize(3);
            assertThat(hosts.getLast().addressText()).isEqualTo("2001:db8:0:0:0:0:0:1");
            first.merge(hosts.getFirst().addressText(), 1, Integer::sum);
        }
        assertThat(first).hasSize(3);
        first.forEach((address, count) -> assertThat(count).as(address).isCloseTo(1_000, within(150)));
    }

    @Test
    void aThousandMxHostsMakeOnlyAFewLookUpsAndTargets() {
        for (int i = 0; i < 60; i++) {
            dns.mx("example.com", 10, "mx" + i + ".example.net").address("mx" + i + ".example.net", "127.0.0.11");
        }
        assertThat(at.targets("example.com")).hasSize(HostList.MAX_HOSTS);
        assertThat(dns.questions().stream().filter(question -> question.startsWith("A "))).hasSize(10);
        assertThat(at.hosts("example.com").site().name()).hasSizeLessThanOrEqualTo(SiteNames.MAX_LENGTH)
                .startsWith("mx0.example.net+19~");
    }

    @Test
    void aDomainWithoutMxIsItsOwnHost() {
        dns.address("example.com", "127.0.0.11", "::1");
        assertThat(at.targets("example.com")).containsExactly("example.com/127.0.0.11:2526",
                "example.com/0:0:0:0:0:0:0:1:2526");
        assertThat(at.hosts("example.com").site()).isEqualTo(new Site("example.com"));
    }

    @Test
    void aNullMxIsRefusedForGood() {
        dns.mx("example.com", 0, ".").address("example.com", "127.0.0.11");
        assertThat(at.failure("example.com")).isEqualTo(
                new Route.Failure(true, 556, "5.1.10", "example.com takes no mail (null MX)"));
        assertThat(at.router.stats().nullMx()).isEqualTo(1);
    }

    @Test
    void anUnknownDomainIsRefusedForGood() {
        assertThat(at.failure("nowhere.example"))
                .isEqualTo(new Route.Failure(true, 550, "5.1.2", "no such domain: nowhere.example"));
    }

    @Test
    void aDomainWithNeitherMxNorAddressIsRefusedForGood() {
        dns.alias("www.example.com", "elsewhere.example.net");
        assertThat(at.failure("example.com"))
                .isEqualTo(new Route.Failure(true, 550, "5.4.4", "example.com has no MX and no address"));
    }

    @Test
    void mxHostsThatDontExistRefuseForGood() {
        dns.mx("example.com", 10, "gone.example.net").mx("example.com", 20, "gone-too.example.net");
        assertThat(at.failure("example.com")).isEqualTo(new Route.Failure(true, 550, "5.4.4",
                "none of the mail hosts of example.com has an address"));
    }

    @Test
    void oneMxHostThatCantBeLookedUpMakesTheFailureTemporary() {
        dns.mx("example.com", 10, "gone.example.net").mx("example.com", 20, "broken.example.net");
        dns.servfail("broken.example.net");
        Route.Failure failure = at.failure("example.com");
        assertThat(failure.permanent()).isFalse();
        assertThat(failure.code()).isEqualTo(451);
        assertThat(failure.enhanced()).isEqualTo("4.4.3");
        assertThat(failure.text()).contains("example.com").contains("SERVFAIL");
    }

    @Test
    void hostsThatResolveAreUsedWhileOthersDont() {
        dns.mx("example.com", 10, "broken.example.net").mx("example.com", 20, "mx.example.net")
                .address("mx.example.net", "127.0.0.11");
        dns.servfail("broken.example.net");
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.11:2526");
    }

    @Test
    void aHostThatFailsForIpv6OnlyIsUsedByIpv4() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11");
        dns.failType("mx.example.net", "AAAA", Rcode.SERVFAIL);
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.11:2526");
    }

    @Test
    void refusedAndServfailAndSilenceAreTemporary() {
        dns.servfail("servfail.example");
        dns.fail("refused.example", Rcode.REFUSED);
        for (String domain : List.of("servfail.example", "refused.example")) {
            assertTemporary(at, domain);
        }
        assertThat(at.router.stats().timeouts()).isZero();
        assertThat(at.router.stats().serverFailures()).isEqualTo(2);
        assertThat(at.router.stats().trouble()).isEqualTo(2);
        try (Routers impatient = new Routers(Routers.IMPATIENT)) {
            impatient.dns.silence("silent.example");
            assertTemporary(impatient, "silent.example");
            assertThat(impatient.router.stats().timeouts()).isEqualTo(2);
            assertThat(impatient.router.stats().serverFailures()).isZero();
            assertThat(impatient.router.stats().trouble()).isEqualTo(1);
        }
    }

    private static void assertTemporary(Routers at, String domain) {
        Route.Failure failure = at.failure(domain);
        assertThat(failure.permanent()).as(domain).isFalse();
        assertThat(failure.code() + " " + failure.enhanced()).as(domain).isEqualTo("451 4.4.3");
    }

    @Test
    void aliasesAreFollowedForDomainsAndForHosts() {
        dns.alias("example.com", "hosted.example.org").alias("hosted.example.org", "real.example.org")
                .mx("real.example.org", 10, "mx.example.net").alias("mx.example.net", "host.example.net")
                .address("host.example.net", "127.0.0.11");
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.11:2526");
    }

    @Test
    void anAliasIntoAnotherServersZoneIsAskedForAgain() {
        dns.alias("example.com", "hosted.example.org").mx("hosted.example.org", 10, "mx.example.net")
                .address("mx.example.net", "127.0.0.11");
        dns.answerAliasOnly("example.com");
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.11:2526");
        assertThat(dns.count("MX hosted.example.org")).isEqualTo(1);
    }

    @Test
    void anAliasToNowhereIsNoSuchDomain() {
        dns.alias("example.com", "nowhere.example.org");
        assertThat(at.failure("example.com").enhanced()).isEqualTo("5.1.2");
    }

    @Test
    void aliasesInACircleEndAsDnsTrouble() {
        dns.alias("a.example", "b.example").alias("b.example", "a.example");
        dns.answerAliasOnly("a.example");
        dns.answerAliasOnly("b.example");
        Route.Failure failure = at.failure("a.example");
        assertThat(failure.permanent()).isFalse();
        assertThat(failure.text()).contains("aliases (CNAME)");
        assertThat(dns.questions()).hasSizeLessThan(20);
    }

    @Test
    void ourOwnNameAndAllThatRankNoBetterAreLeftOut() {
        dns.mx("example.com", 10, "better.example.net").mx("example.com", 20, "Gateway.Example")
                .mx("example.com", 20, "equal.example.net").mx("example.com", 30, "worse.example.net");
        for (String host : List.of("better.example.net", "equal.example.net", "worse.example.net")) {
            dns.address(host, "127.0.0.11");
        }
        dns.address("gateway.example", "127.0.0.99");
        assertThat(at.targets("example.com")).containsExactly("better.example.net/127.0.0.11:2526");
        assertThat(at.hosts("example.com").site().name()).isEqualTo("better.example.net");
    }

    @Test
    void ourOwnListeningAddressIsALoop() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.1");
        assertThat(at.failure("example.com")).isEqualTo(
                new Route.Failure(true, 554, "5.4.6", "mail for example.com loops back to myself"));
    }

    @Test
    void anotherLoopbackAddressOnTheDeliveryPortIsSomebodyElse() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.2");
        assertThat(at.targets("example.com")).containsExactly("mx.example.net/127.0.0.2:2526");
    }

    @Test
    void addressesThatLeadNowhereAreNotUsed() {
        dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "0.0.0.0", "::", "224.0.0.1");
        assertThat(at.failure("example.com").enhanced()).isEqualTo("5.4.4");
    }

    @Test
    void addressLiteralsNeedNoDns() {
        assertThat(at.targets("[192.0.2.7]")).containsExactly("[192.0.2.7]/192.0.2.7:2526");
        assertThat(at.hosts("[IPv6:2001:db8::7]").hosts()).singleElement()
                .satisfies(host -> assertThat(host.addressText()).isEqualTo("2001:db8:0:0:0:0:0:7"));
        assertThat(at.failure("[127.0.0.1]").enhanced()).isEqualTo("5.4.6");
        assertThat(at.failure("[0.0.0.0]").enhanced()).isEqualTo("5.1.2");
        assertThat(dns.questions()).isEmpty();
    }

    @Test
    void whatIsNoDomainIsRefusedWithoutAskingDns() {
        for (String domain : List.of("", ".", "a..b", "a b.example", "back\\slash.example", "[999.1.1.1]", "[1.2]",
                "[::1]", "[IPv6:1.2.3.4]", "ü.example", "x".repeat(64) + ".example", "a.".repeat(130) + "example")) {
            Route.Failure failure = at.failure(domain);
            assertThat(failure.enhanced()).as(domain).isEqualTo("5.1.2");
            assertThat(failure.permanent()).as(domain).isTrue();
        }
        assertThat(dns.questions()).isEmpty();
    }

    @Test
    void caseAndATrailingDotMakeNoDifference() {
        dns.address("example.com", "127.0.0.11");
        assertThat(at.route("EXAMPLE.com.")).isEqualTo(at.route("example.com"));
        assertThat(dns.count("MX example.com")).isEqualTo(1);
    }

    @Test
    void configuredRoutesComeFirstAndKeepTheirOrder() {
        try (Routers routed = new Routers(Map.of("example.com",
                new RouteConfig(List.of("relay.example.net:26", "192.0.2.1", "[2001:db8::1]:2525"), false),
                "*", new RouteConfig(List.of("192.0.2.9:24"), true)))) {
            routed.dns.address("relay.example.net", "127.0.0.11");
            assertThat(routed.targets("example.com")).containsExactly("relay.example.net/127.0.0.11:26",
                    "192.0.2.1/192.0.2.1:2526", "2001:db8::1/2001:db8:0:0:0:0:0:1:2525");
            assertThat(routed.hosts("example.com").site().name())
                    .isEqualTo("relay.example.net:26,192.0.2.1,[2001:db8::1]:2525");
            assertThat(routed.hosts("other.example")).isEqualTo(routed.hosts("[192.0.2.7]"));
            assertThat(routed.hosts("other.example").lmtp()).isTrue();
            assertThat(routed.dns.questions()).noneMatch(question -> question.startsWith("MX"));
        }
    }

    @Test
    void aUnixDomainSocketIsAHostInItsPlaceAndAsksNoDns() {
        try (Routers routed = new Routers(Map.of("example.com",
                new RouteConfig(List.of("unix:/run/dovecot/lmtp", "192.0.2.1"), true)))) {
            assertThat(routed.hosts("example.com").hosts()).extracting(MailHost::text)
                    .containsExactly("unix:/run/dovecot/lmtp", "192.0.2.1[192.0.2.1]:24");
            assertThat(routed.hosts("example.com").protocol()).isEqualTo(Route.Protocol.LMTP);
            assertThat(routed.dns.questions()).isEmpty();
        }
    }

    @Test
    void maildirsAreRoutesThatNeedNoLookUpAndFollowTheConfiguration() {
        MaildirConfig maildir = new MaildirConfig("/var/mail/{local}", true, "+", false);
        RouteConfig store = RouteConfig.of(maildir);
        try (Routers routed = new Routers(Map.of("a.example", store, "b.example", store))) {
            assertThat(routed.route("a.example")).isEqualTo(new Route.Store(new Site("a.example"), maildir));
            assertThat(routed.route("b.example")).isEqualTo(new Route.Store(new Site("b.example"), maildir));
            assertThat(routed.dns.questions()).isEmpty();

            routed.router.reconfigure(Map.of("a.example", new RouteConfig(List.of("192.0.2.1"), false)),
                    routed.config(Routers.CONFIG), Routers.SMTP_PORT, Routers.OWN);
            assertThat(routed.targets("a.example")).containsExactly("192.0.2.1/192.0.2.1:2526");
        }
    }

    @Test
    void aConfiguredRouteToOurselvesIsALoop() {
        try (Routers routed = new Routers(Map.of("*", new RouteConfig(List.of("127.0.0.1:2525"), false)))) {
            assertThat(routed.failure("example.com").enhanced()).isEqualTo("5.4.6");
        }
    }

    @Test
    void aConfiguredHostThatDoesntExistWaitsForTheOperator() {
        try (Routers routed = new Routers(Map.of("*", new RouteConfig(List.of("typo.example.net"), false)))) {
            assertThat(routed.failure("example.com")).isEqualTo(new Route.Failure(false, 451, "4.4.4",
                    "no host of the configured route typo.example.net has an address"));
        }
    }

    @Test
    void aWrongRouteHostIsNamed() {
        assertThatThrownBy(() -> new Routers(Map.of("*", new RouteConfig(List.of("host:99999"), false))))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("host:99999");
    }

    @Test
    void domainsWithTheSameHostsShareOneSite() {
        dns.address("mx1.example.net", "127.0.0.11").address("mx2.example.net", "127.0.0.12");
        dns.mx("a.example", 10, "mx1.example.net").mx("a.example", 20, "mx2.example.net");
        dns.mx("b.example", 10, "MX2.example.net").mx("b.example", 10, "mx1.Example.net");
        dns.mx("c.example", 10, "mx1.example.net");
        assertThat(at.hosts("a.example").site()).isSameAs(at.hosts("b.example").site())
                .hasToString("(mx1|mx2).example.net");
        assertThat(at.hosts("c.example").site().name()).isEqualTo("mx1.example.net");
        assertThat(dns.count("A mx1.example.net")).isEqualTo(1);
    }
}
