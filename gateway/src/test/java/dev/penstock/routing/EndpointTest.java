package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.MailboxParser;

/** Hosts and ports as configuration writes them, and which of them are this gateway itself. */
class EndpointTest {
    @ParameterizedTest
    @CsvSource({"mx.example.net, mx.example.net, 25", "mx.example.net:2525, mx.example.net, 2525",
        "192.0.2.1, 192.0.2.1, 25", "192.0.2.1:26, 192.0.2.1, 26", "2001:db8::1, 2001:db8::1, 25",
        "[2001:db8::1], 2001:db8::1, 25", "[2001:db8::1]:26, 2001:db8::1, 26"})
    void namesAddressesAndPortsAreRead(String text, String host, int port) {
        Endpoint endpoint = Endpoint.parse(text, 25);
        assertThat(endpoint.host()).isEqualTo(host);
        assertThat(endpoint.port()).isEqualTo(port);
        assertThat(endpoint.address() == null).isEqualTo(host.startsWith("mx"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ":25", "host:", "host:0", "host:65536", "host:x", "a b", "[host", "fe80::1%eth0",
        "[2001:db8::1]:x", "a..b:25"})
    void whatCannotBeReadIsQuoted(String text) {
        assertThatThrownBy(() -> Endpoint.parse(text, 25)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + text + "'");
    }

    @Test
    void aListenerIsItsAddressAndItsPort() {
        OwnAddresses own = new OwnAddresses(Set.of("Gateway.Example."), List.of(at("127.0.0.1", 25)));
        assertThat(own.contains(address("127.0.0.1"), 25)).isTrue();
        assertThat(own.contains(address("127.0.0.1"), 26)).isFalse();
        assertThat(own.contains(address("127.0.0.2"), 25)).isFalse();
        assertThat(own.contains("gateway.example", 25)).isTrue();
        assertThat(own.contains("gateway.example", 26)).as("another server on this machine").isFalse();
    }

    @Test
    void aWildcardListenerIsEveryAddressOfTheMachine() {
        OwnAddresses own = new OwnAddresses(Set.of(), List.of(at("0.0.0.0", 25)));
        assertThat(own.contains(address("127.0.0.1"), 25)).isTrue();
        assertThat(own.contains(address("127.0.0.77"), 25)).as("the whole loopback network").isTrue();
        assertThat(own.contains(address("192.0.2.1"), 25)).isFalse();
        assertThat(own.contains(address("127.0.0.1"), 2526)).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"[192.0.2.1], 192.0.2.1", "[IPv6:2001:db8::1], 2001:db8:0:0:0:0:0:1",
        "[IPv6:::ffff:127.0.0.1], 127.0.0.1",
        "[ipv6:::FFFF:7f00:1], 127.0.0.1", "[IPv6:::192.0.2.1], 0:0:0:0:0:0:c000:201",
        "[IPv6:64:ff9b::192.0.2.1], 64:ff9b:0:0:0:0:c000:201", "[010.0.2.1], 10.0.2.1"})
    void addressLiteralsAreTheirAddresses(String literal, String address) {
        assertThat(Endpoint.addressLiteral(literal)).extracting(InetAddress::getHostAddress).isEqualTo(address);
    }

    /** What RCPT takes must not bounce later as no address. */
    @Test
    void everyLiteralThatAPathMayHoldIsRead() {
        SplittableRandom random = new SplittableRandom(7);
        int read = 0;
        for (int i = 0; i < 100_000; i++) {
            String literal = randomLiteral(random);
            String domain;
            try {
                domain = MailboxParser.parse("a@" + literal, false).domain();
            } catch (AddressSyntaxException _) {
                continue;
            }
            read++;
            assertThat(Endpoint.addressLiteral(domain)).as(domain).isNotNull();
        }
        assertThat(read).isGreaterThan(1_000);
    }

    private static String randomLiteral(SplittableRandom random) {
        StringBuilder text = new StringBuilder("[IPv6:");
        int groups = random.nextInt(1, 9);
        for (int i = 0; i < groups; i++) {
            text.append(Integer.toHexString(random.nextInt(1 << random.nextInt(1, 17))))
                    .append(random.nextInt(6) == 0 ? "::" : ":");
        }
        if (random.nextInt(4) == 0) {
            text.insert("[IPv6:".length(), random.nextBoolean() ? "::" : "::ffff:");
        }
        switch (random.nextInt(3)) {
            case 0 -> text.append(random.nextInt(300)).append(".0").append(random.nextInt(100)).append(".2.1");
            case 1 -> text.append(Integer.toHexString(random.nextInt(1 << 16)));
            case 2 -> text.append("");
        }
        return text.append(']').toString();
    }

    private static InetSocketAddress at(String address, int port) {
        return new InetSocketAddress(address(address), port);
    }

    private static InetAddress address(String text) {
        return InetAddress.ofLiteral(text);
    }
}
