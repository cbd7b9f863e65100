package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnixDomainSocketAddress;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

import org.junit.jupiter.api.Test;

import dev.penstock.config.AddressPreference;
import dev.penstock.routing.MailHost;

class AddressOrderTest {
    private static final List<MailHost> TWO_OF_EACH = List.of(mx("a", "192.0.2.1"), mx("a", "192.0.2.2"),
            mx("a", "2001:db8::1"), mx("a", "2001:db8::2"));

    @Test
    void theFamiliesOfAHostTakeTurnsFromThePreferredOneOn() {
        assertThat(addresses(AddressOrder.of(TWO_OF_EACH, AddressPreference.IPV4)))
                .isEqualTo("192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2");
        assertThat(addresses(AddressOrder.of(TWO_OF_EACH, AddressPreference.IPV6)))
                .isEqualTo("2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2");
    }

    @Test
    void withoutAPreferenceItIsSometimesTheOneAndSometimesTheOther() {
        Set<String> first = new TreeSet<>();
        for (int i = 0; i < 100; i++) {
            first.add(AddressOrder.of(TWO_OF_EACH, AddressPreference.NONE).getFirst().addressText());
        }
        assertThat(first).containsExactly("192.0.2.1", "2001:db8:0:0:0:0:0:1");
    }

    @Test
    void theOrderOfTheHostsStays() {
        List<MailHost> hosts = List.of(mx("a", "192.0.2.1"), mx("b", "192.0.2.3"), mx("b", "2001:db8::3"),
                mx("c", "2001:db8::4"));
        assertThat(addresses(AddressOrder.of(hosts, AddressPreference.IPV6)))
                .isEqualTo("192.0.2.1 2001:db8::3 192.0.2.3 2001:db8::4");
        assertThat(AddressOrder.of(hosts, AddressPreference.IPV4)).isSameAs(hosts);
    }

    @Test
    void addressesOfOneHostFollowEachOtherWithItsPreferenceAndPort() {
        List<MailHost> hosts = List.of(mx("a", "192.0.2.1"), mx("a", "2001:db8::1"),
                new MailHost("a", InetAddress.ofLiteral("192.0.2.1"), 2525, 10),
                new MailHost("a", InetAddress.ofLiteral("192.0.2.1"), 2525, 20),
                new MailHost("unix", UnixDomainSocketAddress.of("/run/a"), 20),
                new MailHost("unix", UnixDomainSocketAddress.of("/run/b"), 20));
        assertThat(AddressOrder.endOfHost(hosts, 0, 6)).isEqualTo(2);
        assertThat(AddressOrder.endOfHost(hosts, 0, 1)).as("no further than may be tried").isEqualTo(1);
        assertThat(AddressOrder.endOfHost(hosts, 2, 6)).isEqualTo(3);
        assertThat(AddressOrder.endOfHost(hosts, 4, 6)).isEqualTo(5);
    }

    private static MailHost mx(String name, String address) {
        return new MailHost(name, InetAddress.ofLiteral(address), 25, 10);
    }

    private static String addresses(List<MailHost> hosts) {
        return String.join(" ", hosts.stream().map(host -> host.addressText().replace(":0:0:0:0:0:", "::")).toList());
    }
}
