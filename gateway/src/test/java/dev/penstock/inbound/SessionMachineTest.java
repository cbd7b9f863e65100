package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLContext;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.policy.Decision;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.NoUsers;
import dev.penstock.tls.TlsSession;

/** The state machine of an SMTP session alone: no network, no event loop, and time that passes when it is told to. */
class SessionMachineTest {
    private static final Duration MOMENT = Duration.ofMillis(1);
    private static final String TO_RCPT = """
            S: 220 gateway.example ESMTP Penstock
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            """;
    private static final String TO_DATA = TO_RCPT + "C: DATA\nS: 354 *\n";
    private static final String NOTHING = "S: <nothing>\n";
    private static final String QUEUED = "S: 250 2.0.0 * queued\n";
    private static final String SHUTTING_DOWN = "S: 421 4.3.2 gateway.example Service shutting down\nS: <close>\n";

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

    // ---- mail --------------------------------------------------------------------------------------------------

    @Test
    void aWholeMailIsTaken() {
        try (ScriptedSession smtp = session()) {
            smtp.plays(TO_DATA + """
                    C: Subject: x
                    C:
                    C: ..one dot
                    C: .
                    S: 250 2.0.0 * queued
                    C: QUIT
                    S: 221 2.0.0 Bye
                    S: <close>
                    """);
            assertThat(smtp.accepted).hasSize(1);
            assertThat(smtp.spool.content(0)).endsWith("Subject: x\r\n\r\n.one dot\r\n");
            assertNothingIsLeft(smtp);
        }
    }

    @Test
    void octetByOctetItIsTheSame() {
        try (ScriptedSession smtp = session()) {
            String mail = "EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n";
            mail.chars().forEach(octet -> smtp.send(Character.toString(octet)));
            smtp.plays("S: 220 *\nS: <ehlo>\nS: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n");
            "DATA\r\n".chars().forEach(octet -> smtp.send(Character.toString(octet)));
            smtp.plays("S: 354 *\n");
            "x\r\n.\r\nQUIT\r\n".chars().forEach(octet -> smtp.send(Character.toString(octet)));
            smtp.plays(QUEUED + "S: 221 2.0.0 Bye\nS: <close>\n");
            assertThat(smtp.spool.content(0)).endsWith("\r\nx\r\n");
        }
    }

