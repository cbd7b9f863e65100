package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.auth.Identity;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;
import dev.penstock.policy.Decision;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.NoUsers;

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
    void inAnErrorThatIsNoException() throws Exception {
        policy.onRecipient = _ -> {
            throw new NoSuchMethodError("of a plug-in made for another version");
        };
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays(TO_MAIL + "S: 250 2.1.0 Ok\nC: RCPT TO:<b@example.org>\n" + FAILED);
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }

    @Test
    void onceAMessageIsDurableItsClientIsToldSo() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.onAcceptance = () -> {
                throw new AssertionError("a fault that the test wants");
            };
            smtp.plays(TO_MAIL + "C: RCPT TO:<b@example.org>\nC: DATA\nS: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 *\n"
                    + "C: x\nC: .\nS: 250 2.0.0 * queued\nC: QUIT\nS: 221 2.0.0 Bye\nS: <close>");
        }
    }

    /** The one that waits for memory throws when it is told to go on, in the midst of our answer. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void betweenTheCommitAndItsReply(boolean later) {
        try (SessionHarness smtp = new SessionHarness(config -> config.memoryLimit(1000))) {
            if (later) {
                smtp.spool().holdCommits();
            }
            toChunk(smtp, 2000);
            assertThat(smtp.memory().mayProceed(() -> {
                throw new IllegalStateException("a fault that the test wants");
            })).isFalse();
            smtp.takeReplies();
            smtp.say("BDAT 0 LAST\r\n");
            if (later) {
                smtp.spool().completeCommits();
                smtp.run();
            }
            assertThat(smtp.takeReplies()).isEqualTo("421 4.3.0 gateway.example Error: internal failure\r\n");
            smtp.pass(5);
            assertThat(smtp.isOpen()).isFalse();
            assertThat(smtp.memory().used()).isZero();
        }
    }

    @Test
    void inTheSpoolWhenAMessageIsGivenUp() {
        try (SessionHarness smtp = new SessionHarness()) {
            toChunk(smtp, 100);
            smtp.spool().failAborts();
            assertThat(smtp.memory().used()).isPositive();
            smtp.hangUp();
            assertThat(smtp.memory().used()).isZero();
            assertThat(smtp.bufferedOctets()).isZero();
        }
    }

    @Test
    void inTheSpoolTheLastReplyIsSaidNevertheless() {
        try (SessionHarness smtp = new SessionHarness()) {
            toChunk(smtp, 100);
            smtp.spool().failAborts();
            smtp.say("BDAT 99999999999\r\n");
            assertThat(smtp.takeReplies()).startsWith("552 5.3.4 ");
            smtp.pass(5);
            assertThat(smtp.isOpen()).isFalse();
            assertThat(smtp.memory().used()).isZero();
            assertThat(smtp.bufferedOctets()).isZero();
        }
    }

    /** One chunk of a message whose end is to come. */
    private static void toChunk(SessionHarness smtp, int octets) {
        smtp.say("EHLO client.example\r\n");
        smtp.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nBDAT " + octets + "\r\n"
                + "x".repeat(octets - 2) + "\r\n");
        assertThat(smtp.takeReplies()).endsWith("250 2.0.0 " + octets + " octets received\r\n");
    }

    @Test
    void whenAHandshakeHasShownWhoTheClientIs(@TempDir Path directory) throws Exception {
        try (TlsKit kit = new TlsKit(directory)) {
            ListenerConfig listener = new ListenerBuilder()
                    .tls(kit.config(ListenerTls.Mode.OFFERED, ListenerTls.ClientCertificates.REQUESTED)).build();
            try (SmtpFixture smtp = new SmtpFixture(kit, listener, new NoCertificates())) {
                smtp.connect().startTls(kit.client("ann")).plays(FAILED);
                await().until(() -> smtp.server.stats().sessions() == 0);
            }
        }
    }

    /** Nobody may log in, and certificates are more than it can take. */
    private static final class NoCertificates extends NoUsers {
        @Override
        public @Nullable Identity certificate(X509Certificate certificate) {
            throw new IllegalStateException("a fault that the test wants");
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
