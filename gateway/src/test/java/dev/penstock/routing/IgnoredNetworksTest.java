package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.RouteConfig;

/** Where MX records and address literals, which strangers write, may not send mail. */
class IgnoredNetworksTest {
    private static final IgnoredNetworks BY_DEFAULT = IgnoredNetworks.of(DnsConfig.DEFAULT.ignoreNetworks());

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.255.0.9", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "0.1.2.3", "::",
        "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "::ffff:0:127.0.0.1",
        "64:ff9b:1::127.0.0.1", "fe80::1:2:3:4", "febf::1", "2002:7f00:1::",
        "2002:a9fe:a9fe::1"})
    void thisMachineAndItsCableAreIgnoredByDefault(String address) {
        assertThat(BY_DEFAULT.contains(InetAddress.ofLiteral(address))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.0.2.1", "10.0.0.1", "192.168.1.1", "2001:db8::1", "64:ff9b::192.0.2.1",
        "64:ff9b:1::192.0.2.1", "::ffff:0:192.0.2.1", "2002:c000:201::1", "::2:0:0"})
    void othersAreNot(String address) {
        assertThat(BY_DEFAULT.contains(InetAddress.ofLiteral(address))).isFalse();
    }

    /** RFC 6052 2.2: behind prefixes of 48, 56 and 64 bits, whatever follows. */
    @ParameterizedTest
    @ValueSource(strings = {"64:ff9b:1:7f00:0:100::", "64:ff9b:1:7f00:0:1ff:ffff:ffff", "64:ff9b:1:7f:0:1::",
        "64:ff9b:1:aa7f:0:1:abcd:ef01", "64:ff9b:1:2222:7f:0:100:0", "64:ff9b:1:2222:a9:fea9:fe00:0",
        "64:ff9b:1:2222::127.0.0.1", "64:ff9b:1::"})
    void networksOfTheirOwnTranslateFromAnyPlace(String address) {
        assertThat(BY_DEFAULT.contains(InetAddress.ofLiteral(address))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"64:ff9b:1:c000:2:100::", "64:ff9b:1:c0:0:201::", "64:ff9b:1:2222:c0:2:100:0",
        "64:ff9b:1:2222::192.0.2.1"})
    void whatTheyTranslateElsewhereIsNotIgnored(String address) {
        assertThat(BY_DEFAULT.contains(InetAddress.ofLiteral(address))).isFalse();
    }

    @Test
    void everyAddressOfThisMachineIsItsOwn() {
        IgnoredNetworks own = IgnoredNetworks.of(List.of("own"));
        assertThat(OwnAddresses.machineAddresses()).isNotEmpty().allMatch(own::contains);
        assertThat(own.contains(InetAddress.ofLiteral("192.0.2.1"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.1.2.3", "172.31.0.1", "192.168.0.9", "100.64.0.1", "fd00::1", "fec0::1",
        "64:ff9b::10.0.0.1", "198.51.100.7"})
    void privateOnesAndNamedOnesAreIgnoredOnRequest(String address) {
        assertThat(IgnoredNetworks.of(List.of("private", "198.51.100.0/24")).contains(InetAddress.ofLiteral(address)))
                .isTrue();
    }

    @Test
    void aDomainWhoseHostsAreAllIgnoredIsRefusedForGoodSayingWhy() {
        try (Routers at = routers()) {
            at.dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11", "::1");
            assertThat(at.failure("example.com")).isEqualTo(new Route.Failure(true, 550, "5.4.4",
                    "mail for example.com would go to 127.0.0.11, where neither MX records nor address literals may send"
                            + " it (dns.ignore-networks)"));
            assertThat(at.router.stats().ignored()).isEqualTo(1);
        }
    }

    @Test
    void aDomainThatIsItsOwnHostIsRefusedLikewise() {
        try (Routers at = routers()) {
            at.dns.address("example.com", "169.254.169.254");
            assertThat(at.failure("example.com").text()).contains("169.254.169.254").contains("dns.ignore-networks");
        }
    }

    @Test
    void hostsElsewhereAreUsed() {
        try (Routers at = routers()) {
            at.dns.mx("example.com", 10, "inside.example.net").address("inside.example.net", "127.0.0.11")
                    .mx("example.com", 20, "mx.example.net").address("mx.example.net", "127.0.0.12", "192.0.2.1");
            assertThat(at.targets("example.com")).containsExactly("mx.example.net/192.0.2.1:2526");
        }
    }

    @Test
    void aHostThatCantBeLookedUpMakesTheRefusalTemporary() {
        try (Routers at = routers()) {
            at.dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.11")
                    .mx("example.com", 20, "broken.example.net");
            at.dns.servfail("broken.example.net");
            assertThat(at.failure("example.com").permanent()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"[127.0.0.2]", "[IPv6:::1]", "[IPv6:::ffff:127.0.0.2]", "[169.254.169.254]",
        "[IPv6:64:ff9b::7f00:2]"})
    void literalsAreRefusedLikewise(String literal) {
        try (Routers at = routers()) {
            Route.Failure failure = at.failure(literal);
            assertThat(failure.permanent()).isTrue();
            assertThat(failure.text()).containsIgnoringCase(literal).contains("dns.ignore-networks");
        }
    }

    @Test
    void aMappedLiteralIsDeliveredToItsIpv4Address() {
        try (Routers at = routers()) {
            assertThat(at.targets("[IPv6:::ffff:192.0.2.7]"))
                    .containsExactly("[ipv6:::ffff:192.0.2.7]/192.0.2.7:2526");
        }
    }

    @Test
    void aConfiguredRouteMayLeadAnywhere() {
        try (Routers at = routers()) {
            at.dns.address("inside.example.net", "127.0.0.11");
            at.router.reconfigure(
                    Map.of("example.com", new RouteConfig(List.of("inside.example.net"), false), "*",
                            new RouteConfig(List.of("127.0.0.12"), false)),
                    ignoring(at), Routers.SMTP_PORT, Routers.OWN);
            assertThat(at.targets("example.com")).containsExactly("inside.example.net/127.0.0.11:2526");
            assertThat(at.targets("[127.0.0.12]")).containsExactly("127.0.0.12/127.0.0.12:2526");
        }
    }

    @Test
    void aLoopIsStillCalledALoop() {
        try (Routers at = routers()) {
            at.dns.mx("example.com", 10, "mx.example.net").address("mx.example.net", "127.0.0.1");
            assertThat(at.failure("example.com").enhanced()).isEqualTo("5.4.6");
        }
    }

    private static Routers routers() {
        Routers at = new Routers();
        at.router.reconfigure(Map.of(), ignoring(at), Routers.SMTP_PORT, Routers.OWN);
        return at;
    }

    private static DnsConfig ignoring(Routers at) {
        DnsConfig d = at.config(Routers.CONFIG);
        return d.with(DnsConfig.IGNORE_NETWORKS, DnsConfig.DEFAULT.ignoreNetworks());
    }
}
