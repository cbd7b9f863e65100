package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.policy.Client;

/** What looks like the end of data and isn't never lets a second message in (SMTP smuggling). */
class SmugglingTest {
    private static final String TO_DATA = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 *
            """;
    private static final String SMUGGLED = "EHLO evil\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nboo\r\n";

    private final SmtpFixture smtp = new SmtpFixture();

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    /** Published ends of data that are none: bare LF and CR in every place, with NUL, and doubled. */
    static Stream<String> lookalikes() {
        return Stream.of("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\r\n.\r\r\n", "\n.\r",
                "\r.\n", "\n\n.\r\n", "\n\r.\r\n", "\r\n\n.\r\n", "\r\n.\r\r\n", "\r\n.\n\r\n", "\r\n\r.\r\n",
                "\r\n\0.\r\n", "\r\n.\0\r\n", "\r\n.\r\0\n", "\r\0\n.\r\n", "\0\r\n.\0\r\n", "\n\n.\n\n", "\r\r.\r\r");
    }

    @ParameterizedTest
    @MethodSource("lookalikes")
    void aLookalikeGivesOneRefusalAfterTheTrueEnd(String lookalike) throws Exception {
        String data = "Subject: x\r\n\r\nbody" + lookalike + SMUGGLED + ".\r\n";
        for (int split : new int[]{0, "Subject: x\r\n\r\nbody".length() + 1, "Subject: x\r\n\r\nbody".length() + 2,
            data.indexOf(SMUGGLED), data.length() - 3}) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            client.send(data.substring(0, split));
            client.send(data.substring(split));
            assertIsRefusedOnce(client);
        }
        assertNothingIsKept();
    }

    private void assertIsRefusedOnce(SmtpFixture.Client client) throws IOException {
        client.plays("""
                S: 550 5.5.2 Error: *
                C: NOOP
                S: 250 2.0.0 Ok
                """);
    }

    private void assertNothingIsKept() {
        assertThat(smtp.accepted).isEmpty();
        assertThat(smtp.policy.clients).extracting(Client::helo).doesNotContain("evil");
        assertThat(smtp.spool.openIntakes()).isZero();
        assertThat(smtp.server.stats().receivingOctets()).isZero();
    }

    @ParameterizedTest
    @MethodSource("lookalikes")
    void aLookalikeInOctetsOfTheirOwnIsNoneEither(String lookalike) throws Exception {
        SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
        client.sendOctetByOctet("x" + lookalike + SMUGGLED + ".\r\n");
        assertIsRefusedOnce(client);
        assertNothingIsKept();
    }

    /** Every cut into two reads, without a network that may join them. */
    @ParameterizedTest
    @MethodSource("lookalikes")
    void aLookalikeSplitAnywhereIsNone(String lookalike) throws Exception {
        String data = "x" + lookalike + SMUGGLED + ".\r\n";
        for (int split = 0; split <= data.length(); split++) {
            try (SessionHarness session = new SessionHarness()) {
                session.say("EHLO client.example\r\n");
                session.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
                assertThat(session.takeReplies()).endsWith("354 End data with <CR><LF>.<CR><LF>\r\n");
                session.say(data.substring(0, split));
                session.say(data.substring(split));
                assertThat(session.takeReplies()).startsWith("550 5.5.2 Error: ").containsOnlyOnce("\r\n");
                assertThat(session.spool().messages()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("lookalikes")
    void aLookalikeInAChunkIsContentThatIsRefused(String lookalike) throws Exception {
        String content = "Subject: x\r\n\r\nbody" + lookalike + SMUGGLED + ".\r\n";
        for (int chunk : new int[]{content.length(), 1, 7}) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA.substring(0, TO_DATA.indexOf("C: DATA"))
                    + "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n");
            StringBuilder all = new StringBuilder();
            for (int i = 0; i < content.length(); i += chunk) {
                String part = content.substring(i, Math.min(content.length(), i + chunk));
                all.append("BDAT ").append(part.length()).append("\r\n").append(part);
            }
            client.send(all + "BDAT 0 LAST\r\nRSET\r\n");
            String reply;
            do {
                reply = client.readLine();
                assertThat(reply).matches("250 2.0.0 \\d+ octets received|550 5.5.2 Error: .*"
                        + "|503 5.5.1 Error: a chunk was refused, send RSET|421 4.7.0 .*|<close>|250 2.0.0 Ok");
            } while (!reply.equals("250 2.0.0 Ok") && !reply.equals("<close>"));
        }
        await().until(() -> smtp.server.stats().receivingOctets() == 0);
        assertNothingIsKept();
    }

    @ParameterizedTest
    @ValueSource(strings = {".\r\n", "\r\n.\r\n", "\r\n..\r\n", "\r\n.\r\n.\r\n"})
    void theTrueEndOfDataIsContentInAChunk(String end) throws Exception {
        String content = "Subject: x\r\n\r\nbody" + end + SMUGGLED;
        SmtpFixture.Client client = smtp.connect().plays(TO_DATA.substring(0, TO_DATA.indexOf("C: DATA"))
                + "S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\n");
        client.send("BDAT " + content.length() + " LAST\r\n" + content + "NOOP\r\n");
        client.plays("S: 250 2.0.0 * queued\nS: 250 2.0.0 Ok");
        assertThat(smtp.accepted).hasSize(1);
        assertThat(smtp.spool.content(0)).endsWith("+0000\r\n" + content);
    }

    @Test
    void aStuffedDotAloneIsContent() throws Exception {
        smtp.plays(TO_DATA + """
                C: x
                C: ..
                C: y
                C: .
                S: 250 2.0.0 * queued
                """);
        assertThat(smtp.spool.content(0)).endsWith("x\r\n.\r\ny\r\n");
    }

    @Test
    void theEndOfDataIsSeenOctetByOctet() throws Exception {
        SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
        client.sendOctetByOctet("x\r\n.\r\n");
        client.plays("S: 250 2.0.0 * queued");
        assertThat(smtp.spool.content(0)).endsWith("+0000\r\nx\r\n");
    }

    @Test
    void dataSentBeforeTheGoAheadEndsTheSession() throws Exception {
        smtp.plays("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                C: MAIL FROM:<a@example.com>
                C: RCPT TO:<b>
                C: DATA
                C: QUIT
                C: .
                S: 250 2.1.0 Ok
                S: 501 5.1.3 *
                S: 554 5.5.0 Error: SMTP protocol synchronization
                S: <close>
                """);
    }

    @Test
    void commandsSentWithHelloEndTheSession() throws Exception {
        smtp.plays("""
                S: 220 *
                C: EHLO client.example
                C: MAIL FROM:<a@example.com>
                S: 554 5.5.0 Error: SMTP protocol synchronization
                S: <close>
                """);
    }
}
