package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;

/** Promise P6 where only loading finds out what is wrong: a file that reads well and can't be used after all. */
@Timeout(180)
class ReloadRefusedTest {
    @TempDir
    Path directory;

    @Test
    void aKeyOfAnotherCertificateLeavesTheUsersAsTheyWereThoughTheirFileHasGone() throws Exception {
        TestCertificates authority = new TestCertificates();
        PemFiles good = TestCertificates.write(directory, "good", authority.server("mx.example"));
        PemFiles other = TestCertificates.write(directory, "other", authority.server("mx.example"));
        Path one = users("one.toml", "ann");
        Path two = users("two.toml", "ann", "bob");
        try (Penstock penstock = Penstock.start(config(one, good.chain(), good.key()))) {
            assertThat(metric(penstock, "penstock_auth_users")).isEqualTo("1.0");
            GatewayConfig wrong = config(two, good.chain(), other.key());
            Files.delete(one);

            assertThatThrownBy(() -> penstock.reload(wrong)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("isn't the key of the certificate");

            assertThat(metric(penstock, "penstock_auth_users")).isEqualTo("1.0");
            penstock.reload(config(two, good.chain(), good.key()));
            assertThat(metric(penstock, "penstock_auth_users")).isEqualTo("2.0");
        }
    }

    private Path users(String name, String... users) throws IOException {
        Path file = directory.resolve(name);
        UsersFile.write(file, Stream.of(users).map(user -> new UserConfig(user, Optional.empty(), Optional.empty(), "",
                List.of(), List.of(), false)).toList());
        return file;
    }

    private GatewayConfig config(Path users, Path chain, Path key) throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [[listener.certificate]]
                chain = "%s"
                key = "%s"
                [spool]
                directory = "%s"
                [events]
                directory = "%s"
                [injection]
                directory = "%s"
                [http]
                port = 0
                [auth]
                users = "%s"
                """.formatted(chain, key, directory.resolve("spool"), directory.resolve("log"),
                directory.resolve("injection"), users));
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid -> valid.config();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    private static String metric(Penstock penstock, String name) throws IOException, InterruptedException {
        URI metrics = URI.create("http://127.0.0.1:" + penstock.httpAddress().getPort() + "/metrics");
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(metrics).build(), HttpResponse.BodyHandlers.ofString()).body()
                    .lines().filter(line -> line.startsWith(name + " ")).findFirst().orElseThrow()
                    .substring(name.length() + 1);
        }
    }
}
