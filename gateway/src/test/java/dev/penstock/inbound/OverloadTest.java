package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;

/** When there is more than the server takes, it says so and stays whole. */
class OverloadTest {
    private static final String HELLO = """
            S: 220 *
            C: HELO client.example
            S: 250 gateway.example
            """;
    private static final String TO_DATA = HELLO + """
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 *
            """;

    @Test
    void tooManySessionsAreSentAway() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.counts(1000, 2, 50, 1000))) {
            smtp.plays(HELLO);
            SmtpFixture.Client second = smtp.connect().plays(HELLO);
            smtp.plays("""
                    S: 421 4.3.2 gateway.example Error: too many sessions
                    S: <close>
                    """);
            second.close();
            await().until(() -> smtp.server.stats().sessions() == 1);
            smtp.plays(HELLO);
            assertThat(smtp.server.stats().sessionsRefused()).isEqualTo(1);
            assertThat(smtp.server.stats().sessionsTotal()).isEqualTo(3);
        }
    }

    @Test
    void tooManySessionsFromOneAddressAreSentAwayUnlessItMayRelay() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.counts(1000, 100, 1, 1000))) {
            smtp.plays(HELLO);
            smtp.plays(HELLO);
            smtp.reconfigure(
                    new ConfigBuilder().counts(1000, 100, 1, 1000).stranger().build());
            smtp.plays("""
                    S: 421 4.3.2 gateway.example Error: too many sessions from your address
                    S: <close>
                    """);
        }
    }

    @Test
    void aSessionHasItsNumberOfMessages() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.counts(1000, 100, 50, 1))) {
            smtp.plays(TO_DATA + """
                    C: .
                    S: 250 2.0.0 * queued
                    C: MAIL FROM:<a@example.com>
                    S: 421 4.3.2 gateway.example Error: too many messages in one session
                    S: <close>
                    """);
        }
    }

    @ParameterizedTest
    @CsvSource({"FULL, 452 4.3.1 Insufficient system storage", "FAILED, 451 4.3.0 Error: queue file write error"})
    void aSpoolThatIsNotReadyIsToldAtMail(SpoolHealth.State state, String reply) throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.spool.health(state);
            SmtpFixture.Client client = smtp.connect().plays(HELLO + "C: MAIL FROM:<a@example.com>\nS: " + reply);
            smtp.spool.health(SpoolHealth.State.READY);
            client.plays("C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok");
        }
    }

    @Test
    void aFullQueueTakesNoMessageAndNoFurtherRecipient() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            SmtpFixture.Client client = smtp.connect().plays(HELLO + """
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.5 Ok
                    """);
            smtp.queueHasRoom = false;
            client.plays("""
                    C: RCPT TO:<c@example.org>
                    S: 452 4.3.1 Insufficient system storage: the queue is full
                    C: DATA
                    S: 354 *
                    C: x
                    C: .
                    S: 250 2.0.0 * queued
                    C: MAIL FROM:<a@example.com>
                    S: 452 4.3.1 Insufficient system storage: the queue is full
                    """);
            smtp.queueHasRoom = true;
            client.plays("C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 Ok");
            assertThat(smtp.accepted).singleElement()
                    .satisfies(envelope -> assertThat(envelope.recipients()).hasSize(1));
            assertThat(smtp.server.stats().messagesDeferred()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource({"FULL, 452 4.3.1 Insufficient system storage", "FAILED, 451 4.3.0 Error: queue file write error",
        "OVERLOADED, 451 4.3.0 Error: queue file write error"})
    void aSpoolThatTakesNothingIsTold(SpoolException.Reason reason, String reply) throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            String again = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";
            SmtpFixture.Client client = smtp.connect().plays(HELLO);
            smtp.spool.refuseIntake(reason);
            client.send(again);
            client.plays("S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: " + reply);
            smtp.spool.refuseIntake(null);

            client.send(again);
            client.plays("S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 *");
            smtp.spool.failWrites(reason);
            client.send("x\r\n.\r\n");
            client.plays("S: " + reply);
            smtp.spool.failWrites(null);

            client.send(again);
            client.plays("S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 *");
            smtp.spool.failCommits(reason);
            client.send("x\r\n.\r\n");
            client.plays("S: " + reply);
            smtp.spool.failCommits(null);

            client.send(again);
            client.plays("S: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: 354 *\nC: x\nC: .\nS: 250 2.0.0 * queued");
            assertThat(smtp.accepted).hasSize(1);
            assertThat(smtp.server.stats().messagesDeferred()).isEqualTo(3);
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @Test
    void aSpoolThatIsClosedEndsTheSession() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.spool.failCommits(SpoolException.Reason.CLOSED);
            smtp.plays(TO_DATA + """
                    C: x
                    C: .
                    S: 421 4.3.2 gateway.example Service shutting down
                    S: <close>
                    """);
        }
    }

    @Test
    void beyondTheMemoryLimitNewMessagesAreDeferredAndThoseUnderWayFinishOneByOne() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.memoryLimit(100_000))) {
            List<SmtpFixture.Client> clients = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                clients.add(smtp.connect().plays(TO_DATA));
            }
            String part = ("x".repeat(998) + "\r\n").repeat(40);
            for (SmtpFixture.Client client : clients) {
                client.send("Subject: large\r\n\r\n" + part);
            }
            await().until(() -> smtp.server.stats().receivingOctets() >= 100_000);
            smtp.plays(HELLO + "C: MAIL FROM:<a@example.com>\nS: 452 4.3.1 Insufficient system memory");
            List<CompletableFuture<Void>> sending = clients.stream().map(client -> CompletableFuture.runAsync(() -> {
                try {
                    for (int i = 0; i < 25; i++) {
                        client.send(part);
                    }
                    client.plays("C: .\nS: 250 2.0.0 * queued");
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }, Thread::startVirtualThread)).toList();
            await().until(() -> sending.stream().allMatch(CompletableFuture::isDone));
            sending.forEach(CompletableFuture::join);
            assertThat(smtp.accepted).hasSize(4);
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @Test
    void aShutdownLetsMessagesUnderWayFinishAndTellsTheRest() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.spool.holdCommits();
            SmtpFixture.Client idle = smtp.connect().plays(HELLO);
            SmtpFixture.Client committing = smtp.connect().plays(TO_DATA + "C: x\nC: .");
            await().until(() -> smtp.spool.waitingCommits() == 1);
            SmtpFixture.Client receiving = smtp.connect().plays(TO_DATA + "C: half");
            CompletableFuture<Void> closed = CompletableFuture.runAsync(smtp.server::close, Thread::startVirtualThread);
            idle.plays("""
                    S: 421 4.3.2 gateway.example Service shutting down
                    S: <close>
                    """);
            smtp.spool.completeCommits();
            committing.plays("""
                    S: 250 2.0.0 * queued
                    S: 421 4.3.2 gateway.example Service shutting down
                    S: <close>
                    """);
            receiving.plays("""
                    C: and the other half
                    C: .
                    S: 250 2.0.0 * queued
                    S: 421 4.3.2 gateway.example Service shutting down
                    S: <close>
                    """);
            await().until(closed::isDone);
            closed.join();
            assertThat(smtp.accepted).hasSize(2);
        }
    }
}
