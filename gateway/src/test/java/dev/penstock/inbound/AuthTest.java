package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.ongres.scram.common.exception.ScramException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.HeldUsers;
import dev.penstock.auth.Identity;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.NoUsers;
import dev.penstock.testing.TestUsers;
import dev.penstock.tls.TlsSession;

/** AUTH (RFC 4954) over a credentials file. */
class AuthTest {
    private static final String EHLO = "C: EHLO client.example\nS: <ehlo>\n";
    private static final String OK = "S: 235 2.7.0 Authentication successful\n";
    private static final String WRONG = "S: 535 5.7.8 Error: authentication credentials invalid\n";
    private static final String MALFORMED = "S: 501 5.5.2 Error: malformed authentication response\n";
    private static final String MESSAGE = """
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 *
            C: Subject: x
            C: .
            S: 250 2.0.0 * queued
            """;

    private static TlsKit kit;
    private static SaslAuthenticator users;
    private SmtpFixture smtp;

    @BeforeAll
    static void open(@TempDir Path directory) {
        kit = new TlsKit(directory);
        users = TestUsers.authenticator(directory);
    }

    @AfterAll
    static void closeAll() {
        users.close();
        kit.close();
    }

    @BeforeEach
    void start() {
        smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(), users);
    }

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    private SmtpFixture.Client secured() throws IOException {
        return smtp.connect().startTls(kit.client()).plays(EHLO);
    }

    @Test
    void plainWithAnInitialResponse() throws Exception {
        secured().plays("C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().identity()).isEqualTo("alice");
        assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPSA");
        assertThat(smtp.spool.content(0)).contains("\tby gateway.example with ESMTPSA id ");
        assertThat(smtp.policy.clients.getFirst().identity())
                .isEqualTo(new Identity("alice", "acme", List.of("example.com")));
        assertThat(smtp.server.stats().logins()).isEqualTo(1);
    }

    @Test
    void plainWithoutAnInitialResponse() throws Exception {
        secured().plays("C: auth plain\nS: 334 *\nC: " + TestUsers.PLAIN + "\n" + OK + MESSAGE);
    }

    @Test
    void loginAsksForNameAndPassword() throws Exception {
        secured().plays("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + TestUsers.base64("alice")
                + "\nS: 334 UGFzc3dvcmQ6\nC: " + TestUsers.base64("correct horse") + "\n" + OK + MESSAGE);
        secured().plays("C: AUTH LOGIN " + TestUsers.base64("alice") + "\nS: 334 UGFzc3dvcmQ6\nC: "
                + TestUsers.base64("correct horse") + "\n" + OK);
    }

    @Test
    void aFloodOfFailedLoginsIsALineInTheLogASecond() throws Exception {
        Logger logger = (Logger) LoggerFactory.getLogger(Authentication.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.list = new CopyOnWriteArrayList<>();
        lines.start();
        logger.addAppender(lines);
        logger.setLevel(Level.INFO);
        long begun = System.nanoTime();
        int guesses = 60;
        try {
            for (int i = 0; i < guesses; i++) {
                smtp.connect()
                        .plays("S: 220 *\n" + EHLO + "C: AUTH SCRAM-SHA-256 " + TestUsers.base64("guess") + "\n"
                                + MALFORMED)
                        .close();
            }
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun) + 1;
            List<String> failed = lines.list.stream().map(ILoggingEvent::getFormattedMessage)
                    .filter(line -> line.startsWith("event=auth-failed ")).toList();
            assertThat(failed.size()).isBetween(1, Math.toIntExact(seconds));
            assertThat(failed.getFirst()).contains(" client=/127.0.0.1:", " reason=MALFORMED ")
                    .endsWith(" not-logged=0");
            assertThat(smtp.server.stats().loginsFailed()).isEqualTo(guesses);
        } finally {
            logger.setLevel(null);
            logger.detachAppender(lines);
        }
    }

    @Test
    void scramNeedsNoTls() throws Exception {
        SmtpFixture.Client client = smtp.connect().plays("S: 220 *\n" + EHLO);
        Scram.login(client, "SCRAM-SHA-256", null);
        client.plays(OK + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPA");
        assertThat(smtp.accepted.getFirst().origin().identity()).isEqualTo("alice");
    }

    @Test
    void scramPlusIsBoundToTheConnection() throws Exception {
        SmtpFixture.Client client = secured();
        Scram.login(client, "SCRAM-SHA-256-PLUS", Scram.exporter(client));
        client.plays(OK + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPSA");
        SmtpFixture.Client other = secured();
        assertThatThrownBy(() -> Scram.login(other, "SCRAM-SHA-256-PLUS", Scram.exporter(client)))
                .isInstanceOf(ScramException.class).hasMessageStartingWith("535 5.7.8 ");
    }

    @Test
    void aWrongPasswordIsRefused() throws Exception {
        secured().plays("C: AUTH PLAIN " + TestUsers.WRONG_PLAIN + "\n" + WRONG + "C: AUTH PLAIN "
                + TestUsers.base64("\0nobody\0correct horse") + "\n" + WRONG + "C: AUTH LOGIN\nS: 334 *\nC: "
                + TestUsers.base64("alice") + "\nS: 334 *\nC: " + TestUsers.base64("x") + "\n" + WRONG
                + "C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK);
        assertThat(smtp.server.stats().loginsFailed()).isEqualTo(3);
        assertThat(smtp.server.stats().errors()).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"!", "AGFsaWNl!", "AGFsaWNlAGNvcnJlY3QgaG9yc2", "AGFs aWNl", "=AAA", "A"})
    void whatIsNotBase64IsMalformed(String response) throws Exception {
        secured().plays("C: AUTH PLAIN\nS: 334 *\nC: " + response + "\n" + MALFORMED + "C: NOOP\nS: 250 2.0.0 Ok");
    }

    @ParameterizedTest
    @CsvSource({"''", "alice", "AAA="})
    void whatIsNoMessageOfTheMechanismIsMalformed(String message) throws Exception {
        secured().plays("C: AUTH PLAIN\nS: 334 *\nC: " + TestUsers.base64(message) + "\n" + MALFORMED
                + "C: NOOP\nS: 250 2.0.0 Ok");
    }

    @Test
    void anEmptyInitialResponseIsAnEqualsSign() throws Exception {
        secured().plays("C: AUTH PLAIN =\n" + MALFORMED + "C: AUTH PLAIN\nS: 334 *\nC: =\n" + MALFORMED);
    }

    @Test
    void theClientMayCancel() throws Exception {
        secured().plays("C: AUTH LOGIN\nS: 334 *\nC: *\nS: 501 5.7.0 Authentication cancelled\n"
                + "C: NOOP\nS: 250 2.0.0 Ok\nC: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK);
    }

    @Test
    void aLineHasTheLengthOfTheStandardAndNoMore() throws Exception {
        String most = "A".repeat(12_288);
        secured().plays("C: AUTH PLAIN\nS: 334 *\nC: " + most + "\n" + MALFORMED
                + "C: AUTH PLAIN\nS: 334 *\nC: " + most
                + "A\nS: 500 5.5.6 Error: authentication exchange line too long\n"
                + "C: AUTH PLAIN " + "A".repeat(12_288 - 12) + "\n" + MALFORMED
                + "C: AUTH PLAIN " + most + "\nS: 500 5.5.2 Error: line too long\n"
                + "C: NOOP " + "x".repeat(2044) + "\nS: 500 5.5.2 Error: line too long\n"
                + "C: NOOP\nS: 250 2.0.0 Ok\n");
    }

    @Test
    void itHasItsPlace() throws Exception {
        smtp.connect().startTls(kit.client()).plays("""
                C: AUTH PLAIN
                S: 503 5.5.1 Error: send HELO/EHLO first
                C: HELO client.example
                S: 250 gateway.example
                C: AUTH PLAIN
                S: 503 5.5.1 Error: send HELO/EHLO first
                """ + EHLO + """
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: AUTH PLAIN
                S: 503 5.5.1 Error: MAIL transaction in progress
                C: RSET
                S: 250 2.0.0 Ok
                """ + "C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK + """
                C: AUTH PLAIN
                S: 503 5.5.1 Error: already authenticated
                """);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"AUTH CRAM-MD5 | 504 5.5.4 Error: authentication mechanism not offered",
        "AUTH OAUTHBEARER abc | 504 5.5.4 Error: authentication mechanism not offered",
        "AUTH | 501 5.5.4 Syntax: AUTH mechanism [initial-response]",
        "AUTH PLAIN a b | 501 5.5.4 Syntax: AUTH mechanism [initial-response]"})
    void whatIsNotOfferedIsRefused(String command, String reply) throws Exception {
        secured().plays("C: " + command + "\nS: " + reply);
    }

    @ParameterizedTest
    @ValueSource(strings = {"PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS"})
    void passwordsAreNotTakenInTheClear(String mechanism) throws Exception {
        smtp.plays("S: 220 *\n" + EHLO + "C: AUTH " + mechanism
                + "\nS: 530 5.7.0 Must issue a STARTTLS command first\nC: NOOP\nS: 250 2.0.0 Ok");
    }

    @Test
    void withoutTlsThereIsNoMechanismForThem() throws Exception {
        try (SmtpFixture plain = new SmtpFixture(kit, new ListenerBuilder().build(), users)) {
            plain.plays("S: 220 *\n" + EHLO + "C: AUTH PLAIN " + TestUsers.PLAIN
                    + "\nS: 504 5.5.4 Error: authentication mechanism not offered");
        }
    }

    @Test
    void whereALoginIsRequiredItMustComeFirst() throws Exception {
        try (SmtpFixture strict = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT))
                .authRequired().build(), users)) {
            strict.connect().secure(kit.client()).plays("S: 220 *\n" + EHLO
                    + "C: MAIL FROM:<a@example.com>\nS: 530 5.7.0 Authentication required\n"
                    + "C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK + MESSAGE);
        }
    }

    @Test
    void aLoginMayRelay() throws Exception {
        smtp.reconfigure(new ConfigBuilder().stranger().build());
        secured().plays("""
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 554 5.7.1 <b@example.org>: Relay access denied
                C: RSET
                S: 250 2.0.0 Ok
                """ + "C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK + MESSAGE);
    }

    @Test
    void aLoginHoldsOverResetAndEhlo() throws Exception {
        secured().plays("C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK + "C: RSET\nS: 250 2.0.0 Ok\n" + EHLO + MESSAGE);
        assertThat(smtp.accepted.getFirst().origin().identity()).isEqualTo("alice");
    }

    @Test
    void nothingMayComeRightBehindIt() throws Exception {
        SmtpFixture.Client client = secured();
        client.send("AUTH PLAIN " + TestUsers.PLAIN + "\r\nMAIL FROM:<a@example.com>\r\n");
        client.plays("S: 554 5.5.0 Error: SMTP protocol synchronization\nS: <close>");
        assertThat(smtp.policy.clients).isEmpty();
        assertThat(smtp.server.stats().logins()).isZero();
    }

    @Test
    void guessingIsAnErrorLikeOthers() throws Exception {
        smtp.reconfigure(new ConfigBuilder().errors(10, Duration.ZERO, 3, 100).build());
        String guess = "C: AUTH PLAIN " + TestUsers.WRONG_PLAIN + "\n" + WRONG;
        secured().plays(guess + guess + guess + "S: 421 4.7.0 gateway.example Error: too many errors\nS: <close>");
    }

    @Test
    void guessesBeyondTheSoftLimitWait() throws Exception {
        Duration delay = Duration.ofMillis(300);
        smtp.reconfigure(new ConfigBuilder().errors(0, delay, 20, 100).build());
        SmtpFixture.Client client = secured();
        long start = System.nanoTime();
        client.plays("C: AUTH PLAIN " + TestUsers.WRONG_PLAIN + "\n" + WRONG);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(delay);
    }

    @Test
    void theParameterOfMailIsTakenAndCheckedForItsSyntax() throws Exception {
        secured().plays("""
                C: MAIL FROM:<a@example.com> AUTH=<>
                S: 250 2.1.0 Ok
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@example.com> AUTH=e+3Dmc2@example.com
                S: 250 2.1.0 Ok
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@example.com> AUTH=e+3
                S: 501 5.5.4 Bad AUTH value, expected xtext or <>
                """);
    }

    @ParameterizedTest
    @ValueSource(strings = {"AUTH=<>", "AUTH=e+3Dmc2@example.com"})
    void theParameterOfMailIsTakenOnlyWhereAuthIsOffered(String parameter) throws Exception {
        String mail = "C: MAIL FROM:<a@example.com> " + parameter + "\n";
        String taken = mail + "S: 250 2.1.0 Ok\nC: RSET\nS: 250 2.0.0 Ok\n";
        String refused = mail + "S: 555 5.5.4 Unsupported option: AUTH\n";
        new SmtpFixture.Client(smtp.server.addresses().getFirst()).plays("S: 220 *\n" + EHLO + taken).close();
        secured().plays("C: AUTH PLAIN " + TestUsers.PLAIN + "\n" + OK + EHLO + taken);
        try (SmtpFixture nobody = new SmtpFixture(kit,
                new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(), Authenticator.NONE)) {
            nobody.plays("S: 220 *\n" + EHLO + refused);
            nobody.connect().startTls(kit.client()).plays(EHLO + refused);
        }
        try (SmtpFixture later = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED))
                .mechanisms("PLAIN").build(), users)) {
            later.plays("S: 220 *\n" + EHLO + refused);
            later.connect().startTls(kit.client()).plays(EHLO + taken);
        }
    }

    @Test
    void whoFloodsItWithGuessesShutsOutNobodyElse(@TempDir Path directory) throws Exception {
        try (HeldUsers held = new HeldUsers(directory);
                SmtpFixture fixture = new SmtpFixture(kit,
                        new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(), held.authenticator)) {
            List<SmtpFixture.Client> flood = new ArrayList<>();
            for (int i = 0; i < 2 * HeldUsers.PLACES; i++) {
                SmtpFixture.Client client = fixture.connectFrom("127.0.0." + (2 + i % 2)).startTls(kit.client())
                        .plays(EHLO);
                client.send("AUTH PLAIN " + TestUsers.base64("\0alice\0guess " + i) + "\r\n");
                flood.add(client);
            }
            long tooMany = HeldUsers.PLACES - 1; // one more is being checked
            held.awaitBusy(tooMany);
            SmtpFixture.Client good = fixture.connectFrom("127.0.0.4").startTls(kit.client()).plays(EHLO);
            good.send("AUTH PLAIN " + TestUsers.PLAIN + "\r\n");
            held.awaitBusy(tooMany + 1);
            held.go();
            good.plays(OK + MESSAGE);
            List<String> replies = new ArrayList<>();
            for (SmtpFixture.Client client : flood) {
                replies.add(client.readLine());
            }
            assertThat(replies).containsOnly("454 4.7.0 Temporary authentication failure",
                    "535 5.7.8 Error: authentication credentials invalid");
        }
    }

    /** Somebody whose answers a test gives. */
    private static final class Reminded extends NoUsers {
        final CompletableFuture<Exchange.Step> answer = new CompletableFuture<>();
        volatile boolean asked;

        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return List.of("PLAIN");
        }

        @Override
        public Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            return _ -> {
                asked = true;
                return answer;
            };
        }

        @Override
        public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
            return answer;
        }
    }

    private static SmtpFixture told(Reminded authenticator) {
        return new SmtpFixture(limits -> limits, new ListenerBuilder().build(), null, authenticator,
                new FakePolicy());
    }

    @Test
    void whatCannotBeDecidedNowIsTemporary() throws Exception {
        Reminded authenticator = new Reminded();
        authenticator.answer.complete(new Exchange.Step.Failure(Exchange.Reason.TEMPORARY, "down"));
        try (SmtpFixture fixture = told(authenticator)) {
            fixture.plays("S: 220 *\n" + EHLO + "C: AUTH PLAIN " + TestUsers.PLAIN
                    + "\nS: 454 4.7.0 Temporary authentication failure\nC: NOOP\nS: 250 2.0.0 Ok");
            assertThat(fixture.server.stats().errors()).isZero(); // it is none of the client's
        }
    }

    @Test
    void anAnswerMayComeLate() throws Exception {
        Reminded authenticator = new Reminded();
        try (SmtpFixture fixture = told(authenticator)) {
            SmtpFixture.Client client = fixture.connect()
                    .plays("S: 220 *\n" + EHLO + "C: AUTH PLAIN " + TestUsers.PLAIN);
            await().until(() -> authenticator.asked);
            client.send("NOOP\r\n");
            await().during(Duration.ofMillis(100)).until(() -> !client.hasInput());
            authenticator.answer.complete(new Exchange.Step.Success(new Identity("bob", "", List.of())));
            client.plays(OK + "S: 250 2.0.0 Ok\n" + MESSAGE);
            assertThat(fixture.accepted.getFirst().origin().identity()).isEqualTo("bob");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anAnswerThatFailsEndsTheSession(boolean atOnce) throws Exception {
        Reminded authenticator = new Reminded();
        if (atOnce) {
            authenticator.answer.completeExceptionally(new IllegalStateException("told to"));
        }
        try (SmtpFixture fixture = told(authenticator)) {
            SmtpFixture.Client client = fixture.connect()
                    .plays("S: 220 *\n" + EHLO + "C: AUTH PLAIN " + TestUsers.PLAIN);
            authenticator.answer.completeExceptionally(new IllegalStateException("told to"));
            client.plays("S: 421 4.3.0 gateway.example Error: internal failure\nS: <close>");
        }
    }
}
