package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.Key;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.routing.Route;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.trace.TraceFilter;
import dev.penstock.trace.Watch;

/** What goes over the wire, line by line, and what becomes of the recipients. */
@Timeout(180)
final class SessionTranscriptTest {
    private static final String HELLO = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250-mx
            S: 250-PIPELINING
            S: 250-SIZE 100000
            S: 250 8BITMIME
            """;
    private static final String PLAIN_HELLO = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250 mx
            """;
    private static final String ENVELOPE = """
            C: MAIL FROM:<sender@source.example> SIZE=23
            C: RCPT TO:<a@dest.example>
            C: DATA
            """;
    /** One session that may wait for mail. */
    private static final TrafficLimits IDLING = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
            .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
    private static final String BYE = """
            C: QUIT
            S: 221 bye
            """;

    @Test
    void anEnvelopeGoesInOneWriteWhenTheHostPipelines() {
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + """
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 2.6.0 queued as 1
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            SpoolEntry entry = rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(mx.reads()).contains(
                    "MAIL FROM:<sender@source.example> SIZE=23\r\nRCPT TO:<a@dest.example>\r\nDATA\r\n",
                    DeliveryRig.CONTENT + ".\r\n");
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.6.0 queued as 1");
            assertThat(rig.spool.isDone(entry)).isTrue();
            assertThat(rig.queue.stats().queued()).isZero();
        }
    }

    @Test
    void theNextEnvelopeFollowsTheEndOfDataInTheSameWrite() { // RFC 2920 3.1
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                await queued
                S: 250-mx
                S: 250 PIPELINING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 first
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 second
                """ + BYE);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100),
                        QueueConfig.DEFAULT)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.send("b@dest.example");
            mx.release("queued");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(mx.reads()).contains(DeliveryRig.CONTENT
                    + ".\r\nMAIL FROM:<sender@source.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\n");
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 first",
                    "Delivery b@dest.example 250 2.0.0 second");
        }
    }

    @Test
    void withoutPipeliningEveryCommandWaitsForItsAnswer() {
        try (FakeMx mx = new FakeMx().script(PLAIN_HELLO + """
                C: MAIL FROM:<sender@source.example>
                S: 250 ok
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                C: DATA
                S: 354 go on
                content
                S: 250 taken
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(mx.reads()).contains("MAIL FROM:<sender@source.example>\r\n", "RCPT TO:<a@dest.example>\r\n",
                    "DATA\r\n");
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(1);
        }
    }

    @Test
    void anOldHostGetsHelo() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                S: 502 what
                C: HELO gateway.test
                S: 250 mx
                C: MAIL FROM:<sender@source.example>
                S: 250 ok
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                C: DATA
                S: 354 go on
                content
                S: 250 taken
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.events.getFirst().protocol()).isEqualTo("SMTP");
        }
    }

    @Test
    void eachRecipientHasItsOwnOutcome() {
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example> SIZE=23
                C: RCPT TO:<a@dest.example>
                C: RCPT TO:<b@dest.example>
                C: RCPT TO:<c@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 550 5.1.1 no such user
                S: 451 4.2.1 greylisted
                S: 354 go on
                content
                S: 250 taken
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "later"));
            SpoolEntry entry = rig.send("a@dest.example", "b@dest.example", "c@dest.example");
            rig.awaitEvents(5); // with the report's reception and its deferral
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).contains("Delivery a@dest.example 250 2.0.0 taken",
                    "Bounce b@dest.example 550 5.1.1 no such user",
                    "TransientFailure c@dest.example 451 4.2.1 greylisted");
            await().atMost(Patience.LONG).until(() -> rig.spool.lastAttempt(entry).recipients().size() == 3);
            assertThat(rig.spool.isDone(entry)).isFalse();
            // the report is durable before the bounce is recorded
            assertThat(rig.spool.log().getFirst()).startsWith("commit");
        }
    }

    @Test
    void whenNoRecipientIsAcceptedAnEagerHostGetsNoContent() { // RFC 2920 3.1
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + """
                S: 250 ok
                S: 451 4.2.1 later
                S: 354 go on
                C: .
                S: 554 5.5.1 no valid recipients
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 451 4.2.1 later");
        }
    }

    @Test
    void aTransactionThatCameToNothingIsResetBeforeTheNext() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                await queued
                S: 250-mx
                S: 250 PIPELINING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 250 ok
                S: 451 4.2.1 later
                S: 554 no valid recipients
                C: RSET
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 reset
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 taken
                """ + BYE);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100),
                        QueueConfig.DEFAULT)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.send("b@dest.example");
            mx.release("queued");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 451 4.2.1 later",
                    "Delivery b@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void tooManyRecipientsMakeAnotherTransactionAtOnce() { // RFC 5321 4.5.3.1.10
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example> SIZE=23
                C: RCPT TO:<a@dest.example>
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 452 4.5.3 too many
                S: 354 go on
                content
                S: 250 first
                C: MAIL FROM:<sender@source.example> SIZE=23
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 second
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            SpoolEntry entry = rig.send("a@dest.example", "b@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 first",
                    "Delivery b@dest.example 250 2.0.0 second");
            assertThat(rig.spool.isDone(entry)).isTrue();
        }
    }

    @Test
    void lmtpAnswersForEachRecipient() { // RFC 2033 4.2
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: LHLO gateway.test
                S: 250-mx
                S: 250 PIPELINING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: RCPT TO:<b@dest.example>
                C: RCPT TO:<c@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 450 4.2.1 busy
                S: 250 ok
                S: 354 go on
                content
                S: 250 a taken
                S: 452 4.2.2 c is full
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(DeliveryRig.DOMAIN, true, mx);
            rig.send("a@dest.example", "b@dest.example", "c@dest.example");
            rig.awaitEvents(3);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 a taken",
                    "TransientFailure b@dest.example 450 4.2.1 busy",
                    "TransientFailure c@dest.example 452 4.2.2 c is full");
        }
    }

    @Test
    void repliesOfManyLinesAreOneReply() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220-mx
                S: 220 ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250 PIPELINING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 250-2.1.0 sender
                S: 250 2.1.0 ok
                S: 450-4.7.1 come
                S: 450-4.7.1 back
                S: 450 4.7.1 later
                S: 554 none
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 450 4.7.1 come back later");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"500 5.5.1 command timed out", "554 5.4.7 idle too long", "451 timeout (#4.4.2)", "250 ok",
        "354 go on", "what", "5"})
    void whatAHostSaysToAnIdleSessionIsNoAnswerToTheNextMessage(String stray) {
        for (String end : List.of("close", "C: QUIT")) {
            for (String hello : List.of(HELLO, PLAIN_HELLO)) {
                try (FakeMx mx = new FakeMx().script(hello + (hello.equals(HELLO)
                        ? ENVELOPE + "S: 250 ok\nS: 250 ok\nS: 354 go on\n"
                        : "C~ MAIL\nS: 250 ok\nC~ RCPT\nS: 250 ok\nC: DATA\nS: 354 go on\n")
                        + "content\nS: 250 first\nawait idle\nraw " + stray + (stray.length() > 1 ? "\\r\\n" : "")
                        + "\ntell said\n" + end);
                        DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, IDLING, QueueConfig.DEFAULT)) {
                    rig.route(mx);
                    rig.send("a@dest.example");
                    rig.awaitEvents(1);
                    await().atMost(Patience.LONG)
                            .until(() -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
                    mx.release("idle");
                    mx.awaitStep("said");
                    SpoolEntry innocent = rig.send("b@dest.example");
                    rig.awaitEvents(2);
                    assertThat(mx.errors()).isEmpty();
                    assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 first",
                            "Delivery b@dest.example 250 2.0.0 taken");
                    assertThat(rig.events.getLast().attempts()).isZero();
                    await().atMost(Patience.LONG).until(() -> rig.spool.isDone(innocent));
                    assertThat(mx.sessions()).isEqualTo(2);
                }
            }
        }
    }

    @Test
    void aReplyTooManyAtTheGreetingIsFoundBeforeAnyMailIsTaken() {
        try (FakeMx first = new FakeMx().script("""
                S: 220 mx ready
                S: 250 extra
                C: QUIT
                """); FakeMx second = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(first, second);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(first.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
        }
    }

    /** When it comes too late to be seen, the answer to EHLO is in the place of MAIL's. */
    @Test
    void aReplyTooManyAtTheGreetingBouncesNobodyHoweverLateItComes() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250 extra
                C: MAIL FROM:<sender@source.example>
                S: 250-mx
                S: 250-PIPELINING
                S: 250 8BITMIME
                C: QUIT
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example", "b@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).singleElement().asString().startsWith(
                    "TransientFailure a@dest.example,b@dest.example 400 4.5.0").contains("is out of step");
        }
    }

    @Test
    void aRefusedSenderWithAcceptedRecipientsIsAnotherMessages() {
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + """
                S: 550 5.7.1 stray
                S: 250 ok
                S: 250 ok
                C: QUIT
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.5.0")
                    .endsWith("is out of step: said 550 5.7.1 stray to MAIL and 250 ok to RCPT");
        }
    }

    @Test
    void aReplyLeftOverMeansThatNoneOfTheGroupIsKnownToBeItsOwn() {
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + """
                S: 250 ok
                S: 550 5.1.1 stray
                S: 503 5.5.1 no
                S: 354 go on
                C: QUIT
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.5.0");
        }
    }

    @Test
    void aRefusalStandsWhenTheHostSaysGoodbyeInTheSameBreath() {
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + """
                S: 250 ok
                S: 550 5.1.1 no such user
                S: 554 5.5.1 no valid recipients
                S: 421 4.7.0 too many errors
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "later"));
            rig.send("a@dest.example");
            rig.awaitEvents(3); // with the report's reception and its deferral
            assertThat(rig.outcomes()).contains("Bounce a@dest.example 550 5.1.1 no such user");
        }
    }

    @Test
    void aReplyBehindTheGoAheadIsNotTakenForTheHostsWordOnTheContent() {
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + """
                S: 250 ok
                S: 250 ok
                S: 354 go on
                S: 250 taken already
                eof
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.5.0");
        }
    }

    @Test
    void anLmtpHostThatWantsContentForNobodyGetsNone() { // RFC 2033 4.2
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: LHLO gateway.test
                await queued
                S: 250-mx
                S: 250 PIPELINING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 250 ok
                S: 550 5.1.1 no such user
                S: 354 go on
                eof
                """);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100),
                        QueueConfig.DEFAULT)) {
            rig.route(DeliveryRig.DOMAIN, true, mx);
            rig.send("a@dest.example");
            rig.send("b@dest.example");
            mx.release("queued");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).hasSize(2)
                    .anyMatch(text -> text.startsWith("TransientFailure a@dest.example 400 4.5.0"))
                    .contains("Delivery b@dest.example 250 2.0.0 taken");
        }
    }

    /** An answer missing for one recipient would be made up for by the next envelope's. */
    @Test
    void lmtpAnswersForSeveralRecipientsAreAwaitedBeforeTheNextEnvelope() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: LHLO gateway.test
                await queued
                S: 250-mx
                S: 250 PIPELINING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 a taken
                eof
                """);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100),
                        QueueConfig.DEFAULT);
                Watch watch = rig.dispatcher.trace.open(TraceFilter.ALL, false, Duration.ofMinutes(5))) {
            rig.route(DeliveryRig.DOMAIN, true, mx);
            rig.send("a@dest.example", "b@dest.example");
            rig.send("c@dest.example");
            mx.release("queued");
            await().atMost(Patience.LONG).until(() -> watch.take(Duration.ZERO).lines().stream()
                    .anyMatch(line -> line.text().equals("250 a taken")));
            rig.passTimeUntil(() -> !rig.events.isEmpty());
            rig.awaitEvents(3);
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).contains("Delivery a@dest.example 250 2.0.0 a taken",
                    "Delivery c@dest.example 250 2.0.0 taken")
                    .anyMatch(text -> text.startsWith("TransientFailure b@dest.example 400 4.4.2 timed out"));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void lengthNeverDecides(boolean manyLines) {
        String more = "x".repeat(5_000);
        String before = manyLines ? "-more\nS: CODE".repeat(500) : "";
        String script = (HELLO + ENVELOPE + """
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 taken
                """ + BYE).replaceAll("S: (\\d{3}) ", "S: $1" + before.replace("CODE", "$1") + " ")
                .replaceAll("(S: (?:2[25]0|354|221) (?!8BITMIME).*)", manyLines ? "$1" : "$1" + more);
        try (FakeMx mx = new FakeMx().script(script); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@dest.example 250 2.0.0 ");
            assertThat(rig.events.getFirst().response().text().length()).isLessThan(33_000);
        }
    }

    @Test
    void aRefusalOf3000OctetsIsARefusal() {
        try (FakeMx mx = new FakeMx().on("RCPT", "550 5.7.1 see https://mx.example/" + "a".repeat(3_000));
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "later"));
            rig.send("a@dest.example");
            rig.awaitEvents(3);
            assertThat(rig.outcomes()).anyMatch(text -> text.startsWith("Bounce a@dest.example 550 5.7.1 see https"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"300 go", "350 go", "351 go", "399 go"})
    void theFirstDigitDecidesOnTheGoAhead(String goAhead) { // RFC 5321 4.2.1
        try (FakeMx mx = new FakeMx().script(HELLO + ENVELOPE + "S: 250 ok\nS: 250 ok\nS: " + goAhead + """

                content
                S: 299 taken
                """ + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 299 2.0.0 taken");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"451 4.5.3 too many", "550 5.5.3 too many", "554 5.5.3 too many"})
    void tooManyRecipientsIsKnownByItsStatus(String refusal) {
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example> SIZE=23
                C: RCPT TO:<a@dest.example>
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: REFUSAL
                S: 354 go on
                content
                S: 250 first
                C: MAIL FROM:<sender@source.example> SIZE=23
                C: RCPT TO:<b@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 second
                """.replace("REFUSAL", refusal) + BYE); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example", "b@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 first",
                    "Delivery b@dest.example 250 2.0.0 second");
        }
    }

    /** RFC 5321 4.1.1.10. */
    @ParameterizedTest
    @ValueSource(strings = {"S: 554 5.3.2 not today", "S: 220 mx\nC~ EHLO\nS: 450 4.3.2 not now",
        "S: 220 mx\nC~ EHLO\nS: 502 what\nC~ HELO\nS: 550 5.3.2 not you",
        "S: 220 mx\nC~ EHLO\nS: 250 mx\nC~ MAIL\nS: 250 ok\nC~ RCPT\nS: 250 ok\nC: DATA\nS: 250 what?"})
    void aHostThatIsLeftHearsQuit(String script) {
        try (FakeMx mx = new FakeMx().script(script + "\nC: QUIT\nS: 221 bye\neof");
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).singleElement().asString().startsWith("TransientFailure");
        }
    }

    @Test
    void aRefusalIsLoggedWithTheCommandItAnswers() {
        try (FakeMx smtp = new FakeMx().script("S: 220 mx\nC~ EHLO\nS: 502 what\nC~ HELO\nS: 550 5.3.2 no");
                FakeMx lmtp = new FakeMx().script("S: 220 mx\nC~ LHLO\nS: 550 5.3.2 no");
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(smtp);
            rig.route("store.example", true, lmtp);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.send("a@store.example");
            rig.awaitEvents(2);
            assertThat(rig.events).extracting(event -> event.response().command()).containsExactly("HELO", "LHLO");
        }
    }

    @Test
    void whatAHostSaysBeforeTheEndOfDataIsHeardAndTheEndIsNotSent() {
        byte[] large = "0123456789".repeat(7).concat("\r\n").repeat(200_000).getBytes(StandardCharsets.US_ASCII);
        for (String early : List.of("552 5.3.4 too large", "250 taken")) {
            try (FakeMx mx = new FakeMx().script(PLAIN_HELLO + """
                    C~ MAIL
                    S: 250 ok
                    C~ RCPT
                    S: 250 ok
                    C: DATA
                    S: 354 go on
                    partly
                    S:\s""" + early + "\ncontent"); DeliveryRig rig = new DeliveryRig()) {
                rig.route(mx);
                rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "later"));
                rig.submit("sender@source.example", MemoryContent.of(large), System.currentTimeMillis(),
                        "a@dest.example");
                rig.awaitEvents(early.startsWith("5") ? 3 : 1);
                rig.awaitNoSessions();
                assertThat(mx.messages()).isEmpty();
                assertThat(rig.outcomes()).anyMatch(text -> text.startsWith(early.startsWith("5")
                        ? "Bounce a@dest.example 552 5.3.4 too large"
                        : "TransientFailure a@dest.example 400 4.5.0"));
            }
        }
    }

    @Test
    void aReplyThatComesWhileContentIsReadIsNotTheAnswerToIt() {
        byte[] body = DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII);
        for (String stray : List.of("250 taken", "550 5.7.1 no", "451 4.7.0 later")) {
            try (FakeMx mx = new FakeMx().script(PLAIN_HELLO + """
                    C~ MAIL
                    S: 250 ok
                    C~ RCPT
                    S: 250 ok
                    C: DATA
                    S: 354 go on
                    await READING
                    S:\s""" + stray + "\ntell SAID\nstall"); DeliveryRig rig = new DeliveryRig()) {
                rig.route(mx);
                rig.submit("", new SlowContent(MemoryContent.of(body), () -> {
                    mx.release("READING");
                    mx.awaitStep("SAID");
                }), System.currentTimeMillis(), "a@dest.example");
                rig.awaitEvents(1);
                rig.awaitNoSessions();
                assertThat(mx.messages()).isEmpty();
                assertThat(rig.outcomes()).as(stray).singleElement().asString()
                        .startsWith("TransientFailure a@dest.example 400 4.5.0");
            }
        }
    }

    /** From a disk that takes its time. */
    private record SlowContent(Content content, Runnable whenRead) implements Content {
        @Override
        public long size() {
            return content.size();
        }

        @Override
        public boolean hasDotLines() {
            return content.hasDotLines();
        }

        @Override
        public boolean hasEightBit() {
            return content.hasEightBit();
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            whenRead.run();
            content.forEachChunk(sink);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"421 4.3.2 closing", "hello there", "close", "reset"})
    void aSessionThatEndsBeforeContentDefersTheMessageOnce(String how) {
        String step = Character.isDigit(how.charAt(0)) || how.contains(" ") ? "S: " + how : how;
        List<String> scripts = List.of(step,
                "S: 220 mx\nC: EHLO gateway.test\n" + step,
                HELLO + ENVELOPE + step,
                HELLO + ENVELOPE + "S: 250 ok\n" + step,
                HELLO + ENVELOPE + "S: 250 ok\nS: 250 ok\n" + step,
                HELLO + ENVELOPE + "S: 250 ok\nS: 250 ok\nS: 354 go\ncontent\n" + step);
        for (String script : scripts) {
            try (FakeMx mx = new FakeMx().script(script); DeliveryRig rig = new DeliveryRig()) {
                rig.route(mx);
                SpoolEntry entry = rig.send("a@dest.example");
                rig.awaitEvents(1);
                rig.awaitNoSessions();
                assertThat(rig.outcomes()).as(script).singleElement().asString().startsWith("TransientFailure");
                assertThat(rig.spool.lastAttempt(entry).attempts()).as(script).isEqualTo(1);
                assertThat(rig.queue.stats().scheduled()).isEqualTo(1);
                assertThat(mx.sessions()).isEqualTo(1);
            }
        }
    }

    @Test
    void everyPhaseHasItsDeadlineThatDripFeedingDoesNotMove() {
        Map<String, Key<TrafficLimits, @Nullable Duration>> scripts = Map.of("stall", TrafficLimits.BANNER_TIMEOUT,
                "drip 220-slow", TrafficLimits.BANNER_TIMEOUT,
                "S: 220 mx\nC: EHLO gateway.test\ndrip 250-slow", TrafficLimits.EHLO_TIMEOUT,
                HELLO + ENVELOPE + "drip 250-slow", TrafficLimits.MAIL_FROM_TIMEOUT,
                HELLO + ENVELOPE + "S: 250 ok\nstall", TrafficLimits.RCPT_TO_TIMEOUT,
                HELLO + ENVELOPE + "S: 250 ok\nS: 250 ok\nstall", TrafficLimits.DATA_TIMEOUT,
                HELLO + ENVELOPE + "S: 250 ok\nS: 250 ok\nS: 354 go\ncontent\nstall",
                TrafficLimits.DATA_DOT_TIMEOUT);
        scripts.forEach((script, time) -> {
            try (FakeMx mx = new FakeMx().script(script);
                    DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG,
                            DeliveryRig.limits(10, 1_000).with(time, DeliveryRig.SHORT), QueueConfig.DEFAULT)) {
                rig.route(mx);
                long start = System.nanoTime();
                rig.send("a@dest.example");
                rig.awaitEvents(1);
                assertThat(System.nanoTime() - start).as(script).isGreaterThan(DeliveryRig.SHORT.toNanos());
                assertThat(rig.outcomes()).as(script).singleElement().asString().contains("4.4.2", "timed out");
            }
        });
    }

    @Test
    void aHostThatTakesNoContentIsGivenUpByItsDeadline() {
        try (FakeMx mx = new FakeMx().script(HELLO.replace("100000", "100000000") + """
                C: MAIL FROM:<sender@source.example> SIZE=40000000
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go on
                partly
                await never
                """);
                DeliveryRig rig = new DeliveryRig(
                        DeliveryRig.CONFIG.with(DeliveryConfig.DATA_BLOCK_TIMEOUT, DeliveryRig.SHORT))) {
            rig.route(mx);
            byte[] large = "0123456789012345678901234567890123456789012345678901234567890123456789012345678\n"
                    .replace("8\n", "\r\n").repeat(500_000).getBytes(StandardCharsets.US_ASCII);
            assertThat(large).hasSize(40_000_000);
            rig.submit("sender@source.example", MemoryContent.of(large),
                    System.currentTimeMillis(), "a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().contains("4.4.2", "timed out", "during content");
            mx.release("never");
        }
    }

    @Test
    void dotsAreDoubledAndEveryOctetArrives() {
        String content = "Subject: dots\r\n\r\n.\r\n..two\r\n.x\r\n" + "\u00e4\u0001 8-bit\r\n" + "long ".repeat(30_000)
                + "\r\n.\r\n";
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.sendAs("sender@source.example", content, "a@dest.example");
            rig.sendAs("sender@source.example", "no end", "a@dest.example");
            rig.sendAs("sender@source.example", "", "a@dest.example");
            rig.awaitEvents(3);
            assertThat(mx.messages()).extracting(FakeMx.Received::text).containsExactlyInAnyOrder(
                    content.replace("\r\n.", "\r\n..") + ".\r\n", "no end\r\n.\r\n", ".\r\n");
            assertThat(mx.commands()).anyMatch(line -> line.endsWith("BODY=8BITMIME"));
        }
    }

    @Test
    void whatTheHostAnnouncedNotToTakeIsRefusedHere() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,SIZE 20"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.sendAs("", DeliveryRig.CONTENT, "a@dest.example");
            rig.sendAs("", "\u00e4\r\n", "b@dest.example");
            rig.awaitEvents(2);
            assertThat(rig.outcomes()).anyMatch(text -> text.startsWith("Bounce a@dest.example 552 5.3.4"))
                    .anyMatch(text -> text.startsWith("Bounce b@dest.example 554 5.6.3"));
            assertThat(mx.commands()).noneMatch(line -> line.startsWith("MAIL"));
        }
    }

    @Test
    void anAddressCanNotSmuggleACommand() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.sendAs("x>\r\nQUIT\r\n@source.example", DeliveryRig.CONTENT, "a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.commands()).anyMatch(line -> line.startsWith("MAIL FROM:<x>??QUIT??@source.example>"));
            assertThat(mx.messages()).hasSize(1);
        }
    }
}
