package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import dev.penstock.message.MessageEvent;
import dev.penstock.policy.Decision;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.FakePolicy;

/** Receptions that are refused are events, and those that aren't come before what becomes of them. */
class RejectionTest {
    private static final Decision NOT_YOU = new Decision.Refuse(Reply.of(550, "5.7.1", "not you"));

    private final FakePolicy policy = new FakePolicy();

    @Test
    void eachRefusedCommandThatBringsAMessageIsAnEvent() throws Exception {
        policy.onRecipient = recipient -> CompletableFuture.completedFuture(
                recipient.address().startsWith("b") ? NOT_YOU : Decision.ACCEPT);
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays("""
                    S: 220 *
                    C: MAIL FROM:<s@s.example>
                    S: 503 5.5.1 Error: send HELO/EHLO first
                    C: HELO client.example
                    S: 250 gateway.example
                    C: RCPT TO:<c@x.example>
                    S: 503 5.5.1 Error: need MAIL command
                    C: MAIL FROM:<s@s.example>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<b@x.example>
                    S: 550 5.7.1 not you
                    C: DATA
                    S: 554 5.5.1 Error: no valid recipients
                    C: RCPT TO:<c@x.example>
                    S: 250 2.1.5 Ok
                    C: DATA
                    S: 354 *
                    C: Message-ID: <1@s.example>
                    C:
                    C: bare\u0000nul
                    C: .
                    S: 550 5.5.2 Error: NUL octet received
                    C: NOOP
                    S: 250 2.0.0 Ok
                    C: what?
                    S: 500 5.5.2 Error: command not recognized
                    """);
            assertThat(smtp.events).extracting(MessageEvent::type).containsOnly(MessageEvent.Type.REJECTION);
            assertThat(smtp.events).extracting(event -> event.response().command() + " " + event.recipients() + " "
                    + event.response().code() + " " + event.response().enhanced() + " " + event.response().text())
                    .containsExactly("MAIL FROM [] 503 5.5.1 Error: send HELO/EHLO first",
                            "RCPT TO [b@x.example] 550 5.7.1 not you",
                            "DATA [c@x.example] 550 5.5.2 Error: NUL octet received");
            assertThat(smtp.events).extracting(MessageEvent::sender).containsOnly("s@s.example");
            assertThat(smtp.events).extracting(MessageEvent::domain).containsExactly("", "x.example", "x.example");
            assertThat(smtp.events.getFirst().id()).isEqualTo(MessageEvent.NO_ID);
            assertThat(smtp.events.getLast().id()).isNotEqualTo(MessageEvent.NO_ID);
            assertThat(smtp.events.getLast().client())
                    .isEqualTo(new MessageEvent.Client("", "client.example", "smtp", "<1@s.example>"));
        }
    }

    @Test
    void anAnswerThatComesLateIsAnEventTooAndDeferralsAre() throws Exception {
        CompletableFuture<Decision> late = new CompletableFuture<>();
        policy.onMail = late;
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            SmtpFixture.Client client = smtp.connect();
            client.plays("""
                    S: 220 *
                    C: HELO client.example
                    S: 250 gateway.example
                    C: MAIL FROM:<s@s.example>
                    """);
            late.complete(new Decision.Refuse(Reply.of(451, "4.7.1", "later")));
            client.plays("S: 451 4.7.1 later");
            assertThat(smtp.events).singleElement().satisfies(event -> {
                assertThat(event.type()).isEqualTo(MessageEvent.Type.REJECTION);
                assertThat(event.response()).isEqualTo(new MessageEvent.Response(451, "4.7.1", "later", "MAIL FROM"));
            });
        }
    }

    @Test
    void aReceptionComesBeforeWhatBecomesOfTheMessageAndTellsWhoBroughtIt() throws Exception {
        List<String> order = new ArrayList<>();
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.onAcceptance = () -> order.add("taken over behind " + smtp.events.size());
            smtp.plays("""
                    S: 220 *
                    C: HELO client.example
                    S: 250 gateway.example
                    C: MAIL FROM:<s@s.example>
                    S: 250 2.1.0 Ok
                    C: RCPT TO:<c@x.example>
                    S: 250 2.1.5 Ok
                    C: DATA
                    S: 354 *
                    C: message-id:
                    C:  <1@s.example>
                    C:
                    C: .
                    S: 250 2.0.0 * queued
                    """);
            assertThat(order).containsExactly("taken over behind 1");
            assertThat(smtp.events.getFirst().type()).isEqualTo(MessageEvent.Type.RECEPTION);
            assertThat(smtp.events.getFirst().client())
                    .isEqualTo(new MessageEvent.Client("", "client.example", "smtp", "<1@s.example>"));
        }
    }
}
