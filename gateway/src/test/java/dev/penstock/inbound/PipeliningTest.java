package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** RFC 2920: commands sent ahead are answered in order, the replies of a group in one write. */
class PipeliningTest {
    private static final String GROUP = """
            MAIL FROM:<a@example.com>\r
            RCPT TO:<b@example.org>\r
            RCPT TO:<c@example.org>\r
            DATA\r
            """;

    private final SmtpFixture smtp = new SmtpFixture();

    @AfterEach
    void close() throws IOException {
        smtp.close();
    }

    @Test
    void theRepliesOfAGroupLeaveInOneWrite() throws Exception {
        SmtpFixture.Client client = greeted();
        client.send(GROUP);
        assertThat(client.readOnce()).isEqualTo("""
                250 2.1.0 Ok\r
                250 2.1.5 Ok\r
                250 2.1.5 Ok\r
                354 End data with <CR><LF>.<CR><LF>\r
                """);
    }

    @Test
    void theEndOfDataMayBeFollowedByTheNextTransaction() throws Exception {
        SmtpFixture.Client client = greeted();
        client.send(GROUP);
        client.readOnce();
        for (int i = 1; i <= 3; i++) {
            client.send("message " + i + "\r\n.\r\n" + GROUP);
            assertThat(client.readOnce()).matches("""
                    250 2\\.0\\.0 \\w{13} queued\r
                    250 2\\.1\\.0 Ok\r
                    250 2\\.1\\.5 Ok\r
                    250 2\\.1\\.5 Ok\r
                    354 End data with <CR><LF>.<CR><LF>\r
                    """);
        }
        client.send("message 4\r\n.\r\nQUIT\r\n");
        client.plays("""
                S: 250 2.0.0 * queued
                S: 221 2.0.0 Bye
                S: <close>
                """);
        assertThat(smtp.accepted).hasSize(4);
        for (int i = 0; i < 4; i++) {
            assertThat(smtp.spool.content(i)).endsWith("\r\nmessage " + (i + 1) + "\r\n");
        }
    }

    @Test
    void nothingIsAnsweredAheadOfACommitThatTakesItsTime() throws Exception {
        smtp.spool.holdCommits();
        SmtpFixture.Client client = greeted();
        client.send(GROUP);
        client.readOnce();
        client.send("message\r\n.\r\n" + GROUP);
        client.send("");
        await().until(() -> smtp.spool.waitingCommits() == 1);
        client.send(""); // nothing more: the next group has been sent with the end of data
        assertThat(client.hasInput()).isFalse();
        assertThat(smtp.accepted).isEmpty();
        smtp.spool.completeCommits();
        assertThat(client.readOnce()).startsWith("250 2.0.0 ").endsWith("354 End data with <CR><LF>.<CR><LF>\r\n");
        assertThat(smtp.accepted).hasSize(1);
    }

    @Test
    void aGroupMayComeInAnyPieces() throws Exception {
        for (int split = 1; split < GROUP.length() - 1; split += 7) {
            SmtpFixture.Client client = greeted();
            client.send(GROUP.substring(0, split));
            client.send(GROUP.substring(split));
            client.plays("""
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 250 2.1.5 Ok
                    S: 354 *
                    C: .
                    S: 250 2.0.0 *
                    """);
        }
    }

    @Test
    void aMessageIsOursEvenWhenTheClientIsGoneBeforeTheCommit() throws Exception {
        smtp.spool.holdCommits();
        SmtpFixture.Client client = greeted();
        client.send(GROUP);
        client.readOnce();
        client.send("message\r\n.\r\n");
        await().until(() -> smtp.spool.waitingCommits() == 1);
        client.reset();
        await().until(() -> smtp.server.stats().sessions() == 0);
        smtp.spool.completeCommits();
        await().until(() -> smtp.accepted.size() == 1);
        await().until(() -> smtp.server.stats().receivingOctets() == 0);
    }

    @Test
    void aThousandCommandsInOneWriteAreAnswered() throws Exception {
        SmtpFixture.Client client = greeted();
        client.send("MAIL FROM:<a@example.com>\r\n");
        client.expect("250 2.1.0 Ok");
        StringBuilder recipients = new StringBuilder();
        for (int i = 0; i < 1001; i++) {
            recipients.append("RCPT TO:<user").append(i).append("@example.org>\r\n");
        }
        client.send(recipients.toString());
        for (int i = 0; i < 1000; i++) {
            client.expect("250 2.1.5 Ok");
        }
        client.expect("452 4.5.3 Error: too many recipients");
        client.plays("""
                C: DATA
                S: 354 *
                C: .
                S: 250 2.0.0 * queued
                """);
        assertThat(smtp.accepted.getFirst().recipients()).hasSize(1000);
    }

    private SmtpFixture.Client greeted() throws IOException {
        return smtp.connect().plays("""
                S: 220 *
                C: HELO client.example
                S: 250 gateway.example
                """);
    }
}
