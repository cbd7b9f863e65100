package dev.penstock.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;

import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.Test;

import dev.penstock.units.Networks;

class ConnectionGateTest {
    private final ConnectionGate gate = new ConnectionGate("test");
    private final ConnectionGate.Limits limits = new ConnectionGate.Limits(5, 2, Networks.parse(List.of("10.0.0.0/8")));

    private static EmbeddedChannel from(String address) {
        SocketAddress remote = new InetSocketAddress(InetAddress.ofLiteral(address), 40_000);
        return new EmbeddedChannel() {
            @Override
            protected SocketAddress remoteAddress0() {
                return remote;
            }
        };
    }

    private boolean enters(EmbeddedChannel channel) {
        boolean entered = gate.enter(channel, limits);
        channel.runPendingTasks();
        assertThat(channel.isOpen()).isEqualTo(entered);
        return entered;
    }

    @Test
    void oneAddressDoesNotTakeAllConnections() {
        EmbeddedChannel first = from("127.0.0.1");
        assertThat(enters(first)).isTrue();
        assertThat(enters(from("127.0.0.1"))).isTrue();
        assertThat(enters(from("127.0.0.1"))).isFalse();
        assertThat(enters(from("127.0.0.2"))).isTrue();
        assertThat(gate.open()).isEqualTo(3);
        assertThat(gate.refusedToClient()).isOne();
        var _ = first.close();
        assertThat(enters(from("127.0.0.1"))).isTrue();
    }

    @Test
    void oneSiteOfIpv6IsOneClient() {
        assertThat(enters(from("2001:db8:1:2::1"))).isTrue();
        assertThat(enters(from("2001:db8:1:2:3::1"))).isTrue();
        assertThat(enters(from("2001:db8:1:2:4:5:6:7"))).isFalse();
        assertThat(enters(from("2001:db8:1:3::1"))).isTrue();
    }

    @Test
    void exemptClientsHaveTheLimitOfAllOnly() {
        List<EmbeddedChannel> open = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            EmbeddedChannel channel = from("10.1.2.3");
            open.add(channel);
            assertThat(enters(channel)).isTrue();
        }
        assertThat(enters(from("10.1.2.3"))).isFalse();
        assertThat(enters(from("127.0.0.1"))).isFalse();
        assertThat(gate.refused()).isEqualTo(2);
        for (EmbeddedChannel channel : open) {
            var _ = channel.close();
        }
        assertThat(gate.open()).isZero();
        assertThat(enters(from("127.0.0.1"))).isTrue();
    }
}
