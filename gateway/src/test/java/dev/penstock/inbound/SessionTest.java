package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Recipient;

class SessionTest {
    private final SmtpFixture smtp = new SmtpFixture();

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    @Test
    void theGreetingSaysWhatIsConfigured() throws Exception {
        try (SmtpFixture other = new SmtpFixture(config -> config.banner("ESMTP no spam, please"))) {
            other.plays("S: 220 gateway.example ESMTP no spam, please");
        }
    }

    @Test
    void aMessageIsTakenAndQueued() throws Exception {
        smtp.plays("""
                S: 220 gateway.example ESMTP Penstock
                C: EHLO client.example
                S: 250-gateway.example
                S: 250-PIPELINING
                S: 250-SIZE 10240000
                S: 250-8BITMIME
                S: 250-ENHANCEDSTATUSCODES
                S: 250-CHUNKING
                S: 250-SMTPUTF8
                S: 250-DSN
                S: 250-LIMITS MAILMAX=10000 RCPTMAX=1000
                S: 250-FUTURERELEASE 2592000 2026-12-23T10:20:30Z
                S: 250-DELIVERBY
                S: 250 HELP
                C: MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@Example.ORG>
                S: 250 2.1.5 Ok
                C: RCPT TO:<c@example.net>
                S: 250 2.1.5 Ok
                C: DATA
                S: 354 End data with <CR><LF>.<CR><LF>
                C: Subject: hello
                C:
                C: ..dot
                C: caf\u00e9
                C: .
                S: 250 2.0.0 * queued
                C: QUIT
                S: 221 2.0.0 Bye
                S: <close>
                """);
        assertThat(smtp.accepted).hasSize(1);
        Envelope envelope = smtp.accepted.getFirst();
        assertThat(envelope.sender()).isEqualTo("a@example.com");
        assertThat(envelope.recipients()).containsExactly(new Recipient("b@Example.ORG", "example.org"),
                new Recipient("c@example.net", "example.net"));
        assertThat(envelope.body()).isEqualTo(BodyType.EIGHT_BIT_MIME);
        assertThat(envelope.receivedMillis()).isEqualTo(SmtpFixture.NOW.toEpochMilli());
        assertThat(envelope.origin().protocol()).isEqualTo("ESMTP");
        assertThat(envelope.origin().helo()).isEqualTo("client.example");
        assertThat(envelope.origin().address()).startsWith("127.0.0.1:");
        assertThat(smtp.spool.content(0)).isEqualTo("Received: from client.example ([127.0.0.1])\r\n"
                + "\tby gateway.example with ESMTP id " + envelope.id() + ";\r\n"
                + "\tMon, 23 Nov 2026 10:20:30 +0000\r\n"
                + "Subject: hello\r\n\r\n.dot\r\ncaf\u00e9\r\n");
        assertThat(smtp.spool.messages().getFirst().content().hasDotLines()).isTrue();
        assertThat(smtp.spool.messages().getFirst().content().hasEightBit()).isTrue();
        assertThat(smtp.events).singleElement().satisfies(event -> {
            assertThat(event.type()).isEqualTo(MessageEvent.Type.RECEPTION);
            assertThat(event.id()).isEqualTo(envelope.id());
            assertThat(event.recipients()).containsExactly("b@Example.ORG", "c@example.net");
            assertThat(event.domain()).isEqualTo("example.org");
            assertThat(event.size()).isEqualTo(smtp.spool.content(0).length());
        });
        assertThat(smtp.server.stats().messages()).isEqualTo(1);
        assertThat(smtp.server.stats().receivingOctets()).isZero();
    }

    @Test
    void aHeloClientIsServedToo() throws Exception {
        smtp.plays("""
                S: 220 *
                C: helo old client
                S: 501 5.5.4 Syntax: HELO hostname
                C: helo (evil);
                S: 250 gateway.example
                C: mail from:<>
                S: 250 2.1.0 Ok
                C: rcpt to:<Postmaster>
                S: 250 2.1.5 Ok
                C: data
                S: 354 *
                C: .
                S: 250 2.0.0 * queued
                """);
        assertThat(smtp.accepted.getFirst().sender()).isEmpty();
        assertThat(smtp.accepted.getFirst().recipients())
                .containsExactly(new Recipient("Postmaster@gateway.example", "gateway.example"));
        assertThat(smtp.spool.content(0))
                .startsWith("Received: from ?evil?? ([127.0.0.1])\r\n\tby gateway.example with SMTP id ");
    }

