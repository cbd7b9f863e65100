package dev.penstock.config;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SourceConfig.Proxy;

class SourceReaderTest {
    @TempDir
    Path directory;

    @Test
    void sourcesAreReadWithAllTheirKeys() throws IOException {
        Path password = Files.writeString(directory.resolve("password"), "s3cret\nanother line\n");
        Path authorities = Files.writeString(directory.resolve("ca.pem"),
                "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
        Map<String, SourceConfig> sources = valid("""
                [source."ip-17"]
                source-address = ["192.0.2.17", "2001:db8::17"]
                ehlo-name = "MTA17.example.net"
                [source.far]
                source-address = ["198.51.100.3"]
                proxy = "socks5"
                proxy-server = "[2001:db8::9]:1080"
                proxy-username = "penstock"
                proxy-password-file = '%s'
                proxy-tls = true
                proxy-tls-ca = '%s'
                [source.balanced]
                source-address = ["198.51.100.4"]
                proxy = "proxy-v2"
                proxy-server = "haproxy.example.net:5000"
                [source.default]
                proxy = "socks5"
                proxy-server = "127.0.0.1:1080"
                proxy-username = "penstock"
                proxy-password = "open sesame"
                """.formatted(password, authorities)).sources();

        SourceConfig far = requireNonNull(sources.get("far"));
        assertThat(sources.get("ip-17")).isEqualTo(SourceConfig.DEFAULT
                .with(SourceConfig.SOURCE_ADDRESS, List.of("192.0.2.17", "2001:db8::17"))
                .with(SourceConfig.EHLO_NAME, "mta17.example.net"));
        assertThat(far).isEqualTo(new SourceConfig(List.of("198.51.100.3"), "", Proxy.SOCKS5, "[2001:db8::9]:1080",
                "penstock", "", Optional.of(password), true, Optional.of(authorities), "", Optional.empty()));
        assertThat(far.password()).isEqualTo("s3cret");
        assertThat(requireNonNull(sources.get("balanced")).proxy()).isEqualTo(Proxy.PROXY_V2);
        SourceConfig usual = requireNonNull(sources.get("default"));
        assertThat(usual.password()).isEqualTo("open sesame");
        assertThat(usual.toString()).doesNotContain("sesame");
    }

    @Test
    void everySourceMayChangeWithoutARestart() throws IOException {
        assertThat(ConfigChange.notReloadable(valid(""), valid("""
                [source."ip-17"]
                source-address = ["192.0.2.17"]
                """))).isEmpty();
    }

    @Test
    void mistakesInSourcesAreNamed() throws IOException {
        assertThat(errors("""
                [delivery]
                source-address = "192.0.2.1"
                [source.ip.17]
                source-address = ["192.0.2.1"]
                [source."ip 17"]
                source-address = ["192.0.2.1", "192.0.2.2"]
                ehlo-name = "-"
                [source.any]
                source-address = ["0.0.0.0", "mx.example", "192.0.2.1:25"]
                proxy-server = "127.0.0.1:1"
                [source.a]
                proxy = "socks4"
                [source.b]
                proxy = "socks5"
                proxy-username = "penstock"
                [source.c]
                proxy = "proxy-v2"
                proxy-server = "unix:/run/proxy"
                proxy-username = "penstock"
                [source.d]
                proxy = "socks5"
                proxy-server = "127.0.0.1"
                proxy-password = "%1$s"
                [source.e]
                proxy = "socks5"
                proxy-server = "127.0.0.1:1080"
                proxy-username = "u"
                proxy-password = "p"
                proxy-password-file = '%2$s'
                [source.f]
                proxy = "socks5"
                proxy-server = "127.0.0.1:1080"
                proxy-username = "u"
                proxy-password-file = '%3$s'
                [source.default]
                """.formatted("x".repeat(256), Files.writeString(directory.resolve("password"), "p"),
                Files.writeString(directory.resolve("empty"), "\n")))).containsExactly(
                        ":3:1: source.ip: a name with dots needs quotes here: [source.\"ip.17\"]",
                        ":3:1: source: \"default\" is there, and delivery.source-address says the same; allowed: one of the two",
                        ":5:1: source.\"ip 17\": not a name; allowed: 1 to 63 letters, digits, dots, hyphens and underscores, "
                                + "the first a letter or digit",
                        ":6:1: source.\"ip 17\".source-address: two addresses of one family; allowed: at most one IPv4 and one "
                                + "IPv6 address, others are sources of their own",
                        ":7:1: source.\"ip 17\".ehlo-name: \"-\": expected a domain name like example.com: labels of 1 to 63 "
                                + "letters, digits and hyphens",
                        ":9:1: source.any.source-address: nothing can be sent from 0.0.0.0; allowed: addresses of one machine",
                        ":9:30: source.any.source-address[1]: \"mx.example\": expected an IP address like 127.0.0.1 or ::1, not "
                                + "a name",
                        ":9:44: source.any.source-address[2]: \"192.0.2.1:25\": a port can't stand here, it has a key of its "
                                + "own where there is one; expected an IP address alone, like 127.0.0.1 or ::1",
                        ":10:1: source.any.proxy-server: has no meaning without a proxy; allowed with proxy = \"socks5\" or "
                                + "\"proxy-v2\"",
                        ":12:1: source.a.proxy: \"socks4\": unknown; allowed: \"none\", \"socks5\", \"proxy-v2\"",
                        ":14:1: source.b.proxy-server: is missing; expected where the proxy listens, like \"10.0.0.9:1080\"",
                        ":15:1: source.b.proxy-username: needs proxy-password or proxy-password-file",
                        ":17:1: source.c.source-address: is missing; the PROXY protocol can't leave it open",
                        ":18:1: source.c.proxy-server: \"unix:/run/proxy\": expected \"address:port\", \"[v6]:port\" or "
                                + "\"name:port\"",
                        ":19:1: source.c.proxy-username: the PROXY protocol has no login; allowed with proxy = \"socks5\"",
                        ":22:1: source.d.proxy-server: \"127.0.0.1\": expected \"address:port\", \"[v6]:port\" or \"name:port\"",
                        ":23:1: source.d.proxy-password: too long; allowed: 255 octets (RFC 1929 2)",
                        ":29:1: source.e.proxy-password-file: proxy-password is there as well; allowed: one of the two",
                        ":34:1: source.f.proxy-password-file: can't be used: its first line is empty; expected the password "
                                + "there");
    }

    /** It would be read without an end, by whoever may have a configuration checked. */
    @Test
    void aPasswordFileIsAShortFile() throws IOException {
        String proxy = """
                [source.f]
                proxy = "socks5"
                proxy-server = "127.0.0.1:1080"
                proxy-username = "u"
                proxy-password-file = '%s'
                """;
        assertThat(errors(proxy.formatted("/dev/zero"))).singleElement().asString()
                .endsWith("is a FIFO, a socket or a device; expected a file");
        assertThat(errors(proxy.formatted(Files.writeString(directory.resolve("long"), "p\n" + "#".repeat(4_095)))))
                .singleElement().asString().endsWith("has more than 4096 octets");
    }

    private GatewayConfig valid(String text) throws IOException {
        return switch (Schemas.read(write(text))) {
            case ConfigReader.Valid(GatewayConfig config, _) -> config;
            case ConfigReader.Invalid(List<Problem> problems) -> throw new AssertionError(problems);
        };
    }

    private List<String> errors(String text) throws IOException {
        Path file = write(text);
        return switch (Schemas.read(file)) {
            case ConfigReader.Valid _ -> List.of();
            case ConfigReader.Invalid(List<Problem> problems) -> problems.stream()
                    .map(problem -> problem.toString().substring(file.toString().length())).toList();
        };
    }

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("penstock.toml"), text);
    }
}
