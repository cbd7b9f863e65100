package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.NoUsers;
import dev.penstock.testing.TestUsers;
import dev.penstock.tls.TlsSession;
import dev.penstock.trace.Direction;
import dev.penstock.trace.Speaker;
import dev.penstock.trace.TraceFilter;
import dev.penstock.trace.TraceLine;
import dev.penstock.trace.Watch;
import dev.penstock.units.Networks;

/** What watchers see of clients' sessions. */
@Timeout(120)
class TracedSessionTest {
    private static final Duration LONG = Duration.ofMinutes(5);

    private static final String RESPONSE = TestUsers.base64("Zq7xPw9kLm3v");

    private static TlsKit kit;
    private static SaslAuthenticator users;

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

    /** {@code C: text}, {@code S: text}, and {@code - text} for what nobody said. */
    private static String shown(TraceLine line) {
        return (line.speaker() == Speaker.CLIENT ? "C: " : line.speaker() == Speaker.SERVER ? "S: " : "- ")
                + line.text();
    }

    private static List<String> taken(Watch watch) {
        try {
            return watch.take(Duration.ZERO).lines().stream().map(TracedSessionTest::shown).toList();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static Watch watchAll(SmtpServer server, boolean headers) {
        return server.trace().open(TraceFilter.ALL, headers, LONG);
    }

    @Test
    void aWholeMailIsToldLineByLineWithoutItsContent() {
        try (ScriptedSession smtp = new ScriptedSession(); Watch watch = watchAll(smtp.server, false)) {
            smtp.plays("""
                    S: 220 gateway.example ESMTP Penstock
                    C: HELO client.example
                    S: 250 gateway.example
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: DATA
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 354 *
                    C: Subject: x
                    C:
                    C: private
                    C: .
                    S: 250 2.0.0 * queued
                    C: QUIT
                    S: 221 2.0.0 Bye
                    S: <close>
                    """);
            List<String> lines = new ArrayList<>(taken(watch));
            lines.replaceAll(line -> line.replaceAll("\\b[0-9A-Z]{13}\\b", "ID"));
            assertThat(lines).containsExactly("- session in client=127.0.0.1 listener=smtp",
                    "C: HELO client.example", "S: 250 gateway.example", "C: MAIL FROM:<a@example.com>",
                    "S: 250 2.1.0 Ok", "C: RCPT TO:<b@example.org>", "S: 250 2.1.5 Ok", "C: DATA",
                    "S: 354 End data with <CR><LF>.<CR><LF>", "C: [26 octets]",
                    "- message of 1 recipients class=bulk", "S: 250 2.0.0 ID queued", "C: QUIT", "S: 221 2.0.0 Bye",
                    "- closed");
        }
    }

    @Test
    void headersComeToWhoWantsThemAndTheBodyToNobody() {
        try (ScriptedSession smtp = new ScriptedSession(); Watch watch = watchAll(smtp.server, true)) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO client.example
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: BDAT 14
                    C: Subject: x
                    C:
                    C: BDAT 9 LAST
                    C: private
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 250 2.0.0 14 octets received
                    S: 250 2.0.0 * queued
                    """);
            assertThat(taken(watch)).contains("C: Subject: x", "C: [14 octets]", "C: BDAT 9 LAST", "C: [9 octets]")
                    .noneMatch(line -> line.contains("private"));
        }
    }

    @Test
    void startTlsAndAuthAreToldAndThePasswordIsNot() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(),
                users); Watch watch = watchAll(smtp.server, false)) {
            smtp.connect().startTls(kit.client()).plays("C: EHLO client.example\nS: <ehlo>\nC: AUTH PLAIN "
                    + TestUsers.WRONG_PLAIN + "\nS: 535 *\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: "
                    + TestUsers.base64(TestUsers.NAME) + "\nS: 334 *\nC: " + TestUsers.base64(TestUsers.PASSWORD)
                    + "\nS: 235 *\nC: QUIT\nS: 221 *\nS: <close>\n");
            List<String> lines = new ArrayList<>();
            await().until(() -> {
                lines.addAll(taken(watch));
                return lines.contains("- closed");
            });
            assertThat(lines).startsWith("- session in client=127.0.0.1 listener=smtp", "- connected",
                    "S: 220 gateway.example ESMTP Penstock", "C: STARTTLS", "S: 220 2.0.0 Ready to start TLS");
            assertThat(lines).anyMatch(line -> line.startsWith("- TLS TLSv1.3 TLS_"));
            assertThat(lines).containsSubsequence("C: AUTH PLAIN [masked]",
                    "S: 535 5.7.8 Error: authentication credentials invalid", "C: AUTH LOGIN", "S: 334 [masked]",
                    "C: [masked]", "S: 334 [masked]", "C: [masked]", "S: 235 2.7.0 Authentication successful");
        }
    }

    @Test
    void aSessionOfAnotherAddressIsNotTold() {
        try (ScriptedSession smtp = new ScriptedSession();
                Watch watch = smtp.server.trace().open(new TraceFilter(Direction.IN, List.of(),
                        Networks.parse(List.of("198.51.100.0/24")), "", "", "", "", "", ""), false, LONG)) {
            smtp.plays("S: 220 *\nC: NOOP\nS: 250 *\n");
            assertThat(taken(watch)).isEmpty();
        }
    }

    @Test
    void xclientTellsWhoItIsNow() {
        try (ScriptedSession smtp = new ScriptedSession(config -> config,
                new ListenerBuilder().xclient("127.0.0.1").build(), null, new FakePolicy(), Authenticator.NONE);
                Watch watch = smtp.server.trace().open(new TraceFilter(null, List.of(),
                        Networks.parse(List.of("203.0.113.5")), "", "", "", "", "", ""), false, LONG)) {
            smtp.plays("S: 220 *\nC: XCLIENT ADDR=203.0.113.5 LOGIN=alice\nS: 220 *\nC: NOOP\nS: 250 *\n");
            assertThat(taken(watch)).containsExactly("- session in client=203.0.113.5 listener=smtp",
                    "S: 220 gateway.example ESMTP Penstock", "C: NOOP", "S: 250 2.0.0 Ok");
        }
    }

    /** Dialogues with logins, whole and broken, cut into reads anywhere: nothing of the login is in any line. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void noSecretPassesHoweverTheOctetsCome(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<String> steps = List.of("EHLO client.example", "AUTH PLAIN " + TestUsers.PLAIN, "AUTH PLAIN",
                "AUTH LOGIN", "AUTH SCRAM-SHA-256 " + RESPONSE, "AUTH " + RESPONSE, "auth foo " + RESPONSE, RESPONSE,
                TestUsers.PLAIN, TestUsers.WRONG_PLAIN, "*", "=", "NOOP", "AUTH  PLAIN " + RESPONSE,
                "XCLIENT LOGIN=" + RESPONSE, "STARTTLS " + RESPONSE, "MAIL FROM:<a@example.com>",
                "RCPT TO:<b@example.org>", "DATA", "x\r\n.", "BDAT 16\r\n" + RESPONSE.substring(0, 16), "RSET",
                "AUTH LOGIN " + RESPONSE, "PASS " + RESPONSE, "\tAUTH PLAIN " + RESPONSE);
        List<String> secrets = List.of(RESPONSE, TestUsers.PLAIN, TestUsers.WRONG_PLAIN, "Zq7xPw9kLm3v",
                TestUsers.PASSWORD);
        for (int round = 0; round < 150; round++) {
            try (ScriptedSession smtp = new ScriptedSession(
                    config -> config.errors(1_000, Duration.ZERO, 1_000, 1_000),
                    new ListenerBuilder().build(), null, new FakePolicy(), new Logins());
                    Watch watch = watchAll(smtp.server, random.nextBoolean())) {
                smtp.plays("S: 220 *\n");
                StringBuilder all = new StringBuilder("EHLO x\r\n");
                for (int i = random.nextInt(2, 14); i > 0; i--) {
                    all.append(steps.get(random.nextInt(steps.size()))).append("\r\n");
                }
                boolean lockstep = random.nextBoolean();
                for (int at = 0; at < all.length();) {
                    int line = all.indexOf("\n", at) + 1;
                    int n = Math.min((lockstep ? line : all.length()) - at, 1 + random.nextInt(30));
                    smtp.send(all.substring(at, at + n));
                    at += n;
                }
                List<String> lines = taken(watch);
                for (String secret : secrets) {
                    for (int at = 0; at + 6 <= secret.length(); at++) {
                        String part = secret.substring(at, at + 6);
                        assertThat(lines).as("seed %s, round %s: %s", seed, round, all)
                                .noneMatch(line -> line.contains(part));
                    }
                }
                assertThat(lines).contains("C: EHLO x");
            }
        }
    }

    /** Two challenges with something in them, and then nobody is let in. */
    private static final class Logins extends NoUsers {
        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return List.of("PLAIN", "LOGIN", "SCRAM-SHA-256");
        }

        @Override
        public Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            Deque<Exchange.Step> steps = new ArrayDeque<>(List.of(new Exchange.Step.Challenge(RESPONSE),
                    new Exchange.Step.Challenge(RESPONSE),
                    new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "nobody")));
            return _ -> CompletableFuture.completedFuture(steps.removeFirst());
        }
    }
}
