package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Exchange.Reason;
import dev.penstock.auth.Exchange.Step;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.PasswordHash;
import dev.penstock.config.UserConfig;

class SaslAuthenticatorTest {
    private static final Identity ALICE = new Identity("alice", "acme", List.of("example.com"));
    /** A published hash of "U*U", of the test vectors that come with crypt_blowfish. */
    private static final String BCRYPT = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    private static SaslAuthenticator authenticator;

    @BeforeAll
    static void open(@TempDir Path directory) throws IOException {
        authenticator = PatientAuthenticator.open(Users.file(directory.resolve("users.toml"),
                Users.user("alice", "correct horse"),
                Users.user("IX", "IX"),
                Users.disabled(Users.user("mallory", "gone")),
                new UserConfig("bob", Optional.of(PasswordHash.parse(BCRYPT)), Optional.empty(), "", List.of(),
                        List.of(), false),
                new UserConfig("carol", Optional.empty(), Optional.empty(), "", List.of(), List.of(), false)));
    }

    @AfterAll
    static void close() {
        authenticator.close();
    }

    @Test
    void mechanismsThatRevealAPasswordAreOfferedOnlyOverTls() {
        assertThat(authenticator.mechanisms(null)).containsExactly("SCRAM-SHA-256");
        assertThat(authenticator.mechanisms(Users.TLS)).containsExactly("SCRAM-SHA-256", "PLAIN", "LOGIN");
        assertThat(authenticator.start("PLAIN", null)).isNull();
        assertThat(authenticator.start("LOGIN", null)).isNull();
        assertThat(authenticator.start("CRAM-MD5", Users.TLS)).isNull();
        assertThat(authenticator.start("plain", Users.TLS)).isNotNull();
    }

    @Test
    void nothingIsOfferedWithoutUsers() throws IOException {
        try (SaslAuthenticator nobody = PatientAuthenticator.open(AuthConfig.DEFAULT)) {
            assertThat(nobody.mechanisms(Users.TLS)).isEmpty();
            assertThat(step(nobody.password("alice", utf8("x")))).isEqualTo(wrong());
        }
    }

    @Test
    void plainWithInitialResponse() {
        assertThat(exchange("PLAIN", "\0alice\0correct horse")).containsExactly(new Step.Success(ALICE));
        assertThat(exchange("PLAIN", "alice\0alice\0correct horse")).containsExactly(new Step.Success(ALICE));
    }

    @Test
    void plainWithoutInitialResponseGetsAnEmptyChallenge() {
        assertThat(exchange("PLAIN", null, "\0alice\0correct horse")).containsExactly(new Step.Challenge(""),
                new Step.Success(ALICE));
    }

