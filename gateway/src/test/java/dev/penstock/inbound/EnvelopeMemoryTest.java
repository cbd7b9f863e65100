package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.auth.Authenticator;
import dev.penstock.testing.FakePolicy;

/** Envelopes, input that waits and header fields are in the same account as content, and leave it again. */
class EnvelopeMemoryTest {
    private static final String HELLO = "EHLO client.example\r\n";
    private static final String MAIL = "MAIL FROM:<a@example.com>\r\n";
    private static final int MANY = 500;
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final String NO_MEMORY = "452 4.3.1 Insufficient system memory\r\n";

    private static String rcpt(int number) {
        return "RCPT TO:<b" + number + "@example.org> ORCPT=rfc822;" + "o".repeat(400) + "@example.org\r\n";
    }

    private static SessionHarness withManyRecipients() {
        SessionHarness smtp = new SessionHarness();
        smtp.say(HELLO);
        smtp.say(MAIL);
        smtp.takeReplies();
        for (int i = 0; i < MANY; i++) {
            smtp.say(rcpt(i));
        }
        assertThat(smtp.takeReplies()).isEqualTo("250 2.1.5 Ok\r\n".repeat(MANY));
        assertThat(smtp.memory().used()).isBetween(MANY * 400L, MANY * 2_000L);
        return smtp;
    }

    @Test
    void aUsualEnvelopeIsNotCounted() {
        try (SessionHarness smtp = new SessionHarness()) {
            smtp.say(HELLO);
            smtp.say(MAIL + "RCPT TO:<b@example.org>\r\n");
            assertThat(smtp.memory().used()).isZero();
        }
    }

    @Test
    void aLargeOneIsGivenBackByWhateverEndsTheTransaction() {
        for (String end : List.of("RSET\r\n", HELLO, "QUIT\r\n", "DATA\r\n|x\r\n.\r\n", "BDAT 3 LAST\r\nx\r\n")) {
            try (SessionHarness smtp = withManyRecipients()) {
                for (String read : end.split("\\|", -1)) {
                    smtp.say(read);
                }
                assertThat(smtp.memory().used()).as(end).isZero();
            }
        }
        SessionHarness gone = withManyRecipients();
        gone.hangUp();
        assertThat(gone.memory().used()).isZero();
        gone.close();
    }

    @Test
    void itIsKeptUntilTheCommitIsOver() {
        try (SessionHarness smtp = withManyRecipients()) {
            smtp.spool().holdCommits();
            long envelope = smtp.memory().used();
            smtp.say("DATA\r\n");
            smtp.say("x\r\n.\r\n");
            assertThat(smtp.memory().used()).isGreaterThanOrEqualTo(envelope);
            smtp.spool().completeCommits();
            smtp.run();
            assertThat(smtp.memory().used()).isZero();
            assertThat(smtp.accepted()).singleElement()
                    .satisfies(envelopeOf -> assertThat(envelopeOf.recipients()).hasSize(MANY));
        }
    }

    @Test
    void recipientsBeyondTheAccountAreRefusedAndContentStillHasRoom() {
        try (SessionHarness smtp = new SessionHarness(config -> config.memoryLimit(100_000))) {
            smtp.say(HELLO);
            smtp.say(MAIL);
            smtp.takeReplies();
            int taken = 0;
            String reply;
            do {
                smtp.say(rcpt(taken));
                reply = smtp.takeReplies();
                taken++;
            } while (reply.startsWith("250") && taken < MANY);
            assertThat(reply).isEqualTo(NO_MEMORY);
            assertThat(smtp.memory().used()).isLessThanOrEqualTo(50_000);
            assertThat(smtp.memory().hasRoom()).isTrue();

            smtp.say("DATA\r\n");
            smtp.say("x\r\n.\r\n");
            assertThat(smtp.takeReplies()).startsWith("354").contains("queued");
            smtp.say(MAIL + rcpt(0));
            assertThat(smtp.takeReplies()).isEqualTo("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n");
        }
    }

    @Test
    void inputThatWaitsIsCountedAndEndsTheSessionThatHasNoRoomForIt() {
        SessionHarness smtp = new SessionHarness(config -> config.memoryLimit(100_000).errors(0, SECOND, 100, 100_000));
        try (smtp) {
            smtp.say(HELLO);
            smtp.takeReplies();
            smtp.say("NONSENSE\r\n" + "NOOP\r\n".repeat(5_000)); // the rest waits for the penalty's end
            assertThat(smtp.memory().used()).isBetween(20_000L, 30_000L);
            smtp.pass(2);
            assertThat(smtp.memory().used()).isZero();
            smtp.takeReplies();
            smtp.say("NONSENSE\r\n" + "RSET\r\n".repeat(10_000));
            assertThat(smtp.takeReplies()).endsWith("421 4.3.1 gateway.example Error: insufficient system memory\r\n");
            assertThat(smtp.memory().used()).isZero();
        }
    }

    @Test
    void aLineWithoutItsEndIsKeptOnlyAsFarAsItMayBeLong() {
        try (SessionHarness smtp = new SessionHarness()) {
            smtp.say(HELLO);
            smtp.say("x".repeat(60_000));
            smtp.say("x".repeat(60_000));
            assertThat(smtp.memory().used()).isZero();
            smtp.say("\r\n");
            assertThat(smtp.takeReplies()).endsWith("500 5.5.2 Error: line too long\r\n");
        }
    }

    @Test
    void itIsShortOnceThreeQuartersOfWhatEnvelopesMayTakeAreInUse() {
        SessionHarness smtp = new SessionHarness(config -> config.memoryLimit(100_000));
        try (smtp) {
            smtp.say(HELLO);
            smtp.say(MAIL);
            for (int i = 0; i < MANY && smtp.memory().used() <= 37_500; i++) {
                assertThat(smtp.memory().isShort()).isFalse();
                smtp.say(rcpt(i));
            }
            assertThat(smtp.memory().isShort()).isTrue();
        }
    }

    @Test
    void headerFieldsForPoliciesAreCountedBeyondAUsualOne() {
        FakePolicy policy = new FakePolicy();
        policy.wanted = List.of("x");
        try (SessionHarness smtp = new SessionHarness(new ConfigBuilder().memoryLimit(20_000).build(),
                new ListenerBuilder().build(), null, policy, Authenticator.NONE)) {
            smtp.say(HELLO);
            smtp.say(MAIL + "RCPT TO:<b@example.org>\r\nDATA\r\n");
            smtp.takeReplies();
            smtp.say("X: 1\r\n\r\n.\r\n");
            assertThat(smtp.takeReplies()).contains("queued");
            smtp.say(MAIL + "RCPT TO:<b@example.org>\r\nDATA\r\n");
            smtp.takeReplies();
            smtp.memory().add(19_000);
            smtp.say(("X: 1\r\n".repeat(500) + "\r\n.\r\n").getBytes(US_ASCII));
            assertThat(smtp.takeReplies()).isEqualTo(NO_MEMORY);
            assertThat(policy.headers).hasSize(1);
            assertThat(smtp.memory().used()).isEqualTo(19_000);
        }
    }
}
