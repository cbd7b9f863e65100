package dev.penstock.egress;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.SourceConfig;

class SourcesTest {
    private static final InetAddress FOUR = InetAddress.ofLiteral("192.0.2.17");
    private static final InetAddress SIX = InetAddress.ofLiteral("2001:db8::17");

    @Test
    void theDefaultSourceIsWhatDeliverySays() {
        GatewayConfig config = GatewayConfig.embedded("mx.example.net").with(GatewayConfig.DELIVERY,
                DeliveryConfig.DEFAULT.with(DeliveryConfig.SOURCE_ADDRESS, "192.0.2.17"));
        Source source = requireNonNull(Sources.of(config).find("default"));
        assertThat(source.ehloName()).isEqualTo("mx.example.net");
        assertThat(source.ownAddresses()).containsExactly(FOUR);
        assertThat(source.reaches(FOUR)).isTrue();
        assertThat(source.reaches(SIX)).isFalse();
    }

    @Test
    void aSourceWithoutAddressesReachesAll() {
        Source source = requireNonNull(Sources.ofDefault("", "mx.example.net").find("default"));
        assertThat(source.reaches(FOUR)).isTrue();
        assertThat(source.reaches(SIX)).isTrue();
        assertThat(source.addressFor(FOUR)).isNull();
        assertThat(source.text()).isEqualTo("default");
    }

    @Test
    void anotherConfigurationReplacesThemAll(@TempDir Path directory) throws IOException {
        Sources sources = Sources.of(with(Map.of("a", at("192.0.2.17", "2001:db8::17"))));
        Source a = requireNonNull(sources.find("a"));
        assertThat(a.addressFor(InetAddress.ofLiteral("::1"))).isEqualTo(SIX);
        assertThat(a.text()).isEqualTo("a (192.0.2.17, 2001:db8:0:0:0:0:0:17)");

        Path password = Files.writeString(directory.resolve("password"), "s3cret");
        SourceConfig far = at("192.0.2.18").with(SourceConfig.PROXY, SourceConfig.Proxy.SOCKS5)
                .with(SourceConfig.PROXY_SERVER, "[::1]:1080").with(SourceConfig.PROXY_USERNAME, "penstock")
                .with(SourceConfig.PROXY_PASSWORD_FILE, Optional.of(password))
                .with(SourceConfig.EHLO_NAME, "far.example.net");
        sources.prepare(with(Map.of("b", far))).apply();
        assertThat(sources.all()).extracting(Source::name).containsExactlyInAnyOrder("default", "b");
        Source b = requireNonNull(sources.find("b"));
        assertThat(b.ehloName()).isEqualTo("far.example.net");
        assertThat(b.ownAddresses()).as("are on the proxy's machine").isEmpty();
        assertThat(b.proxy()).isEqualTo(new Source.Proxy(SourceConfig.Proxy.SOCKS5, "::1", 1080, "penstock", "s3cret",
                false, Optional.empty()));
        assertThat(String.valueOf(b)).doesNotContain("s3cret").contains("[::1]:1080");

        Files.delete(password);
        assertThatThrownBy(() -> sources.prepare(with(Map.of("b", far))))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("source.b.proxy-password-file");
        assertThat(sources.find("b")).isSameAs(b);
    }

    private static GatewayConfig with(Map<String, SourceConfig> sources) {
        return GatewayConfig.embedded("mx.example.net").with(GatewayConfig.SOURCES, sources);
    }

    private static SourceConfig at(String... addresses) {
        return SourceConfig.DEFAULT.with(SourceConfig.SOURCE_ADDRESS, List.of(addresses));
    }
}
