package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Exchange.Step;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;

/** The credentials file changes while the gateway runs. */
class CredentialsReloadTest {
    private static final int ROUNDS = 400;
    private static final long SEED = 20_261_128;

    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("users.toml");
    }

    @Test
    void aChangedPasswordCountsAtOnceThoughTheOldOneIsRemembered() throws IOException {
        try (SaslAuthenticator authenticator = PatientAuthenticator
                .open(Users.file(file, Users.user("alice", "old")))) {
            assertThat(logsIn(authenticator, "alice", "old")).isTrue();
            UsersFile.write(file, List.of(Users.user("alice", "new"), Users.user("bob", "b")));
            looks(authenticator);
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
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(Users.file(file, alice))) {
            assertThat(logsIn(authenticator, "alice", "secret")).isTrue();
            UsersFile.write(file, List.of(Users.disabled(alice)));
            looks(authenticator);
            assertThat(logsIn(authenticator, "alice", "secret")).isFalse();
        }
    }

    @Test
    void aFileWithAnErrorOrNoneChangesNothing() throws IOException {
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(Users.file(file, Users.user("alice", "a")))) {
            Files.writeString(file, "[alice]\npasword = 1\n");
            looks(authenticator);
            looks(authenticator);
            assertThat(authenticator.stats().reloadsRefused()).as("told once").isEqualTo(1);
            assertThat(logsIn(authenticator, "alice", "a")).isTrue();
            Files.delete(file);
            looks(authenticator);
            assertThat(authenticator.stats().reloadsRefused()).isEqualTo(2);
            assertThat(logsIn(authenticator, "alice", "a")).isTrue();
            UsersFile.write(file, List.of(Users.user("alice", "b")));
            looks(authenticator);
            assertThat(logsIn(authenticator, "alice", "b")).isTrue();
        }
    }

    @Test
    void aChangeIsFoundWithoutBeingAskedFor() throws IOException {
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(Users.file(file, Users.user("alice", "a")))) {
            UsersFile.write(file, List.of(Users.user("alice", "b")));
            await().until(() -> authenticator.stats().reloads() == 1);
            assertThat(logsIn(authenticator, "alice", "b")).isTrue();
        }
    }

    @Test
    void aReloadPutsARenamedFileIntoForceAtOnce() throws IOException {
        UserConfig alice = Users.user("alice", "a");
        AuthConfig config = Users.file(file, alice);
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(config)) {
            UsersFile.write(file, List.of(Users.disabled(alice)));
            authenticator.reconfigure(config);
            assertThat(logsIn(authenticator, "alice", "a")).isFalse();
        }
    }

    @Test
    void aFileThatIsRewrittenBeforeEachLookIsTakenAfterAFew() throws IOException {
        UserConfig alice = Users.user("alice", "a");
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(Users.file(file, alice))) {
            for (int look = 0; look < 10; look++) {
                UsersFile.write(file, List.of(Users.disabled(alice)));
                authenticator.look();
            }
            assertThat(logsIn(authenticator, "alice", "a")).isFalse();
        }
    }

    @Test
    void aFileWithAnErrorStartsNothing() throws IOException {
        Files.writeString(file, "[alice]\npasword = 1\n");
        AuthConfig config = AuthConfig.DEFAULT.with(AuthConfig.USERS, Optional.of(file));
        assertThatThrownBy(() -> PatientAuthenticator.open(config)).isInstanceOf(IOException.class)
                .hasMessage(file + ":2:1: alice.pasword: unknown key; did you mean password?");
    }

    @Test
    void anotherFileTakesThePlaceOfTheFirstUnlessItHasAnError() throws IOException {
        Path other = directory.resolve("other.toml");
        AuthConfig first = Users.file(file, Users.user("alice", "a"));
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(first)) {
            AuthConfig second = Users.file(other, Users.user("bob", "b"));
            authenticator.reconfigure(second);
            assertThat(logsIn(authenticator, "alice", "a")).isFalse();
            assertThat(logsIn(authenticator, "bob", "b")).isTrue();
            Files.writeString(file, "x");
            assertThatThrownBy(() -> authenticator.reconfigure(first)).isInstanceOf(IOException.class);
            assertThat(logsIn(authenticator, "bob", "b")).isTrue();
        }
    }

    @Test
    void aFileThatIsTruncatedAndWrittenInPlaceIsTakenWhenItRests() throws IOException {
        Users.file(file, Users.user("alice", "a"), Users.user("bob", "b"));
        String whole = Files.readString(file);
        LongAdder reloads = new LongAdder();
        LongAdder refused = new LongAdder();
        try (CredentialsFile watched = new CredentialsFile(file, reloads, refused, () -> {})) { // by this test alone
            String half = whole.substring(0, whole.indexOf("[\"bob\"]"));
            Files.writeString(file, "");
            watched.look();
            Files.writeString(file, half); // reads well, without bob
            watched.look();
            assertThat(watched.current().size()).isEqualTo(2);
            Files.writeString(file, whole + "# and no more\n");
            watched.look();
            watched.look();
            assertThat(watched.current().size()).isEqualTo(2);
            assertThat(reloads.sum()).isEqualTo(1);
            assertThat(refused.sum()).isZero();
        }
    }

    @Test
    void aFileWithoutAnOctetChangesNothingHoweverLongItStands() throws IOException {
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(Users.file(file, Users.user("alice", "a")))) {
            Files.writeString(file, "");
            looks(authenticator);
            looks(authenticator);
            assertThat(authenticator.stats().users()).isEqualTo(1);
            assertThat(authenticator.stats().reloadsRefused()).isEqualTo(1);
            Files.writeString(file, "# nobody\n");
            looks(authenticator);
            assertThat(authenticator.stats().users()).isZero();
        }
    }

    /** Whoever replaces, deletes, links or rewrites it: those who are in all states of the file are never out. */
    @Test
    void noHandOnTheFileLetsAUserOutWhoIsInAllOfItsStates() throws Exception {
        AuthConfig config = Users.file(file, Users.user("alice", "a"), Users.user("bob", "b"));
        byte[] one = Files.readAllBytes(file);
        byte[] two = (Files.readString(file) + "\n[\"carol\"]\ndisabled = true\n").getBytes(StandardCharsets.UTF_8);
        Path first = Files.write(Files.createDirectory(directory.resolve("..1")).resolve("users.toml"), one);
        Path second = Files.write(Files.createDirectory(directory.resolve("..2")).resolve("users.toml"), two);
        SplittableRandom random = new SplittableRandom(SEED);
        Logger log = (Logger) LoggerFactory.getLogger(CredentialsFile.class);
        log.setLevel(Level.OFF); // of hundreds of files that are gone
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(config)) {
            AtomicBoolean over = new AtomicBoolean();
            Thread looker = Thread.ofPlatform().start(() -> {
                while (!over.get()) {
                    authenticator.look();
                }
            });
            for (int round = 0; round < ROUNDS; round++) {
                boolean isFirst = random.nextBoolean();
                byte[] next = isFirst ? one : two;
                switch (random.nextInt(5)) {
                    case 0 ->
                        Files.move(Files.write(directory.resolve("new"), next), file, StandardCopyOption.ATOMIC_MOVE);
                    case 1 -> {
                        Files.deleteIfExists(file);
                        Files.move(Files.write(directory.resolve("new"), next), file, StandardCopyOption.ATOMIC_MOVE);
                    }
                    case 2 -> {
                        Path link = directory.resolve("link");
                        Files.createSymbolicLink(link, isFirst ? first : second);
                        Files.move(link, file, StandardCopyOption.ATOMIC_MOVE);
                    }
                    case 3 -> {
                        Files.deleteIfExists(file);
                        Files.write(file, new byte[0]);
                        authenticator.look();
                        Files.write(file, next);
                    }
                    default -> Files.delete(file);
                }
                assertThat(authenticator.stats().users()).as("round %d, seed %d", round, SEED).isBetween(2, 3);
                if (Files.notExists(file)) {
                    Files.write(file, next);
                }
            }
            over.set(true);
            assertThat(looker.join(Duration.ofMinutes(1))).isTrue();
            assertThat(authenticator.stats().users()).as("seed %d", SEED).isBetween(2, 3);
            looks(authenticator);
            assertThat(authenticator.stats().users())
                    .isEqualTo(Files.readString(file).contains("carol") ? 3 : 2);
            assertThat(logsIn(authenticator, "bob", "b")).isTrue();
        } finally {
            log.setLevel(null);
        }
    }

    /** A change is taken when two looks have seen it. */
    private static void looks(SaslAuthenticator authenticator) {
        authenticator.look();
        authenticator.look();
    }

    private static boolean logsIn(SaslAuthenticator authenticator, String name, String password) {
        return SaslAuthenticatorTest.step(authenticator.password(name,
                password.getBytes(StandardCharsets.UTF_8))) instanceof Step.Success;
    }
}
