package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients of other protocols, which a browser or proxy can be made to be, are dropped at their first line. */
class ForeignCommandTest {
    private static final String BEHIND = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";

    private final SmtpFixture smtp = new SmtpFixture();

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET / HTTP/1.1", "get /", "POST / HTTP/1.1", "HEAD / HTTP/1.0", "PUT /x HTTP/1.1",
        "DELETE /x HTTP/1.1", "OPTIONS * HTTP/1.1", "TRACE / HTTP/1.1", "PATCH /x HTTP/1.1",
        "CONNECT mail.example:25 HTTP/1.1", "PRI * HTTP/2.0", "DESCRIBE rtsp://x RTSP/1.0", "INVITE sip:x SIP/2.0",
        "Host: mail.example", "Subject: buy", "SSH-2.0-OpenSSH_9.9", "\u0016\u0003\u0001\u0002\u0000\u0001"})
    void theyAreDropped(String line) throws Exception {
        SmtpFixture.Client client = smtp.connect()
                .plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>");
        client.send(line + "\r\n" + BEHIND);
        client.plays("S: 521 5.5.1 gateway.example Error: this is an SMTP server\nS: <close>");
        await().until(() -> smtp.server.stats().sessions() == 0);
        assertThat(smtp.server.stats().hostility().foreignCommands()).isEqualTo(1);
        assertThat(smtp.policy.clients).isEmpty();
    }

    @Test
    void aLineThatIsMerelyUnknownIsNot() throws Exception {
        smtp.plays("""
                S: 220 *
                C: GETTING
                S: 500 5.5.2 Error: command not recognized
                C: EXPN list
                S: 502 5.5.1 Error: command not implemented
                C: NOOP
                S: 250 2.0.0 Ok
                """);
    }
}
