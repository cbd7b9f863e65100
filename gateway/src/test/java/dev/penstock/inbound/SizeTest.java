package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Message size (RFC 1870) and line length. */
class SizeTest {
    private static final String TO_DATA = """
            S: 220 *
            C: HELO client.example
            S: 250 gateway.example
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 *
            """;

    @Test
    void aMessageOfTheLargestSizeIsTaken() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.maxMessageSize(100_000))) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            client.send(("x".repeat(998) + "\r\n").repeat(100) + ".\r\n");
            client.plays("S: 250 2.0.0 * queued");
            assertThat(smtp.spool.content(0)).endsWith("+0000\r\n" + ("x".repeat(998) + "\r\n").repeat(100));
        }
    }

    @Test
    void aLargerOneIsReadToItsEndAndRefused() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.maxMessageSize(100_000))) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            for (int i = 0; i < 1000; i++) {
                client.send("x".repeat(998) + "\r\n");
            }
            assertThat(smtp.server.stats().receivingOctets()).isLessThanOrEqualTo(101_000);
            client.plays("""
                    C: x
                    C: .
                    S: 552 5.3.4 Error: message file too big
                    C: NOOP
                    S: 250 2.0.0 Ok
                    """);
            assertThat(smtp.accepted).isEmpty();
            assertThat(smtp.spool.aborted()).isEqualTo(1);
            assertThat(smtp.server.stats().messagesRefused()).isEqualTo(1);
        }
    }

    @Test
    void aLineThatIsTooLongRefusesTheMessage() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.maxLineLength(2000))) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            client.send("x".repeat(2000) + "\r\n." + "y".repeat(2000) + "\r\n.\r\n");
            client.plays("S: 250 2.0.0 * queued\nC: QUIT\nS: 221 *");
            client = smtp.connect().plays(TO_DATA);
            client.send("x".repeat(2001) + "\r\n.\r\n");
            client.plays("S: 500 5.5.2 Error: line of content too long\nC: QUIT\nS: 221 *");
        }
    }

    @Test
    void aCommandLineThatIsTooLongIsSkipped() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            client.send("HELO " + "x".repeat(100_000));
            client.send("x".repeat(100_000) + "\r\nHELO client.example\r\n");
            client.plays("""
                    S: 500 5.5.2 Error: line too long
                    S: 250 gateway.example
                    """);
        }
    }
}
