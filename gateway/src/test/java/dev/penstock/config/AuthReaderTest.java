package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tomlj.Toml;

class AuthReaderTest {
    private static final Path SAMPLE = Path.of("..", "config", "penstock.toml");

    @TempDir
    Path directory;

    @Test
    void everyKeyIsMapped() throws IOException {
        Path users = Files.writeString(directory.resolve("users.toml"), "[alice]\n");
        assertThat(((ConfigReader.Valid) read("""
                [auth]
                mechanisms = ["plain", "SCRAM-SHA-256"]
                users = '%s'
                [auth.callout]
                url = "https://login.example/check"
                deadline = "1s"
                max-in-flight = 5
                authorization = "Bearer x"
                [auth.bearer]
                url = "http://127.0.0.1:8080/introspect"
                """.formatted(users))).config().auth()).isEqualTo(
                AuthConfig.DEFAULT.with(AuthConfig.ALLOWED_MECHANISMS, List.of("PLAIN", "SCRAM-SHA-256"))
                        .with(AuthConfig.USERS, Optional.of(users))
                        .with(AuthConfig.CALLOUT,
                                Optional.of(new CalloutConfig(URI.create("https://login.example/check"),
                                        Duration.ofSeconds(1), 5, "Bearer x")))
                        .with(AuthConfig.BEARER,
                                Optional.of(new CalloutConfig(URI.create("http://127.0.0.1:8080/introspect"),
                                        CalloutConfig.DEADLINE.fallback(), CalloutConfig.MAX_IN_FLIGHT.fallback(),
                                        ""))));
    }

    @Test
    void theSampleHoldsEveryKey() throws IOException {
        assertThat(Toml.parse(SAMPLE).getTableOrEmpty("auth").keySet()).containsExactlyInAnyOrder("mechanisms",
                "users");
        assertThat(Files.readString(SAMPLE)).contains("# [auth.callout]", "# [auth.bearer]");
    }

    @Test
    void errorsInTheCredentialsFileAreErrorsOfTheConfiguration() throws IOException {
        Path users = Files.writeString(directory.resolve("users.toml"), "[alice]\npasword = 'x'\n");
        assertThat(errors("auth.users = '" + users + "'")).containsExactly(
                "users.toml:2:1: alice.pasword: unknown key; did you mean password?");
        assertThat(errors("auth.users = '" + directory.resolve("none.toml") + "'"))
                .containsExactly(
                        "penstock.toml:1:1: auth.users: \"none.toml\": there is no file none.toml; allowed: the "
                                + "path of a file, or \"\" for no file of users");
    }

    @Test
    void whatCannotBeAskedIsRefused() throws IOException {
        assertThat(errors("""
                [auth]
                mechanisms = ["PLAIN", "CRAM-MD5"]
                callout = "http://127.0.0.1/"
                [auth.bearer]
                url = "ftp://127.0.0.1/"
                deadline = "2m"
                authorization = "a\\u00e4"
                """)).containsExactly(
                "penstock.toml:2:24: auth.mechanisms[1]: \"CRAM-MD5\": allowed: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, "
                        + "OAUTHBEARER, XOAUTH2, PLAIN, LOGIN",
                "penstock.toml:3:1: auth.callout: expected a table, written [auth.callout], found a text",
                "penstock.toml:5:1: auth.bearer.url: \"ftp://127.0.0.1/\": expected a URL like "
                        + "http://127.0.0.1:8080/check or https://…",
                "penstock.toml:6:1: auth.bearer.deadline: \"2m\": out of range; allowed: 10ms to 1m",
                "penstock.toml:7:1: auth.bearer.authorization: expected printable ASCII");
        assertThat(errors("auth.callout.url = 'http://127.0.0.1:80800/'")).containsExactly("penstock.toml:1:1: "
                + "auth.callout.url: \"http://127.0.0.1:80800/\": port 80800 is out of range; allowed: 1 to 65535");
        assertThat(errors("[auth.callout]\ndeadline = '1s'\n"))
                .containsExactly("penstock.toml:1:1: auth.callout: url is "
                        + "missing; expected one like \"http://127.0.0.1:8080/check\"");
    }

    @Test
    void whatACalloutIsAuthorizedByIsNotTold() throws IOException {
        ConfigReader.Result result = read("""
                [auth.callout]
                url = "http://127.0.0.1:8080/"
                authorization = "Bearer secret"
                """);
        assertThat(((ConfigReader.Valid) result).config().toString()).contains("http://127.0.0.1:8080/")
                .doesNotContain("secret");
    }

    private ConfigReader.Result read(String text) throws IOException {
        return Schemas.read(Files.writeString(directory.resolve("penstock.toml"), text));
    }

    private List<String> errors(String text) throws IOException {
        return ((ConfigReader.Invalid) read(text)).problems().stream()
                .map(problem -> problem.toString().replace(directory + "/", "")).toList();
    }
}
