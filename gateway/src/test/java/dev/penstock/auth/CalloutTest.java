package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Exchange.Reason;
import dev.penstock.auth.Exchange.Step;
import dev.penstock.config.AuthConfig;

/** Passwords and tokens that somebody else judges. */
class CalloutTest {
    private static final Duration DEADLINE = Duration.ofMinutes(1);
    private static final Duration SHORT = Duration.ofMillis(100);

    @TempDir
    Path directory;

    private FakeCallout passwords;
    private FakeCallout tokens;

    @BeforeEach
    void start() throws IOException {
        passwords = new FakeCallout();
        tokens = new FakeCallout();
    }

    @AfterEach
    void stop() {
        passwords.close();
        tokens.close();
    }

    @Test
    void namesThatTheFileDoesNotHaveAreAskedFor() throws IOException {
        passwords.answers(200, """
                {"ok": true, "tenant": "acme", "sender_domains": ["Example.COM", "*"], "more": {"x": [1]}}""");
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            assertThat(say(authenticator, "PLAIN", "\0bob@example.com\0p\"\u00e4")).isEqualTo(
                    new Step.Success(new Identity("bob@example.com", "acme", List.of("example.com", "*"))));
            assertThat(passwords.questions).containsExactly(
                    "Bearer ours {\"mechanism\":\"PLAIN\",\"name\":\"bob@example.com\",\"password\":\"p\\\"\u00e4\","
                            + "\"client\":\"192.0.2.1\"}");
            assertThat(say(authenticator, "PLAIN", "\0alice\0wrong")).as("the file has her")
                    .isInstanceOf(Step.Failure.class);
            assertThat(passwords.questions).hasSize(1);
        }
    }

    @Test
    void aUserOfTheFileThatAnAnswerNamesStaysBoundToIt() throws IOException {
        AuthConfig config = AuthConfig.DEFAULT
                .with(AuthConfig.USERS, Users.file(directory.resolve("own.toml"), Users.user("alice", "a"),
                        Users.disabled(Users.user("eve", "e"))).users())
                .with(AuthConfig.CALLOUT, Optional.of(passwords.config(DEADLINE)));
        try (SaslAuthenticator authenticator = PatientAuthenticator.open(config)) {
            passwords.answers(200, "{\"ok\": true, \"name\": \"alice\"}");
            assertThat(say(authenticator, "PLAIN", "\0alice@example.com\0x"))
                    .isEqualTo(new Step.Success(new Identity("alice", "acme", List.of("example.com"))));
            passwords.answers(200, "{\"ok\": true, \"name\": \"eve\"}");
            assertThat(reason(say(authenticator, "PLAIN", "\0eve@example.com\0x"))).as("disabled in the file")
                    .isEqualTo(Reason.CREDENTIALS);
        }
    }

    @Test
    void aNoIsARefusal() throws IOException {
        passwords.answers(200, "{\"ok\": false}");
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            assertThat(reason(say(authenticator, "PLAIN", "\0bob\0x"))).isEqualTo(Reason.CREDENTIALS);
            assertThat(authenticator.stats().unanswered()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{", "{\"ok\": \"true\"}", "{\"ok\": 1}", "{}", "{\"ok\": true} {}",
        "{\"ok\": true, \"tenant\": 5}", "{\"ok\": true, \"sender_domains\": \"example.com\"}",
        "{\"ok\": true, \"sender_domains\": [1]}", "{\"ok\": true, \"sender_domains\": [\"a b\"]}",
        "{\"ok\": true, \"name\": \"\"}", "{\"ok\": true, \"tenant\": \"a\\nb\"}"})
    void anAnswerThatIsNotOneDecidesNothing(String answer) throws IOException {
        passwords.answers(200, answer);
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            assertThat(reason(say(authenticator, "PLAIN", "\0bob\0x"))).isEqualTo(Reason.TEMPORARY);
            assertThat(authenticator.stats().unanswered()).isEqualTo(1);
        }
    }

    @Test
    void anotherStatusDecidesNothing() throws IOException {
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            for (int status : List.of(204, 302, 401, 403, 500, 503)) {
                passwords.answers(status, status == 204 ? "" : "{\"ok\": true}");
                assertThat(reason(say(authenticator, "PLAIN", "\0bob\0x"))).as("" + status)
                        .isEqualTo(Reason.TEMPORARY);
            }
        }
    }

    @Test
    void noAnswerInTimeDecidesNothing() throws IOException {
        passwords.isSilent();
        tokens.isSilent();
        try (SaslAuthenticator authenticator = open(SHORT)) {
            assertThat(reason(say(authenticator, "PLAIN", "\0bob\0x"))).isEqualTo(Reason.TEMPORARY);
            assertThat(reason(say(authenticator, "OAUTHBEARER", "n,,\1auth=Bearer t\1\1"))).isEqualTo(Reason.TEMPORARY);
            passwords.close();
            assertThat(reason(say(authenticator, "PLAIN", "\0bob\0x"))).isEqualTo(Reason.TEMPORARY);
        }
    }

    @Test
    void aTokenIsJudged() throws IOException {
        tokens.answers(200, "{\"active\": true, \"name\": \"carol\", \"tenant\": \"t\"}");
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            assertThat(authenticator.mechanisms(Users.TLS)).containsSubsequence("OAUTHBEARER", "XOAUTH2", "PLAIN");
            assertThat(authenticator.mechanisms(null)).containsExactly("SCRAM-SHA-256");
            Step.Success success = new Step.Success(new Identity("carol", "t", List.of()));
            assertThat(say(authenticator, "OAUTHBEARER",
                    "n,a=carol,\1host=mx.example\1port=587\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1"))
                    .isEqualTo(success);
            assertThat(say(authenticator, "XOAUTH2", "user=carol\1auth=bearer abc\1\1")).isEqualTo(success);
            assertThat(tokens.questions).containsExactly(
                    "Bearer ours {\"token\":\"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\",\"host\":\"mx.example\","
                            + "\"port\":\"587\",\"client\":\"192.0.2.1\"}",
                    "Bearer ours {\"token\":\"abc\",\"host\":\"\",\"port\":\"\",\"client\":\"192.0.2.1\"}");
        }
    }

    @Test
    void aRefusedTokenIsToldByAChallengeThatTheClientAnswers() throws IOException {
        tokens.answers(200, "{\"active\": false}");
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            Exchange exchange = Objects.requireNonNull(authenticator.start("OAUTHBEARER", Users.TLS));
            assertThat(say(exchange, "n,,\1auth=Bearer abc\1\1")).isEqualTo(new Step.Challenge(
                    Base64.getEncoder()
                            .encodeToString("{\"status\":\"invalid_token\"}".getBytes(StandardCharsets.UTF_8))));
            assertThat(reason(say(exchange, "\1"))).isEqualTo(Reason.CREDENTIALS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"n,a=dave,\1auth=Bearer abc\1\1", "n,,\1auth=Basic abc\1\1", "n,,\1host=x\1\1",
        "n,,\1auth=Bearer \1\1", "n,,\1auth=Bearer a b\1\1"})
    void anothersTokenOrNoneIsRefused(String message) throws IOException {
        tokens.answers(200, "{\"active\": true, \"name\": \"carol\"}");
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            Exchange exchange = Objects.requireNonNull(authenticator.start("OAUTHBEARER", Users.TLS));
            assertThat(say(exchange, message)).isInstanceOf(Step.Challenge.class);
            assertThat(reason(say(exchange, "\1"))).isEqualTo(Reason.CREDENTIALS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\1", "n,,\1auth=Bearer abc\1", "n,,auth=Bearer abc",
        "p=tls-exporter,,\1auth=Bearer abc\1\1",
        "n,x,\1auth=Bearer abc\1\1", "n,,\1auth\1\1", "n,,\1auth=Bearer abc\1auth=Bearer abc\1\1",
        "n,a=x=y,\1auth=Bearer abc\1\1"})
    void malformedBearerMessagesAreTold(String message) throws IOException {
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            assertThat(reason(say(authenticator, "OAUTHBEARER", message))).isEqualTo(Reason.MALFORMED);
            assertThat(tokens.questions).isEmpty();
        }
    }

    @Test
    void aTokenDoesNotSetFreeWhatTheFileBinds() throws IOException {
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            tokens.answers(200, "{\"active\": true, \"name\": \"alice\"}");
            assertThat(say(authenticator, "OAUTHBEARER", "n,,\1auth=Bearer abc\1\1"))
                    .isEqualTo(new Step.Success(new Identity("alice", "acme", List.of("example.com"))));
            tokens.answers(200, "{\"active\": true, \"name\": \"mallory\"}");
            assertThat(reason(say(authenticator, "OAUTHBEARER", "n,,\1auth=Bearer abc\1\1", "\1")))
                    .isEqualTo(Reason.CREDENTIALS);
        }
    }

    @Test
    void whoIsNotAskedAnyMoreStillAnswersWhatWasAsked() throws IOException, InterruptedException {
        passwords.answers(200, "{\"ok\": true}");
        tokens.answers(200, "{\"ok\": true, \"tenant\": \"new\"}");
        passwords.isHeld();
        try (SaslAuthenticator authenticator = open(DEADLINE)) {
            Exchange begun = Objects.requireNonNull(authenticator.start("LOGIN", Users.TLS));
            Exchange asked = Objects.requireNonNull(authenticator.start("PLAIN", Users.TLS));
            CompletableFuture<Step> answer = asked.respond("\0bob\0x".getBytes(StandardCharsets.UTF_8));
            assertThat(passwords.questions.poll(60, TimeUnit.SECONDS)).isNotNull();
            authenticator
                    .reconfigure(AuthConfig.DEFAULT.with(AuthConfig.CALLOUT, Optional.of(tokens.config(DEADLINE))));
            assertThat(answer).isNotDone();
            passwords.release();
            assertThat(SaslAuthenticatorTest.step(answer))
                    .isEqualTo(new Step.Success(new Identity("bob", "", List.of())));
            assertThat(say(begun, "carol")).isInstanceOf(Step.Challenge.class);
            assertThat(say(begun, "x")).as("asked for the first time")
                    .isEqualTo(new Step.Success(new Identity("carol", "new", List.of())));
        }
    }

    private SaslAuthenticator open(Duration deadline) throws IOException {
        AuthConfig file = Users.file(directory.resolve("users.toml"), Users.user("alice", "correct horse"),
                Users.disabled(Users.user("mallory", "gone")));
        return PatientAuthenticator.open(file.with(AuthConfig.CALLOUT, Optional.of(passwords.config(deadline)))
                .with(AuthConfig.BEARER, Optional.of(tokens.config(deadline))));
    }

    private static Step say(SaslAuthenticator authenticator, String mechanism, String... messages) {
        Exchange exchange = Objects.requireNonNull(authenticator.start(mechanism, Users.TLS, "192.0.2.1"));
        Step step = new Step.Challenge("");
        for (String message : messages) {
            step = say(exchange, message);
        }
        return step;
    }

    private static Step say(Exchange exchange, String message) {
        return SaslAuthenticatorTest.step(exchange.respond(message.getBytes(StandardCharsets.UTF_8)));
    }

    private static Reason reason(Step step) {
        return ((Step.Failure) step).reason();
    }
}
