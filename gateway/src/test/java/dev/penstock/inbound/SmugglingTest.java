package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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
    private static final String SMUGGLED = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nboo\r\n";

    private final SmtpFixture smtp = new SmtpFixture();

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    static Stream<String> lookalikes() {
        return Stream.of("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\r\n.\r\r\n", "\n.\r",
                "\r.\n",
                "\r\n\0.\r\n", "\r\n.\0\r\n", "\n\n.\n\n");
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
            client.plays("""
                    S: 550 5.5.2 Error: *
                    C: NOOP
                    S: 250 2.0.0 Ok
                    """);
        }
        assertThat(smtp.accepted).isEmpty();
        assertThat(smtp.spool.openIntakes()).isZero();
        assertThat(smtp.server.stats().receivingOctets()).isZero();
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
        for (char c : "x\r\n.\r\n".toCharArray()) {
            client.send(String.valueOf(c));
        }
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
