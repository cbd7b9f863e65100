package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProxyConfigTest {
    @TempDir
    Path directory;

    @Test
    void everyKeyIsMapped() throws IOException {
        Path password = Files.writeString(directory.resolve("password"), "s3cret\n");
        Path chain = pem("proxy.pem", "CERTIFICATE");
        Path key = pem("proxy.key", "PRIVATE KEY");
        ProxyConfig config = valid("""
                [proxy]
                socks = "10.0.0.9:1081"
                proxy-v2 = "[::1]:5000"
                clients = ["10.0.0.0/8"]
                username = "penstock"
                password-file = '%s'
                max-connections = 7
                max-connections-per-client = 6
                handshake-timeout = "1s"
                connect-timeout = "2s"
                idle-timeout = "3s"
                stop-timeout = "4s"
                [[certificate]]
                chain = '%s'
                key = '%s'
                [http]
                address = "::1"
                port = 0
                """.formatted(password, chain, key));
        assertThat(config).isEqualTo(new ProxyConfig(Optional.of(new ListenAddress("10.0.0.9", 1081)),
                Optional.of(new ListenAddress("::1", 5000)), List.of("10.0.0.0/8"), "penstock", "",
                Optional.of(password), 7, 6, Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(3),
                Duration.ofSeconds(4), List.of(new ListenerTls.Certificate(chain, key)), new HttpConfig("::1", 0)));
        assertThat(config.login()).isEqualTo("s3cret");
        assertThat(valid("[proxy]\nusername = \"u\"\npassword = \"s3cret\"").toString()).doesNotContain("s3cret");
        assertThat(ProxyConfig.notReloadable(valid(""), config)).containsExactly("proxy.socks", "proxy.proxy-v2",
                "certificate", "http.address", "http.port");
    }

    @Test
    void theSampleIsTheDefaults() {
        assertThat(ProxyConfig.read(Path.of("..", "config", "proxy.toml")))
                .isEqualTo(new ProxyConfig.Valid(ProxyConfig.DEFAULT, List.of()));
    }

    @Test
    void mistakesAreNamed() throws IOException {
        assertThat(errors("""
                [proxy]
                socks = "localhost:1080"
                proxy-v2 = "127.0.0.1"
                clients = []
                username = "u"
                max-connections = 0
                idle-time = "1s"
                [proxi]
                """)).containsExactly(
                ":2:1: proxy.socks: \"localhost:1080\": expected an IP address like 127.0.0.1 or ::1, not a name",
                ":3:1: proxy.proxy-v2: \"127.0.0.1\": the port is missing; expected address:port like 127.0.0.1:2525, "
                        + "[::1]:25",
                ":4:1: proxy.clients: nobody could connect; expected networks, like [\"10.0.0.0/8\"]",
                ":5:1: proxy.username: needs password or password-file",
                ":6:1: proxy.max-connections: 0 is out of range; allowed: 1 to 1000000",
                ":7:1: proxy.idle-time: unknown key; did you mean idle-timeout?",
                ":8:1: proxi: unknown key; did you mean proxy?");
        assertThat(errors("""
                [proxy]
                socks = ""
                password = "p"
                """)).containsExactly(
                ":2:1: proxy.socks: the proxy listens nowhere; allowed: an address and a port here or for proxy-v2",
                ":3:1: proxy.password: needs username");
        assertThat(errors("""
                [proxy]
                proxy-v2 = "127.0.0.1:1080"
                """)).containsExactly(":2:1: proxy.proxy-v2: socks uses this address and port already");
    }

    private ProxyConfig valid(String text) throws IOException {
        return switch (ProxyConfig.read(write(text))) {
            case ProxyConfig.Valid(ProxyConfig config, _) -> config;
            case ProxyConfig.Invalid(List<Problem> problems) -> throw new AssertionError(problems);
        };
    }

    private List<String> errors(String text) throws IOException {
        Path file = write(text);
        return switch (ProxyConfig.read(file)) {
            case ProxyConfig.Valid _ -> List.of();
            case ProxyConfig.Invalid(List<Problem> problems) -> problems.stream()
                    .map(problem -> problem.toString().substring(file.toString().length())).toList();
        };
    }

    private Path pem(String name, String label) throws IOException {
        return Files.writeString(directory.resolve(name),
                "-----BEGIN " + label + "-----\nMAA=\n-----END " + label + "-----\n");
    }

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("proxy.toml"), text);
    }
}
