package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.auth.Exchange;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;

class UserCommandTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final FakePasswords passwords = new FakePasswords();

    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("users.toml");
    }

    @Test
    void anAddedUserLogsIn() throws IOException {
        passwords.typed.addAll(List.of("correct horse", "correct horse"));
        assertThat(user("add", "--file", file.toString(), "--tenant", "acme", "--sender-domain", "Example.com",
                "--sender-domain", ".example.net", "--certificate-name", "Client.example", "bulk@example.com"))
                .isEqualTo(ExitCode.OK);
        assertThat(passwords.prompts).containsExactly("Password for bulk@example.com: ", "Once more: ");
        UserConfig user = users().getFirst();
        assertThat(user).extracting(UserConfig::name, UserConfig::tenant, UserConfig::senderDomains,
                UserConfig::certificateNames, UserConfig::disabled)
                .containsExactly("bulk@example.com", "acme", List.of("example.com", ".example.net"),
                        List.of("client.example"), false);
        assertThat(user.scramSha256()).isPresent();
        assertThat(logsIn("bulk@example.com", "correct horse")).isTrue();
        assertThat(Files.readString(file)).doesNotContain("correct horse");
        assertThat(text(out) + text(err)).isEqualTo("added bulk@example.com to " + file + "\n");
    }

    @Test
    void aPasswordComesFromStandardInputWhenTold() throws IOException {
        passwords.standardInput = "swordfish";
        assertThat(user("add", "-f", file.toString(), "--password-stdin", "--no-scram", "alice"))
                .isEqualTo(ExitCode.OK);
        assertThat(passwords.prompts).isEmpty();
        assertThat(users().getFirst().scramSha256()).isEmpty();
        assertThat(logsIn("alice", "swordfish")).isTrue();
    }

    @Test
    void passwdChangesThePasswordAndNothingElse() throws IOException {
        passwords.typed.addAll(List.of("first one", "first one", "second one", "second one"));
        user("add", "-f", file.toString(), "--tenant", "acme", "alice");
        assertThat(user("passwd", "-f", file.toString(), "alice")).isEqualTo(ExitCode.OK);
        assertThat(logsIn("alice", "first one")).isFalse();
        assertThat(logsIn("alice", "second one")).isTrue();
        assertThat(users()).singleElement().extracting(UserConfig::tenant).isEqualTo("acme");
    }

    @Test
    void listShowsNoHashes() throws IOException {
        passwords.typed.addAll(List.of("first one", "first one"));
        user("add", "-f", file.toString(), "--tenant", "acme", "alice");
        user("add", "-f", file.toString(), "--no-password", "--certificate-name", "c.example", "bob");
        out.reset();
        assertThat(user("list", "-f", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(text(out)).containsPattern("""
                alice +acme +argon2id m=19456 t=2 p=1 +SCRAM-SHA-256 i=10000 +active +-; -
                bob +- +- +- +active +-; c.example
                2 users
                """);
        String hash = users().getFirst().password().orElseThrow().text();
        assertThat(text(out)).doesNotContain(hash.substring(hash.length() - 20));
    }

    @Test
    void removeRemoves() throws IOException {
        user("add", "-f", file.toString(), "--no-password", "alice");
        user("add", "-f", file.toString(), "--no-password", "bob");
        assertThat(user("remove", "-f", file.toString(), "alice")).isEqualTo(ExitCode.OK);
        assertThat(users()).extracting(UserConfig::name).containsExactly("bob");
    }

    @Test
    void theConfigurationNamesTheFile() throws IOException {
        Path config = Files.writeString(directory.resolve("penstock.toml"), "auth.users = '" + file + "'");
        assertThat(user("add", "--config", config.toString(), "--no-password", "alice")).isEqualTo(ExitCode.OK);
        assertThat(users()).hasSize(1);
        Files.writeString(config, "");
        assertThat(user("list", "--config", config.toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(text(err)).contains("penstock.toml names no auth.users");
    }

    @Test
    void weakOrMistypedPasswordsAreNotTaken() {
        for (List<String> typed : List.of(List.of("", ""), List.of("  ", "  "), List.of("one one one", "two two two"),
                List.of("bell\u0007bell", "bell\u0007bell"))) {
            passwords.typed.clear();
            passwords.typed.addAll(typed);
            assertThat(user("add", "-f", file.toString(), "alice")).as(typed.toString()).isEqualTo(ExitCode.USAGE);
        }
        passwords.typed.clear();
        assertThat(user("add", "-f", file.toString(), "alice")).as("no terminal").isEqualTo(ExitCode.USAGE);
        assertThat(user("add", "-f", file.toString(), "--password-stdin", "alice")).isEqualTo(ExitCode.USAGE);
        assertThat(file).doesNotExist();
        assertThat(text(err)).contains("an empty password isn't taken", "the two passwords differ", "RFC 4013",
                "use --password-stdin", "there is no password on standard input");
    }

    @Test
    void shortPasswordsAreWarnedOf() {
        passwords.standardInput = "short";
        assertThat(user("add", "-f", file.toString(), "--password-stdin", "alice")).isEqualTo(ExitCode.OK);
        assertThat(text(err)).contains("warning: a password of fewer than 8 characters");
    }

    @Test
    void aPasswordOnTheCommandLineIsNotAnOption() {
        assertThat(user("add", "-f", file.toString(), "alice", "secret")).isEqualTo(ExitCode.USAGE);
        assertThat(user("add", "-f", file.toString(), "--password", "secret", "alice")).isEqualTo(ExitCode.USAGE);
        assertThat(file).doesNotExist();
    }

    @Test
    void whatCannotBeDoneIsSaid() throws IOException {
        assertThat(user("list", "-f", file.toString())).isEqualTo(ExitCode.NO_INPUT);
        assertThat(user("list")).isEqualTo(ExitCode.USAGE);
        assertThat(user("add", "-f", directory.resolve("none/users.toml").toString(), "--no-password", "alice"))
                .isEqualTo(ExitCode.CANT_CREATE);
        user("add", "-f", file.toString(), "--no-password", "--certificate-name", "c.example", "alice");
        assertThat(user("add", "-f", file.toString(), "--no-password", "alice")).isEqualTo(1);
        assertThat(user("add", "-f", file.toString(), "--no-password", "--certificate-name", "c.example", "bob"))
                .isEqualTo(1);
        assertThat(user("passwd", "-f", file.toString(), "bob")).isEqualTo(1);
        assertThat(user("remove", "-f", file.toString(), "bob")).isEqualTo(1);
        assertThat(user("add", "-f", file.toString(), "--no-password", "--sender-domain", "a b", "bob"))
                .isEqualTo(ExitCode.USAGE);
        assertThat(user("add", "-f", file.toString(), "--scram-iterations", "1", "bob")).isEqualTo(ExitCode.USAGE);
        Files.writeString(file, "[alice]\npasword = 1\n");
        assertThat(user("remove", "-f", file.toString(), "alice")).isEqualTo(ExitCode.CONFIG);
        assertThat(text(err)).contains("there is no file " + file, "there is a user alice already",
                "c.example belongs to the user alice already", "there is no user bob",
                file + ":2:1: alice.pasword: unknown key; did you mean password?");
        assertThat(passwords.prompts).isEmpty();
    }

    private int user(String... arguments) {
        List<String> all = new ArrayList<>(List.of("user"));
        all.addAll(List.of(arguments));
        return Main.execute(_ -> {
            throw new AssertionError("nothing is started");
        }, (_, _) -> {}, passwords, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), all.toArray(String[]::new));
    }

    private List<UserConfig> users() {
        return ((UsersFile.Valid) UsersFile.read(file)).users();
    }

    private boolean logsIn(String name, String password) throws IOException {
        try (SaslAuthenticator authenticator = SaslAuthenticator
                .open(AuthConfig.DEFAULT.with(AuthConfig.USERS, Optional.of(file)))) {
            return authenticator.password(name, password.getBytes(StandardCharsets.UTF_8))
                    .join() instanceof Exchange.Step.Success;
        }
    }

    private static String text(ByteArrayOutputStream stream) {
        return stream.toString(StandardCharsets.UTF_8);
    }

    private static final class FakePasswords implements PasswordSource {
        final Deque<String> typed = new ArrayDeque<>();
        final List<String> prompts = new ArrayList<>();
        @Nullable
        String standardInput;

        @Override
        public @Nullable String ask(String prompt) {
            String answer = typed.poll();
            if (answer != null) {
                prompts.add(prompt);
            }
            return answer;
        }

        @Override
        public @Nullable String line() {
            return standardInput;
        }
    }
}