    @Test
    void theRepliesOfOneReadLeaveInOneWrite() {
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>\n");
            int before = smtp.connection.flushes();
            smtp.plays("""
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: RCPT TO:<c@example.org>
                    C: DATA
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 250 2.1.5 Ok
                    S: 354 *
                    """);
            assertThat(smtp.connection.flushes()).isEqualTo(before + 1);
        }
    }

    @Test
    void oneMailAfterTheOtherMayBeSentAhead() {
        try (ScriptedSession smtp = session()) {
            smtp.plays(TO_DATA + """
                    C: x
                    C: .
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<c@example.org>
                    C: BDAT 3 LAST
                    C: y
                    C: NOOP
                    S: 250 2.0.0 * queued
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 250 2.0.0 * queued
                    S: 250 2.0.0 Ok
                    """);
            assertThat(smtp.accepted).hasSize(2);
        }
    }

    @Test
    void whatFollowsDataBeforeItsReplyEndsTheSession() {
        try (ScriptedSession smtp = session()) {
            smtp.plays(
                    TO_RCPT + "C: DATA\nC: x\nC: .\nS: 554 5.5.0 Error: SMTP protocol synchronization\nS: <close>\n");
            assertThat(smtp.connection.isClosed()).as("lingers, as there is input").isFalse();
            smtp.pass(Duration.ofSeconds(2));
            assertThat(smtp.connection.isClosed()).isTrue();
            assertThat(smtp.accepted).isEmpty();
        }
    }

    @Test
    void chunksAreTakenAsTheyComeOrWhole() {
        try (ScriptedSession smtp = session()) {
            smtp.plays(TO_RCPT + """
                    C: BDAT 12
                    C: Subject: x
                    C: BDAT 2
                    S: 250 2.0.0 12 octets received
                    C:
                    S: 250 2.0.0 2 octets received
                    C: BDAT 0 LAST
                    S: 250 2.0.0 * queued
                    C: BDAT 3 LAST
                    C: x
                    S: 503 5.5.1 Error: need MAIL command
                    """);
            assertThat(smtp.spool.content(0)).endsWith("Subject: x\r\n\r\n");
        }
    }

    @Test
    void aChunkThatIsRefusedIsReadToItsEndAndSpoilsTheMessage() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.refuseIntake(SpoolException.Reason.FULL);
            smtp.plays(TO_RCPT + """
                    C: BDAT 6
                    C: NOOP
                    S: 452 4.3.1 Insufficient system storage
                    C: BDAT 6 LAST
                    C: NOOP
                    S: 503 5.5.1 Error: a chunk was refused, send RSET
                    C: NOOP
                    S: 250 2.0.0 Ok
                    """);
            assertNothingIsLeft(smtp);
        }
    }

    // ---- AUTH and TLS ------------------------------------------------------------------------------------------

    /** PLAIN, in two steps; the answers to responses come when the test gives them. */
    private static final class TwoSteps extends NoUsers {
        private @Nullable CompletableFuture<Exchange.Step> asked;

        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return List.of("PLAIN");
        }

        @Override
        public Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            return response -> {
                if (response == null) {
                    return CompletableFuture.completedFuture(new Exchange.Step.Challenge(""));
                }
                asked = new CompletableFuture<>();
                return asked;
            };
        }

        void answer(Exchange.Step step) {
            if (asked == null) {
                throw new AssertionError("nobody asks");
            }
            asked.complete(step);
        }
    }

    @Test
    void aLoginIsADialogueWithALateAnswer() {
        TwoSteps users = new TwoSteps();
        try (ScriptedSession smtp = new ScriptedSession(config -> config.stranger(), new ListenerBuilder().build(),
                null,
                policy, users)) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO client.example
                    S: <ehlo>
                    C: AUTH PLAIN
                    S: 334*
                    C: AGFsaWNlAHdyb25n
                    S: <nothing>
                    """);
            users.answer(new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "wrong"));
            smtp.plays("""
                    S: 535 5.7.8 Error: authentication credentials invalid
                    C: AUTH PLAIN AGFsaWNlAHJpZ2h0
                    S: <nothing>
                    """);
            users.answer(new Exchange.Step.Success(new Identity("alice", "", List.of())));
            smtp.plays("""
                    S: 235 2.7.0 Authentication successful
                    C: AUTH PLAIN
                    S: 503 5.5.1 Error: already authenticated
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    """);
        }
    }

    @Test
    void anAnswerToALoginThatComesAfterTheEndLogsNobodyIn() {
        TwoSteps users = new TwoSteps();
        try (ScriptedSession smtp = new ScriptedSession(config -> config, new ListenerBuilder().build(), null, policy,
                users)) {
            smtp.plays("S: 220 *\nC: EHLO c\nS: <ehlo>\nC: AUTH PLAIN AGFsaWNlAHJpZ2h0\n" + NOTHING);
            smtp.connection.close();
            users.answer(new Exchange.Step.Success(new Identity("alice", "", List.of())));
            smtp.plays("S: <close>\n");
            assertThat(smtp.server.stats().logins()).isZero();
        }
    }

    private ScriptedSession tls(Mode mode) {
        var config = kit.config(mode);
        return new ScriptedSession(limits -> limits, new ListenerBuilder().tls(config).build(), kit.server(config),
                policy, new NoUsers());
    }

    private static TlsSession handshake() throws NoSuchAlgorithmException {
        return new TlsSession("TLSv1.3", "TLS_AES_128_GCM_SHA256", "mx.example", null,
                SSLContext.getDefault().createSSLEngine().getSession());
    }

    @Test
    void afterStartTlsTheSessionBeginsAnew() throws Exception {
        try (ScriptedSession smtp = tls(Mode.REQUIRED)) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO client.example
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    S: 530 5.7.0 Must issue a STARTTLS command first
                    C: STARTTLS
                    S: 220 2.0.0 Ready to start TLS
                    """);
            assertThat(smtp.connection.handshakes()).isEqualTo(1);
            smtp.connection.tlsSucceeds(handshake());
            smtp.plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 503 5.5.1 Error: send HELO/EHLO first
                    C: EHLO client.example
                    S: <ehlo>
                    C: STARTTLS
                    S: 503 5.5.1 Error: TLS already active
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    """);
        }
    }

    @Test
    void octetsGluedToStartTlsAreNeverExecuted() {
        try (ScriptedSession smtp = tls(Mode.OFFERED)) {
            smtp.plays("""
                    S: 220 *
                    C: STARTTLS
                    C: MAIL FROM:<canary@example.com>
                    S: 554 5.5.0 Error: SMTP protocol synchronization
                    S: <close>
                    """);
            assertThat(smtp.connection.handshakes()).isZero();
            assertThat(policy.clients).isEmpty();
        }
    }

    @Test
    void octetsInTheClearBetweenStartTlsAndTheHandshakeEndTheSessionWithoutAWord() {
        try (ScriptedSession smtp = tls(Mode.OFFERED)) {
            smtp.plays("""
                    S: 220 *
                    C: STARTTLS
                    S: 220 2.0.0 Ready to start TLS
                    C: EHLO canary.example
                    S: <close>
                    """);
            assertThat(smtp.connection.isClosed()).isTrue();
            assertThat(smtp.server.stats().hostility().earlyTalkers()).isEqualTo(1);
        }
    }

    @Test
    void aHandshakeThatFailsIsAnErrorOfWhoHasBegunOne() {
        try (ScriptedSession smtp = tls(Mode.IMPLICIT)) {
            smtp.plays(NOTHING);
            smtp.connection.tlsBegins();
            smtp.connection.tlsFails(new IllegalStateException("no cipher in common"));
            smtp.plays("S: <close>\n");
            assertThat(smtp.server.stats().tlsFailures()).isEqualTo(1);
        }
    }

    // ---- errors and ends ---------------------------------------------------------------------------------------

    @Test
    void errorsBeyondTheSoftLimitHavePenaltiesInWhichNothingIsRead() {
        try (ScriptedSession smtp = new ScriptedSession(
                config -> config.errors(1, Duration.ofSeconds(1), 4, 100), policy)) {
            smtp.plays("S: 220 *\nC: FOO\nS: 500 5.5.2 Error: command not recognized\nC: FOO\nC: NOOP\n" + NOTHING);
            assertThat(smtp.connection.isAsked()).isFalse();
            smtp.pass(Duration.ofSeconds(1).minus(MOMENT));
            smtp.plays(NOTHING);
            smtp.pass(MOMENT);
            smtp.plays("""
                    S: 500 5.5.2 Error: command not recognized
                    S: 250 2.0.0 Ok
                    C: FOO
                    """);
            smtp.pass(Duration.ofSeconds(10));
            smtp.plays("""
                    S: 500 5.5.2 Error: command not recognized
                    C: FOO
                    C: NOOP
                    S: 500 5.5.2 Error: command not recognized
                    S: 421 4.7.0 gateway.example Error: too many errors
                    S: <close>
                    """);
        }
    }

    @Test
    void anAcceptedMessageForgivesErrors() {
        try (ScriptedSession smtp = new ScriptedSession(
                config -> config.errors(100, Duration.ZERO, 2, 100), policy)) {
            smtp.plays("S: 220 *\nC: FOO\nS: 500 *\n" + TO_DATA.substring(TO_DATA.indexOf('\n') + 1) + "C: .\n" + QUEUED
                    + "C: FOO\nS: 500 *\nC: FOO\nS: 500 *\nS: 421 4.7.0 *\nS: <close>\n");
        }
    }

    @Test
    void aServerThatShutsDownSaysSoAtTheNextCommandBoundary() {
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\n");
            smtp.shutDown();
            smtp.plays(SHUTTING_DOWN);
            assertThat(smtp.connection.isClosed()).isTrue();
        }
    }

    @Test
    void inTheMidstOfAMessageItIsTakenFirst() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.holdCommits();
            smtp.plays(TO_DATA + "C: x\n" + NOTHING);
            smtp.shutDown();
            smtp.plays(NOTHING + "C: .\nC: NOOP\n" + NOTHING);
            smtp.spool.completeCommits();
            smtp.plays(QUEUED + "S: 250 2.0.0 Ok\n" + SHUTTING_DOWN);
            assertThat(smtp.accepted).hasSize(1);
        }
    }

    @Test
    void whatAClientSentBeforeItShutItsSideDownIsAnswered() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.holdCommits();
            smtp.plays(TO_DATA + "C: x\nC: .\nC: NOOP\n" + NOTHING);
            smtp.connection.inputEnds();
            smtp.plays(NOTHING);
            smtp.spool.completeCommits();
            smtp.plays(QUEUED + "S: 250 2.0.0 Ok\nS: <close>\n");
        }
    }

    @Test
    void whoeverSpeaksBeforeTheGreetingIsToldToWait() {
        try (ScriptedSession smtp = new ScriptedSession(
                config -> config.greetDelay(Duration.ofSeconds(5)).stranger(), policy)) {
            smtp.plays(NOTHING + "C: EHLO client.example\n"
                    + "S: 554 5.5.1 gateway.example Error: wait for the greeting\nS: <close>\n");
            smtp.pass(Duration.ofSeconds(5));
            smtp.plays("S: <close>\n");
        }
        try (ScriptedSession smtp = new ScriptedSession(
                config -> config.greetDelay(Duration.ofSeconds(5)).stranger(), policy)) {
            smtp.plays(NOTHING);
            smtp.pass(Duration.ofSeconds(5));
            smtp.plays("S: 220 *\n");
        }
    }

    // ---- time --------------------------------------------------------------------------------------------------

    @Test
    void aSilentClientIsToldThatItsTimeIsOver() {
        Duration timeout = new ConfigBuilder().build().commandTimeout();
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\n");
            smtp.pass(timeout.minus(MOMENT));
            smtp.plays(NOTHING + "C: NOOP\nS: 250 2.0.0 Ok\n");
            smtp.pass(timeout.minus(MOMENT));
            smtp.plays(NOTHING);
            smtp.pass(timeout);
            smtp.plays("S: 421 4.4.2 gateway.example Error: timeout exceeded\nS: <close>\n");
        }
    }

    @Test
    void itsTimeStandsStillWhileItWaitsForUs() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.holdCommits();
            smtp.plays(TO_DATA + "C: x\nC: .\n");
            smtp.pass(Duration.ofDays(1));
            smtp.plays(NOTHING);
            smtp.spool.completeCommits();
            smtp.plays(QUEUED + "C: NOOP\nS: 250 2.0.0 Ok\n");
        }
    }

    // ---- answers that come late, or after the end --------------------------------------------------------------

    @Test
    void whatWasSentAheadWaitsForALateAnswer() {
        policy.onMail = new CompletableFuture<>();
        try (ScriptedSession smtp = session()) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO client.example
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    S: <nothing>
                    C: NOOP
                    S: <nothing>
                    """);
            assertThat(smtp.connection.isAsked()).isFalse();
            policy.onMail.complete(Decision.ACCEPT);
            smtp.plays("S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 250 2.0.0 Ok\n");
        }
    }

    @Test
    void aLateNoWith421IsTheLastWord() {
        policy.onMail = new CompletableFuture<>();
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\nC: EHLO c\nS: <ehlo>\nC: MAIL FROM:<a@example.com>\nC: NOOP\n" + NOTHING);
            policy.onMail.complete(new Decision.Refuse(Reply.of(421, "4.7.1", "go away")));
            smtp.plays("S: 421 4.7.1 go away\nS: <close>\n");
            assertThat(smtp.accepted).isEmpty();
        }
    }

    @Test
    void anAnswerAfterTheEndChangesNothing() {
        policy.onMail = new CompletableFuture<>();
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\nC: EHLO c\nS: <ehlo>\nC: MAIL FROM:<a@example.com>\n" + NOTHING);
            smtp.connection.close();
            policy.onMail.complete(Decision.ACCEPT);
            smtp.plays("S: <close>\n");
            assertNothingIsLeft(smtp);
        }
    }

    @Test
    void anAnswerThatFailsEndsTheSession() {
        policy.onMail = CompletableFuture.failedFuture(new IllegalStateException("a fault that the test wants"));
        try (ScriptedSession smtp = session()) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO c
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    S: 421 4.3.0 gateway.example Error: internal failure
                    S: <close>
                    """);
        }
    }

    @Test
    void aMessageThatIsDurableAfterTheEndIsTakenOverAllTheSame() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.holdCommits();
            smtp.plays(TO_DATA + "C: x\nC: .\n" + NOTHING);
            smtp.connection.close();
            assertThat(smtp.receivingOctets()).isPositive();
            smtp.spool.completeCommits();
            smtp.plays("S: <close>\n");
            assertThat(smtp.accepted).hasSize(1);
            assertNothingIsLeft(smtp);
        }
    }

    @Test
    void evenWhenTheEventLoopHasEnded() {
        try (ScriptedSession smtp = session()) {
            smtp.spool.holdCommits();
            smtp.plays(TO_DATA + "C: x\nC: .\n" + NOTHING);
            smtp.connection.close();
            smtp.connection.loopEnds();
            smtp.spool.completeCommits();
            assertThat(smtp.accepted).hasSize(1);
            assertNothingIsLeft(smtp);
        }
    }

    @Test
    void aCommitThatFailsIsToldAndIsNoErrorOfTheClients() {
        try (ScriptedSession smtp = new ScriptedSession(
                config -> config.errors(100, Duration.ZERO, 1, 100), policy)) {
            smtp.spool.holdCommits();
            smtp.spool.failCommits(SpoolException.Reason.FULL);
            smtp.plays(TO_DATA + "C: x\nC: .\nC: NOOP\n" + NOTHING);
            smtp.spool.completeCommits();
            smtp.plays("S: 452 4.3.1 Insufficient system storage\nS: 250 2.0.0 Ok\n");
            assertNothingIsLeft(smtp);
        }
    }

    // ---- what the client must wait for -------------------------------------------------------------------------

    @Test
    void aSpoolThatFallsBehindStopsTheReading() {
        CompletableFuture<@Nullable Void> writable = new CompletableFuture<>();
        try (ScriptedSession smtp = session()) {
            smtp.spool.writable(writable);
            smtp.plays(TO_DATA + "C: x\n" + NOTHING);
            assertThat(smtp.connection.isAsked()).isFalse();
            long before = smtp.receivingOctets();
            smtp.plays("C: y\nC: .\n" + NOTHING);
            assertThat(smtp.receivingOctets()).isEqualTo(before);
            smtp.spool.writable(CompletableFuture.completedFuture(null));
            writable.complete(null);
            smtp.plays(QUEUED);
            assertThat(smtp.spool.content(0)).endsWith("x\r\ny\r\n");
        }
    }

    @Test
    void aClientThatDoesNotReadItsRepliesIsReadNoMore() {
        try (ScriptedSession smtp = session()) {
            smtp.plays("S: 220 *\n");
            smtp.connection.writable(false);
            smtp.plays("C: NOOP\nS: 250 2.0.0 Ok\n");
            assertThat(smtp.connection.isAsked()).isFalse();
            smtp.connection.writable(true);
            assertThat(smtp.connection.isAsked()).isTrue();
        }
    }
}
