package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** BDAT (RFC 3030). */
class ChunkingTest {
    private static final String TO_BDAT = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            """;

    private final SmtpFixture smtp = new SmtpFixture(builder -> builder.maxMessageSize(10_000));

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    @Test
    void aMessageComesInChunks() throws Exception {
        smtp.plays(TO_BDAT + """
                C: BDAT 16
                C: Subject: hello
                S: 250 2.0.0 16 octets received
                C: BDAT 2
                C:
                C: BDAT 9 LAST
                C: .a\\r\\n..b\\c
                S: 250 2.0.0 2 octets received
                C: \\r\\n\\c
                S: 250 2.0.0 * queued
                C: QUIT
                S: 221 2.0.0 Bye
                """);
        assertThat(body(0)).isEqualTo("Subject: hello\r\n\r\n.a\r\n..b\r\n");
        assertThat(smtp.spool.messages().getFirst().content().hasDotLines()).isTrue();
    }

    @Test
    void everythingMayComeInOneWriteAndMoreTransactionsBehindIt() throws Exception {
        SmtpFixture.Client client = smtp.connect();
        client.plays("S: 220 *\nC: EHLO client.example\nS: <ehlo>");
        String transaction = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nBDAT 9 LAST\r\nA: 1\r\n\r\nx";
        client.send(transaction + transaction + "NOOP\r\n");
        client.plays("""
                S: 250 2.1.0 Ok
                S: 250 2.1.5 Ok
                S: 250 2.0.0 * queued
                S: 250 2.1.0 Ok
                S: 250 2.1.5 Ok
                S: 250 2.0.0 * queued
                S: 250 2.0.0 Ok
                """);
        assertThat(body(0)).isEqualTo("A: 1\r\n\r\nx\r\n"); // the last line has its end too
        assertThat(body(1)).isEqualTo("A: 1\r\n\r\nx\r\n");
    }

    @Test
    void anEmptyLastChunkEndsTheMessage() throws Exception {
        smtp.plays(TO_BDAT + """
                C: BDAT 8
                C: A: 1\\r\\n\\c
                C: \\r\\n\\c
                S: 250 2.0.0 8 octets received
                C: BDAT 0 LAST
                S: 250 2.0.0 * queued
                """);
        assertThat(body(0)).isEqualTo("A: 1\r\n\r\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {".\r\n", "\r\n.\r\n",
        "\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<v@example.org>\r\nDATA\r\n",
        "BDAT 0 LAST\r\n"})
    void whatLooksLikeTheEndOfDataIsContent(String lookalike) throws Exception {
        String content = "A: 1\r\n\r\nbody\r\n" + lookalike;
        SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
        client.send("BDAT " + content.length() + " LAST\r\n" + content);
        client.plays("S: 250 2.0.0 * queued\nC: NOOP\nS: 250 2.0.0 Ok");
        assertThat(smtp.accepted).hasSize(1);
        assertThat(body(0)).isEqualTo(content);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"a\\nb. | 550 5.5.2 Error: bare <LF> received",
        "a\\rb. | 550 5.5.2 Error: bare <CR> received", "ab.\\r | 550 5.5.2 Error: bare <CR> received",
        "a\\0b. | 550 5.5.2 Error: NUL octet received"})
    void contentThatIsNoLinesIsRefusedOnceItIsRead(String content, String reply) throws Exception {
        String octets = content.replace("\\n", "\n").replace("\\r", "\r").replace("\\0", "\0");
        SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
        client.send("BDAT " + octets.length() + " LAST\r\n" + octets);
        client.plays("S: " + reply + "\nC: NOOP\nS: 250 2.0.0 Ok");
        assertThat(smtp.accepted).isEmpty();
        assertThat(smtp.server.stats().receivingOctets()).isZero();
    }

    @Test
    void chunksOutOfOrderAreReadAndRefused() throws Exception {
        smtp.plays("""
                S: 220 *
                C: EHLO client.example
                S: <ehlo>
                C: BDAT 6
                C: NOOP
                S: 503 5.5.1 Error: need MAIL command
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: BDAT 6 LAST
                C: QUIT
                S: 503 5.5.1 Error: need RCPT command
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                C: RCPT TO:<b@example.org>
                S: 250 2.1.5 Ok
                C: BDAT 6
                C: A: 1
                S: 250 2.0.0 6 octets received
                C: DATA
                S: 503 5.5.1 Error: DATA after BDAT
                C: RCPT TO:<c@example.org>
                S: 503 5.5.1 Error: the message has begun with BDAT
                C: MAIL FROM:<a@example.com>
                S: 503 5.5.1 Error: nested MAIL command
                C: RSET
                S: 250 2.0.0 Ok
                C: BDAT 0 LAST
                S: 503 5.5.1 Error: need MAIL command
                """);
        assertThat(smtp.accepted).isEmpty();
        assertThat(smtp.server.stats().receivingOctets()).isZero();
        assertThat(smtp.server.stats().messagesAborted()).isEqualTo(1);
    }

    @Test
    void aRefusedChunkNeedsReset() throws Exception {
        smtp.plays(TO_BDAT + """
                C: BDAT 4
                C: a\\nb\\n\\c
                S: 550 5.5.2 Error: bare <LF> received
                C: BDAT 4
                C: cd
                S: 503 5.5.1 Error: a chunk was refused, send RSET
                C: RSET
                S: 250 2.0.0 Ok
                C: MAIL FROM:<a@example.com>
                S: 250 2.1.0 Ok
                """);
    }

    @Test
    void chunksThatAreTooBigTogetherAreRefusedAndOneThatIsTooBigAloneEndsTheSession() throws Exception {
        SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
        String chunk = ("x".repeat(98) + "\r\n").repeat(60);
        client.send("BDAT 6000\r\n" + chunk + "BDAT 6000 LAST\r\n" + chunk);
        client.plays("""
                S: 250 2.0.0 6000 octets received
                S: 552 5.3.4 Error: message file too big
                C: BDAT 10001
                S: 552 5.3.4 Error: chunk exceeds fixed limit
                S: <close>
                """);
    }

    @ParameterizedTest
    @ValueSource(strings = {"BDAT", "BDAT x LAST", "BDAT -1", "BDAT 1 FIRST"})
    void behindAWrongLineNothingIsExecuted(String line) throws Exception {
        smtp.plays(TO_BDAT + "C: " + line + "\nC: NOOP\nS: 521 5.5.4 Syntax: BDAT size [LAST]\nS: <close>");
    }

    @Test
    void aLostConnectionForgetsTheChunks() throws Exception {
        SmtpFixture.Client client = smtp.connect().plays(TO_BDAT + """
                C: BDAT 6
                C: A: 1
                S: 250 2.0.0 6 octets received
                """);
        client.close();
        await().until(() -> smtp.server.stats().receivingOctets() == 0);
        assertThat(smtp.server.stats().messagesAborted()).isEqualTo(1);
    }

    private String body(int message) {
        String content = smtp.spool.content(message);
        return content.substring(content.indexOf("+0000\r\n") + 7);
    }
}
