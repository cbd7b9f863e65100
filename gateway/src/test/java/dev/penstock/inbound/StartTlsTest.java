package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.net.ssl.SSLException;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.ClientLimits;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.message.MessageEvent;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestUsers;
import dev.penstock.units.Rate;

/** STARTTLS (RFC 3207) and TLS from the first octet (RFC 8314). */
class StartTlsTest {
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
    private static final String EHLO = "C: EHLO client.example\nS: <ehlo>\n";

    private static TlsKit kit;
    private static SaslAuthenticator users;

    @BeforeAll
    static void open(@TempDir Path directory) {
        kit = new TlsKit(directory);
        users = TestUsers.authenticator(directory);
    }

    @AfterAll
    static void close() {
        users.close();
        kit.close();
    }

    private static SmtpFixture fixture(Mode mode) {
        return new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(mode)).build(), users);
    }

    @Test
    void aMessageOverTlsSaysSoInItsTrace() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            smtp.connect().startTls(kit.client()).plays(EHLO + MESSAGE + "C: QUIT\nS: 221 2.0.0 Bye\nS: <close>");
            assertThat(smtp.spool.content(0).lines().limit(2)).containsExactly(
                    "Received: from client.example ([127.0.0.1])",
                    "\t(using " + smtp.policy.clients.getFirst().tls().replace(" ", " with cipher ") + ")");
            assertThat(smtp.spool.content(0)).contains("\r\n\tby gateway.example with ESMTPS id ");
            assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPS");
            assertThat(smtp.policy.clients.getFirst().tls()).matches("TLSv1\\.3 TLS_[A-Z0-9_]+");
            assertThat(smtp.server.stats().tlsSessions()).isEqualTo(1);
        }
    }

    @Test
    void theEventOfAReceptionNamesProtocolAndCipherOrNothing() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *\n" + EHLO + MESSAGE);
            client.plays("C: STARTTLS\nS: 220 2.0.0 Ready to start TLS").secure(kit.client()).plays(EHLO + MESSAGE);
            assertThat(smtp.events).extracting(MessageEvent::tls).containsExactly(null,
                    new MessageEvent.Tls(client.tls().getProtocol(), client.tls().getCipherSuite()));
        }
    }

    @Test
    void afterTheHandshakeTheClientBeginsAnew() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            smtp.connect().plays("S: 220 *\n" + EHLO + """
                    C: MAIL FROM:<before@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<before@example.org>
                    S: 250 2.1.5 Ok
                    C: STARTTLS
                    S: 220 2.0.0 Ready to start TLS
                    """).secure(kit.client()).plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 503 5.5.1 Error: send HELO/EHLO first
                    C: AUTH PLAIN
                    S: 503 5.5.1 Error: send HELO/EHLO first
                    C: RCPT TO:<b@example.org>
                    S: 503 5.5.1 Error: need MAIL command
                    C: BDAT 0 LAST
                    S: 503 5.5.1 Error: need MAIL command
                    """ + EHLO + "C: DATA\nS: 503 5.5.1 Error: need MAIL command\n" + MESSAGE);
            assertThat(smtp.accepted).singleElement().satisfies(
                    envelope -> assertThat(envelope.sender()).isEqualTo("a@example.com"));
        }
    }

    @Test
    void aLoginInTheClearIsForgotten() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *\n" + EHLO);
            Scram.login(client, "SCRAM-SHA-256", null);
            client.plays("S: 235 2.7.0 Authentication successful\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS");
            client.secure(kit.client());
            assertThat(client.ehlo()).contains("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
            client.plays(MESSAGE);
            assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPS");
            assertThat(smtp.accepted.getFirst().origin().identity()).isEmpty();
        }
    }

    @Test
    void twiceIsOnceTooOften() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            smtp.connect().startTls(kit.client())
                    .plays("C: STARTTLS\nS: 503 5.5.1 Error: TLS already active\n" + EHLO + MESSAGE);
        }
    }

    @Test
    void itIsRefusedWhereItIsNotOffered() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.plays("S: 220 *\n" + EHLO + "C: STARTTLS\nS: 502 5.5.1 Error: TLS is not offered here\n" + MESSAGE);
        }
    }

    @Test
    void itHasNoParameter() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            smtp.plays("S: 220 *\nC: STARTTLS now\nS: 501 5.5.4 Syntax: STARTTLS\n" + EHLO);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"MAIL FROM:<a@example.com>", "RCPT TO:<a@example.com>", "DATA", "BDAT 0 LAST", "RSET",
        "VRFY a", "HELP", "AUTH PLAIN", "AUTH SCRAM-SHA-256", "XCLIENT ADDR=192.0.2.1"})
    void whereTlsIsRequiredItMustComeFirst(String command) throws Exception {
        try (SmtpFixture smtp = fixture(Mode.REQUIRED)) {
            smtp.connect().plays("S: 220 *\n" + EHLO + "C: " + command
                    + "\nS: 530 5.7.0 Must issue a STARTTLS command first\nC: NOOP\nS: 250 2.0.0 Ok\n"
                    + "C: STARTTLS\nS: 220 2.0.0 Ready to start TLS").secure(kit.client()).plays(EHLO + MESSAGE);
        }
    }

    @Test
    void aClientMayQuitWhereTlsIsRequired() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.REQUIRED)) {
            smtp.plays("S: 220 *\nC: HELO x\nS: 250 gateway.example\nC: QUIT\nS: 221 2.0.0 Bye\nS: <close>");
        }
    }

    @Test
    void aClientCertificateIsAnIdentity() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder()
                .tls(kit.config(Mode.OFFERED, ClientCertificates.REQUESTED)).authRequired().build(), users)) {
            smtp.connect().startTls(kit.client(TestUsers.CERTIFICATE_NAME)).plays(EHLO + MESSAGE);
            assertThat(smtp.accepted.getFirst().origin().identity()).isEqualTo(TestUsers.NAME);
            assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPS");
            smtp.connect().startTls(kit.client("nobody.example"))
                    .plays(EHLO + "C: MAIL FROM:<a@example.com>\nS: 530 5.7.0 Authentication required");
            smtp.connect().startTls(kit.client())
                    .plays(EHLO + "C: MAIL FROM:<a@example.com>\nS: 530 5.7.0 Authentication required");
        }
    }

    @Test
    void aHandshakeThatFailsEndsTheConnectionAndIsCounted() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *\nC: STARTTLS\nS: 220 *");
            assertThatThrownBy(() -> client.secure(new TestCertificates("somebody else").clientContext()))
                    .isInstanceOf(SSLException.class);
            await().until(() -> smtp.server.stats().tlsFailures() == 1 && smtp.server.stats().sessions() == 0);
            assertThat(smtp.server.stats().tlsSessions()).isZero();
        }
    }

    @Test
    void aClientThatLeavesInTheMiddleOfTheHandshakeIsForgotten() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *\nC: STARTTLS\nS: 220 *");
            client.send("\u0016\u0003\u0001\u0002\u0000");
            client.close();
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }

    @Test
    void withImplicitTlsTheGreetingComesAfterTheHandshake() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.IMPLICIT)).build(),
                Authenticator.NONE)) {
            SmtpFixture.Client client = smtp.connect();
            await().until(() -> smtp.server.stats().sessions() == 1);
            assertThat(client.hasInput()).isFalse();
            client.secure(kit.client()).plays("S: 220 gateway.example ESMTP Penstock\n" + EHLO
                    + "C: STARTTLS\nS: 503 5.5.1 Error: TLS already active\n" + MESSAGE);
            assertThat(smtp.accepted.getFirst().origin().protocol()).isEqualTo("ESMTPS");
        }
    }

    @Test
    void withImplicitTlsACommandInTheClearIsNotAnswered() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.IMPLICIT)) {
            SmtpFixture.Client client = smtp.connect();
            client.send("EHLO client.example\r\nMAIL FROM:<a@example.com>\r\n");
            assertThat(everything(client)).doesNotContain("250", "220");
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.policy.clients).isEmpty();
        }
    }

    /** A reply in the clear would be no TLS: the client would report a broken server, not one that is full. */
    @Test
    void withImplicitTlsWhoMayNotComeInGetsAnAlert() throws Exception {
        ListenerConfig listener = new ListenerBuilder().tls(kit.config(Mode.IMPLICIT)).build();
        try (SmtpFixture smtp = new SmtpFixture(config -> config.counts(1000, 1, 50, 1000), listener,
                kit.server(listener.tls()), Authenticator.NONE, new FakePolicy())) {
            SmtpFixture.Client first = smtp.connect().secure(kit.client()).plays("S: 220 *");
            assertThat(everything(smtp.connect())).isEqualTo("\u0015\u0003\u0003\u0000\u0002\u0002P");
            assertThatThrownBy(() -> smtp.connect().secure(kit.client())).isInstanceOf(IOException.class)
                    .message().matches(message -> !message.contains("Unsupported or unrecognized"));
            assertThat(smtp.server.stats().sessionsRefused()).isEqualTo(2);
            first.close();
            await().until(() -> smtp.server.stats().sessions() == 0);
            smtp.connect().secure(kit.client()).plays("S: 220 *");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void failedHandshakesAreErrorsOfTheClient(boolean merelyClosed) throws Exception {
        try (SmtpFixture smtp = oneErrorAllowed()) {
            for (int i = 0; i < 3; i++) {
                SmtpFixture.Client client = smtp.connect();
                client.send(merelyClosed ? "\u0016\u0003\u0001\u0000\u00ff\u0001" : "EHLO client.example\r\n");
                if (merelyClosed) {
                    client.shutdownOutput();
                }
                everything(client);
                client.close();
                await().until(() -> smtp.server.stats().sessions() == 0);
            }
            assertThat(smtp.server.stats().hostility().refused().get(SessionRefusal.TOO_MANY_ERRORS)).isPositive();
        }
    }

    /** As checks of health and scans of ports do. */
    @Test
    void whoClosesWithoutAWordHasMadeNoError() throws Exception {
        try (SmtpFixture smtp = oneErrorAllowed()) {
            for (int i = 0; i < 5; i++) {
                SmtpFixture.Client client = smtp.connect();
                await().until(() -> smtp.server.stats().sessions() == 1);
                client.close();
                await().until(() -> smtp.server.stats().sessions() == 0);
            }
            smtp.connect().secure(kit.client()).plays("S: 220 *");
        }
    }

    private static SmtpFixture oneErrorAllowed() {
        ListenerConfig listener = new ListenerBuilder().tls(kit.config(Mode.IMPLICIT)).build();
        ClientLimits limits = ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of())
                .with(ClientLimits.IPV6_PREFIX, 64).with(ClientLimits.NETWORK_PREFIX_V4, 24)
                .with(ClientLimits.NETWORK_PREFIX_V6, 48).with(ClientLimits.MAX_SESSIONS_PER_NETWORK, null)
                .with(ClientLimits.SESSION_RATE, null).with(ClientLimits.MESSAGE_RATE, null)
                .with(ClientLimits.RECIPIENT_RATE, null).with(ClientLimits.ERROR_RATE, Rate.parse("1/h"))
                .with(ClientLimits.MAX_CLIENTS, 100);
        return new SmtpFixture(config -> config.relayNetworks("192.0.2.0/24").clients(limits), listener,
                kit.server(listener.tls()), Authenticator.NONE, new FakePolicy());
    }

    /** What a policy says is worth a handshake: it is meant for this client. */
    @Test
    void withImplicitTlsAPolicysRefusalIsReadUnderIt() throws Exception {
        ListenerConfig listener = new ListenerBuilder().tls(kit.config(Mode.IMPLICIT)).build();
        FakePolicy policy = new FakePolicy();
        policy.onConnect = FakePolicy.refusal(554, "5.7.1", "not you");
        try (SmtpFixture smtp = new SmtpFixture(config -> config, listener, kit.server(listener.tls()),
                Authenticator.NONE, policy)) {
            smtp.connect().secure(kit.client()).plays("S: 554 5.7.1 not you\nS: <close>");
        }
    }

    private static String everything(SmtpFixture.Client client) {
        StringBuilder all = new StringBuilder();
        try {
            for (String part = client.readOnce(); !part.equals("<close>"); part = client.readOnce()) {
                all.append(part);
            }
        } catch (IOException _) {
            // reset by the server: as good as closed
        }
        return all.toString();
    }

    @Test
    void dataLargerThanARecordComesThrough() throws Exception {
        try (SmtpFixture smtp = fixture(Mode.OFFERED)) {
            SmtpFixture.Client client = smtp.connect().startTls(kit.client()).plays(EHLO + """
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: DATA
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 354 *
                    """);
            String content = "\r\n" + ("x".repeat(998) + "\r\n").repeat(300);
            client.send(content + ".\r\nNOOP\r\n");
            client.plays("S: 250 2.0.0 * queued\nS: 250 2.0.0 Ok");
            assertThat(smtp.spool.content(0)).endsWith("+0000\r\n" + content);
        }
    }
}
