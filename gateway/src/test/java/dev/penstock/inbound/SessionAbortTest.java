package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.policy.Decision;
import dev.penstock.testing.FakePolicy;

/** Sessions of clients that an operator ends, whatever they are doing, and what is seen of them before. */
@Timeout(120)
class SessionAbortTest {
    private static final String ENDED = "S: 421 4.3.2 gateway.example Service closes this session\nS: <close>\n";
    private static final String TO_RCPT = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            """;

    private static TlsKit kit;

    private final FakePolicy policy = new FakePolicy();

    @BeforeAll
    static void open(@TempDir Path directory) {
        kit = new TlsKit(directory);
    }

    @AfterAll
    static void close() {
        kit.close();
    }

    private ScriptedSession session() {
        return new ScriptedSession(config -> config, policy);
    }

    private static void assertNothingIsLeft(ScriptedSession smtp) {
        assertThat(smtp.receivingOctets()).isZero();
        assertThat(smtp.spool.openIntakes()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "C: EHLO client.example\nS: <ehlo>\n", "C: NOO\\c\n"})
    void whereItWaitsForACommandTheClientIsToldAndTheConnectionClosed(String dialogue) {
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\n" + dialogue);
            smtp.abort();
            smtp.plays(ENDED);
            assertNothingIsLeft(smtp);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"C: DATA\nS: 354 *\nC: Subject: x\nC: half a line\\c\n",
        "C: BDAT 10\nC: half\\c\n", "C: BDAT 4\nC: 12\nS: 250 *\n"})
    void whatHasComeOfAMessageIsForgotten(String content) {
        try (ScriptedSession smtp = session()) {
            smtp.plays(TO_RCPT + content);
            smtp.abort();
            smtp.plays(ENDED);
            assertNothingIsLeft(smtp);
            assertThat(smtp.accepted).isEmpty();
            assertThat(smtp.server.stats().messagesAborted()).isEqualTo(1);
        }
    }

    /** Else the client would send again what is ours already. */
    @Test
    void whatIsBeingMadeDurableHasItsAnswerFirstAndNothingIsTakenAfterIt() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.holdCommits();
            smtp.plays(TO_RCPT + "C: DATA\nS: 354 *\nC: x\nC: .\nC: MAIL FROM:<second@example.com>\n");
            smtp.abort();
            smtp.plays("S: <nothing>\n");
            smtp.spool.completeCommits();
            smtp.plays("S: 250 2.0.0 * queued\n" + ENDED);
            assertThat(smtp.accepted).hasSize(1);
            assertNothingIsLeft(smtp);
        }
    }

    @Test
    void aPolicysAnswerIsNotWaitedFor() {
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        policy.onMail = answer;
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>\nC: MAIL FROM:<a@example.com>\nS: <nothing>\n");
            smtp.abort();
            smtp.plays(ENDED);
            answer.complete(Decision.ACCEPT);
            smtp.plays("S: <close>\n");
            assertNothingIsLeft(smtp);
        }
    }

    @Test
    void withinAHandshakeNothingCanBeSaid() {
        try (ScriptedSession smtp = new ScriptedSession(config -> config,
                new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(),
                kit.server(kit.config(Mode.OFFERED)), policy, Authenticator.NONE)) {
            smtp.plays("S: 220 *\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n");
            smtp.abort();
            smtp.plays("S: <close>\n");
        }
    }

    @Test
    void aPenaltyIsCutShort() {
        try (ScriptedSession smtp = new ScriptedSession(
                config -> config.errors(0, Duration.ofSeconds(5), 10, 10), policy)) {
            smtp.plays("S: 220 *\nC: FOO\n");
            smtp.abort();
            smtp.plays("S: 500 *\n" + ENDED);
        }
    }

    @Test
    void asSeenByOthersASessionHasItsClientItsStateAndItsCounts() throws IOException {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(),
                Authenticator.NONE)) {
            smtp.connect().startTls(kit.client()).plays(TO_RCPT.replace("S: 220 *\n", "")
                    + "C: DATA\nS: 354 *\nC: x\nC: .\nS: 250 *\n" + "C: NOOP\nS: 250 *\n");
            assertThat(smtp.server.sessions()).singleElement().satisfies(view -> {
                assertThat(view.client().getAddress().getHostAddress()).isEqualTo("127.0.0.1");
                assertThat(view.helo()).isEqualTo("client.example");
                assertThat(view.login()).isEmpty();
                assertThat(view.protocol()).isEqualTo("ESMTPS");
                assertThat(view.tls()).isNotNull();
                assertThat(view.state()).isEqualTo(ClientSessionView.State.COMMAND);
                assertThat(view.messages()).isEqualTo(1);
                assertThat(view.octets()).isGreaterThan(80);
                assertThat(view.age()).isGreaterThanOrEqualTo(view.since());
            });
        }
    }

    @Test
    void aSessionIsEndedByItsIdAndOnceOnly() throws IOException {
        try (SmtpFixture smtp = new SmtpFixture()) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *\n");
            String id = smtp.server.sessions().getFirst().id();
            assertThat(smtp.server.abort(id + "x", "no such session")).isFalse();
            assertThat(smtp.server.abort(id, "a test")).isTrue();
            client.plays(ENDED);
            await().until(() -> smtp.server.sessions().isEmpty());
            assertThat(smtp.server.abort(id, "a test")).isFalse();
        }
    }
}
