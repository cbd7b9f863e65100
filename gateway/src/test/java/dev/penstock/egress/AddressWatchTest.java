package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.SourceConfig;

class AddressWatchTest {
    private final Set<InetAddress> plumbed = new HashSet<>(Set.of(InetAddress.ofLiteral("192.0.2.1"),
            InetAddress.ofLiteral("2001:db8::1"), InetAddress.ofLiteral("192.0.2.2")));
    private final List<String> heard = new ArrayList<>();
    private final Sources sources = Sources.of(with(Map.of("a", at("192.0.2.1", "2001:db8::1"), "b", at("192.0.2.2"),
            "far", at("198.51.100.1").with(SourceConfig.PROXY, SourceConfig.Proxy.SOCKS5)
                    .with(SourceConfig.PROXY_SERVER, "127.0.0.1:1080"))));
    private final AddressWatch watch = new AddressWatch(sources, new SourceListener() {
        @Override
        public void worked(Source source) {
            throw new AssertionError("nothing is sent here");
        }

        @Override
        public void failed(Source source, InetSocketAddress host, EgressException why) {
            throw new AssertionError("nothing is sent here");
        }

        @Override
        public void addressesMissing(Source source, Set<InetAddress> addresses) {
            heard.add(
                    source.name() + " lacks " + addresses.stream().map(InetAddress::getHostAddress).sorted().toList());
        }

        @Override
        public void addressesBack(String source) {
            heard.add(source + " is back");
        }
    }, plumbed::contains);

    @Test
    void changesAreHeardOnceEach() {
        watch.check();
        assertThat(heard).as("all is there, and a proxy's addresses are its own").isEmpty();

        plumbed.remove(InetAddress.ofLiteral("192.0.2.1"));
        watch.check();
        watch.check();
        plumbed.remove(InetAddress.ofLiteral("2001:db8::1"));
        watch.check();
        plumbed.add(InetAddress.ofLiteral("192.0.2.1"));
        plumbed.add(InetAddress.ofLiteral("2001:db8::1"));
        watch.check();
        assertThat(heard).containsExactly("a lacks [192.0.2.1]", "a lacks [192.0.2.1, 2001:db8:0:0:0:0:0:1]",
                "a is back");
    }

    @Test
    void whatIsConfiguredNoMoreIsNotMissing() {
        plumbed.clear();
        watch.check();
        sources.prepare(with(Map.of("b", at("192.0.2.2")))).apply();
        watch.check();
        assertThat(heard).containsExactlyInAnyOrder("a lacks [192.0.2.1, 2001:db8:0:0:0:0:0:1]",
                "b lacks [192.0.2.2]", "a is back").last().isEqualTo("a is back");
    }

    @Test
    void whatOneCanBindToIsPlumbedThoughNoInterfaceListsIt() {
        assertThat(AddressWatch.isPlumbed(InetAddress.ofLiteral("127.0.0.1"))).isTrue();
        assertThat(AddressWatch.isPlumbed(InetAddress.ofLiteral("127.9.9.9"))).isTrue();
        assertThat(AddressWatch.isPlumbed(InetAddress.ofLiteral("192.0.2.17"))).isFalse();
        assertThat(AddressWatch.isPlumbed(InetAddress.ofLiteral("2001:db8::17"))).isFalse();
    }

    private static GatewayConfig with(Map<String, SourceConfig> sources) {
        return GatewayConfig.embedded("mx.example.net").with(GatewayConfig.SOURCES, sources);
    }

    private static SourceConfig at(String... addresses) {
        return SourceConfig.DEFAULT.with(SourceConfig.SOURCE_ADDRESS, List.of(addresses));
    }
}