    @Test
    void commandsOutOfOrderAreRefused() throws Exception {
        smtp.plays("""
                S: 220 *
                C: MAIL FROM:<a@example.com>
                S: 503 5.5.1 Error: send HELO/EHLO first
                C: HELO client.example
                S: 250 gateway.example
                C: RCPT TO:<b@example.org>
                S: 503 5.5.1 Error: need MAIL command
                C: DATA
                S: 503 5.5.1 Error: need MAIL command
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: MAIL FROM:<a@example.com>
                S: 503 5.5.1 Error: nested MAIL command
                C: DATA
                S: 503 5.5.1 Error: need RCPT command
                C: RCPT TO:<b>
                S: 501 5.1.3 Bad recipient address syntax
                C: RCPT TO:<b@example.org> X-TWO=2
                S: 555 5.5.4 Unsupported option: X-TWO
                C: DATA
                S: 554 5.5.1 Error: no valid recipients
                """);
    }

    @Test
    void rsetAndHelloEndTheTransaction() throws Exception {
        smtp.plays("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 250 2.1.5 Ok
                C: RSET
                S: 250 2.0.0 Ok
                C: DATA
                S: 503 5.5.1 Error: need MAIL command
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: HELO client.example
                S: 250 gateway.example
                C: RCPT TO:<b@example.org>
                S: 503 5.5.1 Error: need MAIL command
                """);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "NOOP anything                              | 250 2.0.0 Ok",
        "VRFY someone                               | 252 2.1.5 *",
        "HELP                                       | 214 2.0.0 *",
        "EXPN list                                  | 502 5.5.1 Error: command not implemented",
        "STARTTLS                                   | 502 5.5.1 Error: TLS is not offered here",
        "AUTH PLAIN                                 | 503 5.5.1 Error: send HELO/EHLO first",
        "XCLIENT ADDR=192.0.2.1                     | 550 5.7.0 Error: insufficient authorization",
        "FOO                                        | 500 5.5.2 Error: command not recognized",
        "MAIL FROM:<a@example.com> SIZE=10240001    | 552 5.3.4 Message size exceeds fixed limit",
        "MAIL FROM:<a@example.com> SMTPUTF8         | 250 2.1.0 Ok",
        "MAIL FROM:<a@example.com> BODY=BINARYMIME  | 555 5.5.4 Unsupported option: BODY=BINARYMIME",
        "MAIL FROM:<a@example.com> RET=HDRS         | 250 2.1.0 Ok",
        "MAIL FROM:<a@example.com> REQUIRETLS       | 555 5.5.4 Unsupported option: REQUIRETLS",
        "MAIL FROM:<a@example.com> X-ONE=1          | 555 5.5.4 Unsupported option: X-ONE",
        "MAIL FROM:<a@example.com> SIZE=10240000    | 250 2.1.0 Ok"})
    void commandsAreAnswered(String command, String reply) throws Exception {
        smtp.plays("S: 220 *\nC: HELO client.example\nS: 250 gateway.example\nC: " + command + "\nS: " + reply);
    }

    @Test
    void aRecipientNamedTwiceGetsOneCopy() throws Exception {
        smtp.plays("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                C: MAIL FROM:<a@example.com>
                C: RCPT TO:<b@example.org>
                C: RCPT TO:<c@example.org>
                C: RCPT TO:<b@example.org>
                C: DATA
                S: 250 2.1.0 Ok
                S: 250 2.1.5 Ok
                S: 250 2.1.5 Ok
                S: 250 2.1.5 Ok
                S: 354 *
                C: x
                C: .
                S: 250 2.0.0 * queued
                """);
        assertThat(smtp.accepted.getFirst().recipients()).hasSize(2);
    }

    @Test
    void aMessageThatWentInCirclesIsRefused() throws Exception {
        StringBuilder transcript = new StringBuilder("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 250 2.1.5 Ok
                C: DATA
                S: 354 *
                """);
        transcript.append("C: Received: from x\nC: X-Received: y\n".repeat(51));
        smtp.plays(transcript + """
                C:
                C: body
                C: .
                S: 554 5.4.6 Error: too many hops
                """);
        assertThat(smtp.accepted).isEmpty();
        assertThat(smtp.spool.openIntakes()).isZero();
    }

    @Test
    void clientsOutsideTheRelayNetworksMayNotRelay() throws Exception {
        smtp.reconfigure(new ConfigBuilder().relayNetworks("192.0.2.0/24", "2001:db8::/32").build());
        smtp.plays("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 554 5.7.1 <b@example.org>: Relay access denied
                """);
    }

    @Test
    void whatWasSentBeforeAHalfCloseIsAnswered() throws Exception {
        SmtpFixture.Client client = smtp.connect();
        smtp.spool.holdCommits();
        client.plays("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                C: MAIL FROM:<a@example.com>
                C: RCPT TO:<b@example.org>
                C: DATA
                S: 250 2.1.0 Ok
                S: 250 2.1.5 Ok
                S: 354 *
                C: x
                C: .
                C: NOOP
                """);
        client.shutdownOutput();
        await().until(() -> smtp.spool.waitingCommits() == 1);
        smtp.spool.completeCommits();
        client.plays("""
                S: 250 2.0.0 * queued
                S: 250 2.0.0 Ok
                S: <close>
                """);
    }
}