    @Test
    void loginAsksForNameAndPassword() {
        assertThat(exchange("LOGIN", null, "alice", "correct horse")).containsExactly(
                new Step.Challenge("VXNlcm5hbWU6"), new Step.Challenge("UGFzc3dvcmQ6"), new Step.Success(ALICE));
        assertThat(exchange("LOGIN", "alice", "correct horse")).containsExactly(new Step.Challenge("UGFzc3dvcmQ6"),
                new Step.Success(ALICE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\0alice\0correct hors", "\0alice\0Correct Horse", "\0Alice\0correct horse",
        "\0nobody\0correct horse", "\0mallory\0gone", "\0mallory\0wrong", "\0carol\0x", "bob\0alice\0correct horse",
        "\0alice\0correct\u0007horse", "\0al\u0007ice\0correct horse"})
    void wrongNamesAndPasswordsAreRefused(String message) {
        assertThat(exchange("PLAIN", message)).singleElement()
                .isInstanceOfSatisfying(Step.Failure.class,
                        failure -> assertThat(failure.reason()).isEqualTo(Reason.CREDENTIALS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "alice", "\0alice", "\0\0correct horse", "\0alice\0", "\0alice\0correct\0horse"})
    void malformedPlainIsTold(String message) {
        assertThat(exchange("PLAIN", message)).singleElement()
                .isInstanceOfSatisfying(Step.Failure.class,
                        failure -> assertThat(failure.reason()).isEqualTo(Reason.MALFORMED));
    }

    @Test
    void whatIsNotUtf8IsMalformed() {
        Exchange plain = Objects.requireNonNull(authenticator.start("PLAIN", Users.TLS));
        assertThat(step(plain.respond(new byte[]{0, 'a', 0, (byte) 0xff})))
                .isInstanceOfSatisfying(Step.Failure.class,
                        failure -> assertThat(failure.reason()).isEqualTo(Reason.MALFORMED));
    }

    @Test
    void bcryptHashesAreTakenWhateverTheirLetter() throws IOException {
        assertThat(exchange("PLAIN", "\0bob\0U*U"))
                .containsExactly(new Step.Success(new Identity("bob", "", List.of())));
        assertThat(exchange("PLAIN", "\0bob\0U*V")).containsExactly(wrong());
        for (String letter : List.of("$2b$", "$2y$")) {
            assertThat(Hashing.matches(PasswordHash.parse(letter + BCRYPT.substring(4)), utf8("U*U"))).isTrue();
        }
    }

    @Test
    void argon2HashesOfOthersAreTaken() {
        // argon2 1.3's own test: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1
        PasswordHash hash = PasswordHash.parse("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                + "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
        assertThat(Hashing.matches(hash, utf8("password"))).isTrue();
        assertThat(Hashing.matches(hash, utf8("Password"))).isFalse();
    }

    @Test
    void namesAndPasswordsAreComparedAsSaslprepSays() {
        // RFC 4013 3: soft hyphen mapped to nothing, Roman numeral nine to IX
        assertThat(exchange("PLAIN", "\0I\u00adX\0\u2168")).containsExactly(
                new Step.Success(new Identity("IX", "acme", List.of("example.com"))));
    }

    @Test
    void httpsBasicPasswordsAreChecked() {
        assertThat(step(authenticator.password("alice", utf8("correct horse")))).isEqualTo(new Step.Success(ALICE));
        assertThat(step(authenticator.password("alice", utf8("wrong")))).isEqualTo(wrong());
    }

    @Test
    void onlyTheMechanismsThatAreConfiguredAreOffered(@TempDir Path directory) throws IOException {
        AuthConfig all = Users.file(directory.resolve("users.toml"), Users.user("alice", "x"));
        try (SaslAuthenticator some = PatientAuthenticator
                .open(all.with(AuthConfig.ALLOWED_MECHANISMS, List.of("LOGIN", "PLAIN")))) {
            assertThat(some.mechanisms(Users.TLS)).containsExactly("LOGIN", "PLAIN");
            assertThat(some.mechanisms(null)).isEmpty();
            assertThat(some.start("SCRAM-SHA-256", Users.TLS)).isNull();
        }
    }

    @Test
    void aDisabledUsersRightPasswordCostsWhatAWrongOneDoes(@TempDir Path directory) throws IOException {
        AuthConfig config = Users.file(directory.resolve("users.toml"),
                Users.disabled(Users.user("mallory", "gone")));
        try (SaslAuthenticator some = PatientAuthenticator.open(config)) {
            for (int i = 0; i < 3; i++) {
                assertThat(step(some.password("mallory", utf8("gone")))).isInstanceOf(Step.Failure.class);
            }
            assertThat(some.stats().hashes()).isEqualTo(3);
            assertThat(some.stats().recalled()).isZero();
        }
    }

    @Test
    void base64IsTakenStrictly() {
        assertThat(Exchange.decode("=")).isEmpty();
        assertThat(Exchange.decode("")).isEmpty();
        assertThat(Exchange.decode("AGE=")).isEqualTo(new byte[]{0, 'a'});
        for (String wrong : List.of("AGE", "A", "AG==E", "A\u00e9E=", "AGE =", "*", "AGE=AGE=")) {
            assertThat(Exchange.decode(wrong)).as(wrong).isNull();
        }
    }

    private static List<Step> exchange(String mechanism, @Nullable String... messages) {
        Exchange exchange = Objects.requireNonNull(authenticator.start(mechanism, Users.TLS));
        return Arrays.stream(messages)
                .map(message -> step(exchange.respond(message == null ? null : utf8(message)))).toList();
    }

    static Step step(CompletableFuture<Step> future) {
        return future.orTimeout(60, TimeUnit.SECONDS).join();
    }

    private static Step wrong() {
        return new Step.Failure(Reason.CREDENTIALS, "wrong name or password");
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
