package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.auth.Authenticator;
import dev.penstock.message.Recipient;
import dev.penstock.spool.SpoolException;
import dev.penstock.testing.CommandedSigning;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.FakeSpool;

class SignedReceptionTest {
    private static final String ENVELOPE = """
            S: 220 *
            C: HELO client.example
            S: 250 *
            C: MAIL FROM:<b@sender.example>
            S: 250 2.1.0 Ok
            C: RCPT TO:<c@receiver.example>
            S: 250 2.1.5 Ok
            """;
    private static final String SIGNED = """
            C: DATA
            S: 354 *
            C: From: a@signed.example
            C:
            C: ..dot
            C: .
            """;

    private final CommandedSigning signer = new CommandedSigning();
    private final ScriptedSession smtp = new ScriptedSession(config -> config, new ListenerBuilder().build(), null,
            new FakePolicy(), Authenticator.NONE, signer.signing);

    @AfterEach
    void close() {
        smtp.close();
        signer.close();
        assertThat(smtp.receivingOctets()).isZero();
        assertThat(smtp.spool.openIntakes()).isZero();
    }

    @Test
    void nothingIsSaidBeforeTheSignatureAndTheSync() {
        smtp.spool.holdCommits();
        smtp.plays(ENVELOPE + SIGNED);
        assertThat(smtp.readLine()).isEqualTo("<nothing>");
        assertThat(smtp.spool.waitingCommits()).isZero();
        signer.signOne();
        assertThat(smtp.readLine()).isEqualTo("<nothing>");
        assertThat(smtp.spool.waitingCommits()).isEqualTo(1);
        smtp.spool.completeCommits();

        assertThat(smtp.readLine()).matches("250 2\\.0\\.0 .* queued");
        assertThat(smtp.spool.content(0)).startsWith("DKIM-Signature: ")
                .matches("(?s).*\r\nReceived: .*\r\nFrom: a@signed\\.example\r\n\r\n\\.dot\r\n");
    }

    @Test
    void whatAStrangerBringsIsNeverSignedWhateverItsFromFieldSays() {
        FakePolicy rules = new FakePolicy(); // who lets anybody write to this recipient
        rules.postmaster = new Recipient("c@receiver.example", "receiver.example");
        try (ScriptedSession stranger = new ScriptedSession(ConfigBuilder::stranger, new ListenerBuilder().build(),
                null,
                rules, Authenticator.NONE, signer.signing)) {
            stranger.plays(ENVELOPE + SIGNED + "S: 250 2.0.0 *\n");
            assertThat(stranger.spool.content(0)).startsWith("Received: ").doesNotContain("DKIM-Signature");
        }
    }

    @Test
    void whatFollowsInTheSameReadWaitsForItsTurn() {
        smtp.plays(ENVELOPE + "C: DATA\nS: 354 *\n");
        smtp.send("From: a@signed.example\r\n\r\nx\r\n.\r\nMAIL FROM:<d@sender.example>\r\nNOOP\r\n");
        assertThat(smtp.readLine()).isEqualTo("<nothing>");
        signer.signOne();

        smtp.plays("""
                S: 250 2.0.0 *
                S: 250 2.1.0 Ok
                S: 250 2.0.0 Ok
                """);
    }

    @Test
    void aClientThatIsGoneLeavesAMessageThatIsSignedAndDelivered() {
        smtp.plays(ENVELOPE + SIGNED);
        smtp.connection.close();
        smtp.connection.run();
        signer.signOne();
        smtp.connection.run();

        assertThat(smtp.accepted).hasSize(1);
        assertThat(smtp.spool.content(0)).startsWith("DKIM-Signature: ");
    }

    @Test
    void aStopIsSaidOnceAndTheMessageIsKept() {
        smtp.plays(ENVELOPE + SIGNED);
        smtp.shutDown();
        signer.signAll();
        smtp.connection.run();

        assertThat(smtp.accepted).hasSize(smtp.spool.messages().size()).hasSize(1);
    }

    @Test
    void whoCannotBeSignedIsToldAndForgotten() {
        smtp.plays(ENVELOPE + SIGNED.replace("signed.example", CommandedSigning.KEYLESS));
        signer.signOne();

        smtp.plays("S: 550 5.7.1 No DKIM key for keyless.example, selector s1");
        assertThat(smtp.spool.messages()).isEmpty();
    }

    @Test
    void moreThanCanWaitArePutOff() {
        signer.room(0);
        smtp.plays(ENVELOPE + SIGNED + "S: 451 4.3.2 Too many messages wait for signatures, try again later\n");
        signer.room(1);
        smtp.plays("C: MAIL FROM:<b@sender.example>\nS: 250 *\nC: RCPT TO:<c@receiver.example>\nS: 250 *\n" + SIGNED);
        signer.signOne();

        smtp.plays("S: 250 2.0.0 *");
    }

    @Test
    void whatASpoolRefusesAfterTheSignatureIsForgotten() {
        smtp.spool.failCommits(SpoolException.Reason.FULL);
        smtp.plays(ENVELOPE + SIGNED);
        signer.signOne();

        smtp.plays("S: 452 4.3.1 Insufficient system storage");
    }

    @Test
    void chunksAreSignedAsTheyAreJoined() {
        smtp.plays(ENVELOPE);
        smtp.send("BDAT 15\r\nFrom: a@signed.BDAT 17 LAST\r\nexample\r\n\r\nbody\r\n");
        signer.signOne();

        smtp.plays("S: 250 2.0.0 15 octets received\nS: 250 2.0.0 * queued");
        assertThat(FakeSpool.text(smtp.spool.messages().getFirst())).startsWith("DKIM-Signature: ");
    }

    @Test
    void aHeaderSectionThatIsKeptForItsSignatureCountsUntilTheCommit() {
        String field = "X-Long: " + "x".repeat(900) + "\r\n";
        int octets = 20 * field.length();
        smtp.plays(ENVELOPE + "C: DATA\nS: 354 *\n");
        smtp.send("From: a@signed.example\r\n" + field.repeat(20));
        assertThat(smtp.receivingOctets()).isGreaterThan(2L * octets);
        smtp.send("\r\nx\r\n.\r\n");
        assertThat(smtp.receivingOctets()).isGreaterThan(2L * octets);
        smtp.spool.holdCommits();
        signer.signOne();
        assertThat(smtp.readLine()).isEqualTo("<nothing>");
        assertThat(smtp.receivingOctets()).isGreaterThan(2L * octets);
        smtp.spool.completeCommits();
        smtp.plays("S: 250 2.0.0 *\n");
        assertThat(smtp.receivingOctets()).isZero();

        smtp.plays(ENVELOPE.substring(ENVELOPE.indexOf("C: MAIL")) + "C: DATA\nS: 354 *\n");
        smtp.send("From: a@other.example\r\n" + field.repeat(20) + "\r\n");
        assertThat(smtp.receivingOctets()).as("nobody signs it").isBetween((long) octets, octets * 3L / 2);
        smtp.send(".\r\n");
        smtp.plays("S: 250 2.0.0 *\n");
    }

    @Test
    void otherMailWaitsForNoSignature() {
        smtp.plays(ENVELOPE + SIGNED.replace("signed.example", "other.example") + "S: 250 2.0.0 *\n");

        assertThat(signer.waiting()).isZero();
        assertThat(smtp.spool.content(0)).startsWith("Received: ");
    }
}
