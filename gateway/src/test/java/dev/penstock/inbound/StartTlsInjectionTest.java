package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ListenerTls.Mode;

/** What somebody in the middle puts behind STARTTLS in the clear is never executed (CVE-2011-0411 and its kin). */
class StartTlsInjectionTest {
    /** Would be answered and told to the policy if it were executed. */
    private static final String CANARY = "EHLO evil.example\r\nMAIL FROM:<canary@evil.example>\r\nNOOP\r\n";

    private static TlsKit kit;
    private SmtpFixture smtp;

    @BeforeAll
    static void open(@TempDir Path directory) {
        kit = new TlsKit(directory);
    }

    @AfterAll
    static void closeKit() {
        kit.close();
    }

    @BeforeEach
    void start() {
        smtp = new SmtpFixture(kit, new ListenerBuilder().tls(kit.config(Mode.OFFERED)).build(),
                Authenticator.NONE);
    }

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    private static String flood() {
        return "NOOP\r\n".repeat(40_000) + CANARY; // more than the 64 KB of one read, several times
    }

    static Stream<List<String>> withoutWaiting() {
        return Stream.of(List.of("STARTTLS\r\n" + CANARY), List.of("STARTTLS\r\n", CANARY),
                List.of("START", "TLS\r\n" + CANARY), List.of("STARTTLS\r", "\n" + CANARY),
                List.of("STARTTLS", "\r\n", CANARY), List.of("STARTTLS\n" + CANARY),
                Stream.concat(Stream.of("STARTTLS\r\n"), CANARY.chars().mapToObj(Character::toString)).toList(),
                ("STARTTLS\r\n" + CANARY).chars().mapToObj(Character::toString).toList(),
                List.of("STARTTLS\r\n" + flood()), List.of("STARTTLS\r\n", flood()),
                List.of("STARTTLS\r\nSTARTTLS\r\n" + CANARY), List.of("NOOP\r\nSTARTTLS\r\n" + CANARY),
                List.of("STARTTLS\r\n\r\n" + CANARY), List.of("STARTTLS\r\n" + CANARY.replace("\r\n", "\n")));
    }

    @ParameterizedTest
    @MethodSource("withoutWaiting")
    void behindStartTlsItIsNeverExecuted(List<String> packets) throws Exception {
        SmtpFixture.Client client = smtp.connect().plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>");
        send(client, packets);
        assertNothingWasExecuted(client);
    }

    static Stream<List<String>> afterTheReply() {
        return Stream.of(List.of(CANARY), CANARY.chars().mapToObj(Character::toString).toList(), List.of(flood()),
                List.of("M", CANARY.substring(CANARY.indexOf("AIL"))), List.of("\r\n", CANARY));
    }

    @ParameterizedTest
    @MethodSource("afterTheReply")
    void betweenTheReplyAndTheHandshakeItIsNeverExecuted(List<String> packets) throws Exception {
        SmtpFixture.Client client = smtp.connect()
                .plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS");
        send(client, packets);
        assertNothingWasExecuted(client);
    }

    /** A part of a line that stands before STARTTLS is no part of the first line after the handshake. */
    @Test
    void theFirstReplyAfterTheHandshakeIsToTheFirstCommandInIt() throws Exception {
        SmtpFixture.Client client = smtp.connect().startTls(kit.client());
        client.plays("""
                C: NOOP
                S: 250 2.0.0 Ok
                C: XYZ
                S: 500 5.5.2 Error: command not recognized
                C: QUIT
                S: 221 2.0.0 Bye
                S: <close>
                """);
        assertThat(smtp.policy.clients).isEmpty();
    }

    private static void send(SmtpFixture.Client client, List<String> packets) {
        try {
            for (String packet : packets) {
                client.send(packet);
            }
        } catch (IOException _) {
            // the server has closed already
        }
    }

    private void assertNothingWasExecuted(SmtpFixture.Client client) {
        StringBuilder all = new StringBuilder();
        try {
            for (String part = client.readOnce(); !part.equals("<close>"); part = client.readOnce()) {
                all.append(part);
            }
        } catch (IOException _) {
            // reset by the server: as good as closed
        }
        String replies = all.toString();
        assertThat(replies).doesNotContain("2.1.0").doesNotContain("250-");
        assertThat(replies.split("250 2.0.0 Ok", -1).length - 1).as(replies).isLessThanOrEqualTo(1); // NOOP before it
        await().until(() -> smtp.server.stats().sessions() == 0);
        assertThat(smtp.policy.clients).isEmpty();
        assertThat(smtp.server.stats().tlsSessions()).isZero();
    }
}
