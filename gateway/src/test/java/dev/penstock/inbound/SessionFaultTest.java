package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import dev.penstock.policy.Decision;
import dev.penstock.testing.FakePolicy;

/** A fault within a session, as a plugin against its contract makes one, ends that session with an answer. */
class SessionFaultTest {
    private static final String TO_MAIL = "S: 220 *\nC: EHLO client.example\nS: <ehlo>\nC: MAIL FROM:<a@example.com>\n";
    private static final String FAILED = "S: 421 4.3.0 gateway.example Error: internal failure\nS: <close>";

    private final FakePolicy policy = new FakePolicy();

    private static CompletableFuture<Decision> fault() {
        throw new IllegalStateException("a fault that the test wants");
    }

    @Test
    void inACommand() throws Exception {
        policy.onRecipient = _ -> fault();
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays(TO_MAIL + "S: 250 2.1.0 Ok\nC: RCPT TO:<b@example.org>\n" + FAILED);
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }

    @Test
    void inACommandThatHadToWait() throws Exception {
        policy.onMail = new CompletableFuture<>();
        policy.onRecipient = _ -> fault();
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect().plays(TO_MAIL + "C: RCPT TO:<b@example.org>\n");
            await().until(() -> !policy.clients.isEmpty());
            policy.onMail.complete(Decision.ACCEPT);
            client.plays("S: 250 2.1.0 Ok\n" + FAILED);
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }

    @Test
    void whileAMessageIsUnderWayWhichIsForgotten() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            policy.onRecipient = recipient -> recipient.address().startsWith("c") ? fault() : policy.onConnect;
            SmtpFixture.Client client = smtp.connect().plays(TO_MAIL + "S: 250 2.1.0 Ok\n"
                    + "C: RCPT TO:<b@example.org>\nS: 250 2.1.5 Ok\nC: BDAT 5\nC: abc\nS: 250 2.0.0 5 octets received\n");
            assertThat(smtp.spool.openIntakes()).isEqualTo(1);
            policy.onMessage = new CompletableFuture<>();
            client.plays("C: BDAT 0 LAST\n");
            await().until(() -> !policy.headers.isEmpty());
            policy.onMessage.completeExceptionally(new IllegalStateException("a fault that the test wants"));
            client.plays(FAILED);
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.server.stats().receivingOctets()).isZero();
            assertThat(smtp.accepted).isEmpty();
        }
    }
}
