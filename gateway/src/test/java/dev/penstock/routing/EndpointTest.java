package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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

    private static InetSocketAddress at(String address, int port) {
        return new InetSocketAddress(address(address), port);
    }

    private static InetAddress address(String text) {
        return InetAddress.ofLiteral(text);
    }
}
