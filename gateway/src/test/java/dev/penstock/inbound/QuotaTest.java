package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.policy.Decision;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.testing.FakePolicy;
import dev.penstock.units.MailClass;

/** What a tenant that has enough queued hears, and at which command. */
class QuotaTest {
    private static final String HELLO = """
            S: 220 *
            C: HELO client.example
            S: 250 gateway.example
            """;
    private static final Reply LIMIT = Reply.of(452, "4.3.1", "Error: tenant \"shop\" has as many messages queued as "
            + "its queue-limit 7 allows, please try again later");
    private static final String MESSAGE = """
            C: DATA
            S: 354 *
            C: x
            C: .
            """;

    private static FakePolicy ofShop() {
        FakePolicy policy = new FakePolicy();
        policy.onMail = CompletableFuture.completedFuture(new Decision.Accept("shop", null, List.of(), List.of()));
        policy.onMessage = CompletableFuture.completedFuture(
                new Decision.Accept("shop", null, List.of(), List.of()).of(MailClass.TRANSACTIONAL));
        return policy;
    }

    private static SmtpFixture.Client hello(SmtpFixture smtp) throws Exception {
        return smtp.connect().plays(HELLO);
    }

    @Test
    void isToldAtMailAtRcptAndAtTheEndOfData() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(ofShop())) {
            smtp.beyondQuota = LIMIT;
            SmtpFixture.Client client = hello(smtp).plays("C: MAIL FROM:<a@example.com>\nS: " + LIMIT.oneLine());
            smtp.beyondQuota = null;
            client.plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.5 Ok
                    """);
            smtp.beyondQuota = LIMIT;
            client.plays("C: RCPT TO:<c@example.org>\nS: " + LIMIT.oneLine());
            smtp.messageBeyondQuota = LIMIT;
            client.plays(MESSAGE + "S: " + LIMIT.oneLine());
            assertThat(smtp.accepted).isEmpty();
            assertThat(smtp.spool.openIntakes()).isZero();
            smtp.beyondQuota = null;
            smtp.messageBeyondQuota = null;
            client.plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.5 Ok
                    """ + MESSAGE + "S: 250 2.0.0 * queued\n");
            assertThat(smtp.accepted).extracting(Envelope::mailClass).containsExactly(MailClass.TRANSACTIONAL);
            assertThat(smtp.events).filteredOn(event -> event.type() == MessageEvent.Type.REJECTION)
                    .extracting(event -> event.response().command())
                    .containsExactly("MAIL FROM", "RCPT TO", "DATA");
            assertThat(smtp.places).hasValue(1);
        }
    }

    @Test
    void whatTheSpoolDoesntKeepGivesItsPlacesBack() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(ofShop())) {
            smtp.spool.failCommits(SpoolException.Reason.FULL);
            hello(smtp).plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.5 Ok
                    """ + MESSAGE + "S: 452 4.3.1 *\n");
            assertThat(smtp.places).hasValue(0);
        }
    }

    @Test
    void whatIsDroppedWhileItWaitsForTheSpoolKeepsItsPlacesUntilThatHasAnswered() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(ofShop())) {
            smtp.spool.holdCommits();
            SmtpFixture.Client client = hello(smtp).plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.5 Ok
                    """ + MESSAGE);
            Awaitility.await().until(() -> smtp.spool.waitingCommits() == 1);
            client.close();
            assertThat(smtp.places).hasValue(1);
            smtp.spool.completeCommits();
            Awaitility.await().until(() -> smtp.accepted.size() == 1);
            assertThat(smtp.places).as("its destinations have them now").hasValue(1);
        }
    }

    @Test
    void whoseMessageOutlastsACurfewIsToldInTheReplyAndTheLog() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(ofShop())) {
            smtp.notice = "waits for the end of curfew night at 2026-12-01T06:00:00Z, which is after queue.max-age";
            hello(smtp).plays("""
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@example.org>
                    S: 250 2.1.5 Ok
                    """ + MESSAGE + "S: 250 2.0.0 * queued; " + smtp.notice + "\n");
            assertThat(smtp.events).filteredOn(event -> event.type() == MessageEvent.Type.RECEPTION).singleElement()
                    .satisfies(event -> assertThat(event.response().text()).endsWith(smtp.notice))
                    .satisfies(event -> assertThat(event.mailClass()).isEqualTo(MailClass.TRANSACTIONAL));
        }
    }
}
