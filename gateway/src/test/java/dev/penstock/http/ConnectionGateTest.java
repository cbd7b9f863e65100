package dev.penstock.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.Test;

import dev.penstock.testing.ManualTicker;
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
    void theLastDescriptorsAreLeftToOthers() {
        AtomicLong open = new AtomicLong(1_000);
        ManualTicker ticker = new ManualTicker();
        Descriptors descriptors = new Descriptors(1_516, open::get, ticker);
        ConnectionGate last = ConnectionGate.with("test", descriptors);
        assertThat(descriptors.reserve()).as("a quarter").isEqualTo(379);
        open.set(1_516 - 379 - 2);
        assertThat(last.enter(from("127.0.0.1"), limits)).isTrue();
        assertThat(last.enter(from("127.0.0.2"), limits)).isTrue();
        assertThat(last.enter(from("127.0.0.3"), limits)).isFalse();
        assertThat(last.refusedForDescriptors()).isOne();
        open.set(1_000);
        ticker.advance(Duration.ofSeconds(1));
        assertThat(last.enter(from("127.0.0.4"), limits)).as("once others have closed").isTrue();
        assertThat(last.refused() + last.refusedToClient()).isZero();
    }

    @Test
    void whereNoDescriptorIsLeftToCountThemConnectionsAreRefused() {
        AtomicBoolean none = new AtomicBoolean();
        ManualTicker ticker = new ManualTicker();
        Descriptors descriptors = new Descriptors(1_000, () -> {
            if (none.get()) {
                throw new InternalError("errno: 24 error: Unable to open directory /proc/self/fd");
            }
            return 10;
        }, ticker);
        ConnectionGate last = ConnectionGate.with("test", descriptors);
        assertThat(last.enter(from("127.0.0.1"), limits)).isTrue();
        none.set(true);
        ticker.advance(Duration.ofSeconds(1));
        assertThat(last.enter(from("127.0.0.2"), limits)).isFalse();
        assertThat(last.enter(from("127.0.0.3"), limits)).as("until they are counted again").isFalse();
        assertThat(last.refusedForDescriptors()).isEqualTo(2);
        none.set(false);
        ticker.advance(Duration.ofSeconds(1));
        assertThat(last.enter(from("127.0.0.4"), limits)).isTrue();
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
