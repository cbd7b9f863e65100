package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.auth.Exchange.Step;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;

/** The credentials file changes while the gateway runs. */
class CredentialsReloadTest {
    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("users.toml");
    }

    @Test
    void aChangedPasswordCountsAtOnceThoughTheOldOneIsRemembered() throws IOException {
        try (SaslAuthenticator authenticator = SaslAuthenticator.open(Users.file(file, Users.user("alice", "old")))) {
            assertThat(logsIn(authenticator, "alice", "old")).isTrue();
            UsersFile.write(file, List.of(Users.user("alice", "new"), Users.user("bob", "b")));
            authenticator.look();
            assertThat(logsIn(authenticator, "alice", "old")).isFalse();
            assertThat(logsIn(authenticator, "alice", "new")).isTrue();
            assertThat(logsIn(authenticator, "bob", "b")).isTrue();
            assertThat(authenticator.stats().reloads()).isEqualTo(1);
            assertThat(authenticator.stats().users()).isEqualTo(2);
        }
    }

    @Test
    void aDisabledUserIsOutThoughThePasswordIsRemembered() throws IOException {
        UserConfig alice = Users.user("alice", "secret");
        try (SaslAuthenticator authenticator = SaslAuthenticator.open(Users.file(file, alice))) {
            assertThat(logsIn(authenticator, "alice", "secret")).isTrue();
            UsersFile.write(file, List.of(Users.disabled(alice)));
            authenticator.look();
            assertThat(logsIn(authenticator, "alice", "secret")).isFalse();
        }
    }

    @Test
    void aFileWithAnErrorOrNoneChangesNothing() throws IOException {
        try (SaslAuthenticator authenticator = SaslAuthenticator.open(Users.file(file, Users.user("alice", "a")))) {
            Files.writeString(file, "[alice]\npasword = 1\n");
            authenticator.look();
            authenticator.look();
            assertThat(authenticator.stats().reloadsRefused()).as("told once").isEqualTo(1);
            assertThat(logsIn(authenticator, "alice", "a")).isTrue();
            Files.delete(file);
            authenticator.look();
            assertThat(authenticator.stats().reloadsRefused()).isEqualTo(2);
            assertThat(logsIn(authenticator, "alice", "a")).isTrue();
            UsersFile.write(file, List.of(Users.user("alice", "b")));
            authenticator.look();
            assertThat(logsIn(authenticator, "alice", "b")).isTrue();
        }
    }

    @Test
    void aChangeIsFoundWithoutBeingAskedFor() throws IOException {
        try (SaslAuthenticator authenticator = SaslAuthenticator.open(Users.file(file, Users.user("alice", "a")))) {
            UsersFile.write(file, List.of(Users.user("alice", "b")));
            await().atMost(Duration.ofSeconds(20)).until(() -> authenticator.stats().reloads() == 1);
            assertThat(logsIn(authenticator, "alice", "b")).isTrue();
        }
    }

    @Test
    void aFileWithAnErrorStartsNothing() throws IOException {
        Files.writeString(file, "[alice]\npasword = 1\n");
        AuthConfig config = new AuthConfig(Optional.of(file), Optional.empty(), Optional.empty());
        assertThatThrownBy(() -> SaslAuthenticator.open(config)).isInstanceOf(IOException.class)
                .hasMessage(file + ":2:1: alice.pasword: unknown key; did you mean password?");
    }

    @Test
    void anotherFileTakesThePlaceOfTheFirstUnlessItHasAnError() throws IOException {
        Path other = directory.resolve("other.toml");
        AuthConfig first = Users.file(file, Users.user("alice", "a"));
        try (SaslAuthenticator authenticator = SaslAuthenticator.open(first)) {
            AuthConfig second = Users.file(other, Users.user("bob", "b"));
            authenticator.reconfigure(second);
            assertThat(logsIn(authenticator, "alice", "a")).isFalse();
            assertThat(logsIn(authenticator, "bob", "b")).isTrue();
            Files.writeString(file, "x");
            assertThatThrownBy(() -> authenticator.reconfigure(first)).isInstanceOf(IOException.class);
            assertThat(logsIn(authenticator, "bob", "b")).isTrue();
        }
    }

    private static boolean logsIn(SaslAuthenticator authenticator, String name, String password) {
        return SaslAuthenticatorTest.step(authenticator.password(name,
                password.getBytes(StandardCharsets.UTF_8))) instanceof Step.Success;
    }
}
