package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.QueueItem;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.units.Rate;

/** What goes over the wire to hosts that offer CHUNKING, and what becomes of the messages. */
@Timeout(120)
final class OutboundChunkingTest {
    private static final String HELLO = """
            S: 220 mx ready
            C: EHLO gateway.test
            await queued
            S: 250-mx
            S: 250-PIPELINING
            S: 250 CHUNKING
            """;
    private static final String BYE = """
            C: QUIT
            S: 221 bye
            """;
    private static final String RSET = "C: RSET\n";

    private static String message(String name) {
        return """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<%s@dest.example>
                bdat 23 LAST Subject: test\\r\\n\\r\\nbody\\r\\n
                """.formatted(name);
    }

    private static final String TAKEN = """
            S: 250 2.1.0 ok
            S: 250 2.1.5 ok
            S: 250 2.0.0 taken
            """;
    private static final String RESET_TAKEN = "S: 250 2.0.0 reset\n" + TAKEN;

    private static DeliveryRig rig() {
        return rig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100));
    }

    private static DeliveryRig rig(DeliveryConfig config, TrafficLimits limits) {
        return new DeliveryRig(config, limits, QueueConfig.DEFAULT);
    }

    private static void known(DeliveryRig rig, FakeMx mx, PeerKnowledge.Bdat as) {
        rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port()), as);
    }

    private static PeerKnowledge.Bdat shown(DeliveryRig rig, FakeMx mx) {
        return rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port()));
    }

    private static void send(DeliveryRig rig, FakeMx mx, String... names) {
        for (String name : names) {
            rig.send(name + "@dest.example");
        }
        await().atMost(Patience.LONG).until(() -> rig.queue.stats().routing() == 0);
        mx.release("queued");
    }

    @Test
    void aHostThatIsNotKnownGetsTheFirstLineAloneAndTheNextMessageWhole() { // RFC 3030 4.2
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                S: 250 ok
                bdat 15 Subject: test\\r\\n
                S: 250 so far
                bdat 8 LAST \\r\\nbody\\r\\n
                S: 250 taken
                """ + message("b") + TAKEN + BYE); DeliveryRig rig = rig()) {
            rig.route(mx);
            send(rig, mx, "a", "b");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(mx.reads()).contains("BDAT 15\r\nSubject: test\r\n",
                    "MAIL FROM:<sender@source.example>\r\nRCPT TO:<b@dest.example>\r\nBDAT 23 LAST\r\n"
                            + DeliveryRig.CONTENT);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken",
                    "Delivery b@dest.example 250 2.0.0 taken");
            assertThat(shown(rig, mx)).isEqualTo(PeerKnowledge.Bdat.SOUND);
        }
    }

    @Test
    void severalMessagesAreUnderWayBeforeTheFirstIsAnswered() {
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + RSET + message("b") + RSET + message("c") + TAKEN
                + RESET_TAKEN + RESET_TAKEN + BYE); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a", "b", "c");
            rig.awaitEvents(3);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken",
                    "Delivery b@dest.example 250 2.0.0 taken", "Delivery c@dest.example 250 2.0.0 taken");
            assertThat(rig.queue.stats().queued()).isZero();
        }
    }

    @Test
    void whatCanNotBeSettledAmongSeveralUnderWayComesBackToTheQueue() {
        try (FakeMx mx = new FakeMx()
                .script(HELLO + message("a") + RSET + message("b") + TAKEN + RESET_TAKEN + "eof\n");
                DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            rig.spool.breakAt(new MessageId(rig.spool.nextId().value() + 1));
            send(rig, mx, "a", "b");
            rig.awaitNoSessions();
            assertThat(rig.queue.items(DeliveryRig.DOMAIN, 10)).as("none is lost until a restart").hasSize(2)
                    .allMatch(item -> item.state() != QueueItem.State.ACTIVE);
        }
    }

    @Test
    void aMessageWhoseRecipientsAreAllRefusedDisturbsNoOther() { // RFC 3030 2
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + RSET + message("b") + """
                S: 250 2.1.0 ok
                S: 451 4.2.1 later
                S: 503 5.5.1 no valid recipients
                """ + RESET_TAKEN + BYE); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a", "b");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 451 4.2.1 later",
                    "Delivery b@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void ofSeveralRecipientsEachHasItsOwnOutcome() {
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: RCPT TO:<b@dest.example>
                bdat 23 LAST Subject: test\\r\\n\\r\\nbody\\r\\n
                S: 250 ok
                S: 450 4.2.1 greylisted
                S: 250 ok
                S: 250 taken
                """ + BYE); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            rig.send("a@dest.example", "b@dest.example");
            mx.release("queued");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactlyInAnyOrder(
                    "TransientFailure a@dest.example 450 4.2.1 greylisted",
                    "Delivery b@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void whenTheSessionIsLostAllThatWereSentWholeAreInDoubtAndTheHostGetsNoMoreThatWay() {
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + RSET + message("b") + RSET + message("c") + TAKEN
                + """
                        S: 250 2.0.0 reset
                        S: 250 2.1.0 ok
                        close
                        """); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a", "b", "c");
            rig.awaitEvents(3);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).hasSize(3).anyMatch(event -> event.startsWith("Delivery a@"))
                    .anyMatch(event -> event.startsWith("TransientFailure b@dest.example 400 4.4.2"))
                    .anyMatch(event -> event.startsWith("TransientFailure c@dest.example 400 4.4.2"));
            assertThat(rig.dispatcher.stats.lostAfterEndOfData.sum()).isEqualTo(2);
            assertThat(shown(rig, mx)).isEqualTo(PeerKnowledge.Bdat.BROKEN);
        }
    }

    @Test
    void whenTheHostSaysThatItClosesThoseBehindGoOverAnotherSessionAtOnce() { // RFC 5321 3.8
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + RSET + message("b") + RSET + message("c") + TAKEN
                + """
                        S: 250 2.0.0 reset
                        S: 421 4.3.2 closing
                        close
                        """).offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a", "b", "c");
            rig.awaitEvents(3);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactlyInAnyOrder("Delivery a@dest.example 250 2.0.0 taken",
                    "Delivery b@dest.example 250 2.0.0 taken", "Delivery c@dest.example 250 2.0.0 taken");
            assertThat(mx.messages()).extracting(FakeMx.Received::text).containsExactly(DeliveryRig.CONTENT,
                    DeliveryRig.CONTENT);
            assertThat(shown(rig, mx)).isEqualTo(PeerKnowledge.Bdat.SOUND);
        }
    }

    @Test
    void aHostThatOffersChunkingAndDoesNotKnowBdatGetsDataAtOnceAndFromThenOn() {
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                S: 250 ok
                C: BDAT 15
                C: Subject: test
                S: 502 5.5.1 what
                S: 500 5.5.2 what
                """).offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig()) {
            rig.route(mx);
            send(rig, mx, "a", "b");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactlyInAnyOrder("Delivery a@dest.example 250 2.0.0 taken",
                    "Delivery b@dest.example 250 2.0.0 taken");
            assertThat(mx.commands()).contains("DATA").noneMatch(command -> command.startsWith("BDAT"));
            assertThat(shown(rig, mx)).isEqualTo(PeerKnowledge.Bdat.BROKEN);
        }
    }

    @Test
    void contentThatBeginsWithWhatAHostMightTakeForACommandGoesByData() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig()) {
            rig.route(mx);
            rig.sendAs("sender@source.example", "MAIL FROM:<evil@source.example>\r\n\r\nbody\r\n", "a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.commands()).contains("DATA").noneMatch(command -> command.startsWith("BDAT"));
        }
    }

    @Test
    void aRefusedChunkIsTheAnswerToItsMessage() {
        try (FakeMx mx = new FakeMx().script(HELLO + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                S: 250 ok
                bdat 15 Subject: test\\r\\n
                S: 452 4.3.1 no room
                C: RSET
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<b@dest.example>
                S: 250 reset
                S: 250 ok
                S: 250 ok
                bdat 15 Subject: test\\r\\n
                S: 250 so far
                bdat 8 LAST \\r\\nbody\\r\\n
                S: 250 taken
                """ + BYE); DeliveryRig rig = rig()) {
            rig.route(mx);
            send(rig, mx, "a", "b");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 452 4.3.1 no room",
                    "Delivery b@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void largeContentIsNotSentUnaskedAndGoesInChunksWithItsLineEndsMended() {
        String line = "x".repeat(70) + "\n.\r" + "y".repeat(70) + "\r\n";
        String body = "Subject: large\r\n\r\n" + line.repeat(2_000);
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            rig.submit("sender@source.example", MemoryContent.of(body.getBytes(StandardCharsets.US_ASCII)),
                    System.currentTimeMillis(), "a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(1);
            assertThat(mx.commands()).filteredOn(command -> command.startsWith("BDAT")).hasSizeGreaterThan(3);
            assertThat(mx.reads()).contains(
                    "MAIL FROM:<sender@source.example>\r\nRCPT TO:<a@dest.example>\r\n");
            assertThat(mx.messages()).hasSize(1);
            assertThat(mx.messages().getFirst().text())
                    .isEqualTo(body.replace("\n.\r", "\r\n.\r\n"));
        }
    }

    @Test
    void contentWhoseLineEndsAreMendedIsCountedAsItIsSent() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig()) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            String odd = "\nx".repeat(500);
            rig.sendAs("sender@source.example", "A: b\r\n\r\n.\ra\0b" + odd, "a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.messages()).extracting(FakeMx.Received::text)
                    .containsExactly("A: b\r\n\r\n.\r\nab" + odd.replace("\n", "\r\n") + "\r\n");
        }
    }

    @Test
    void afterAPauseTheEnvelopeIsAnsweredFirst() {
        TrafficLimits idling = DeliveryRig.limits(1, 2).with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + TAKEN + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<b@dest.example>
                S: 250 ok
                S: 250 ok
                bdat 23 LAST Subject: test\\r\\n\\r\\nbody\\r\\n
                S: 250 taken
                """ + BYE); DeliveryRig rig = rig(DeliveryRig.CONFIG, idling)) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a");
            rig.awaitEvents(1);
            await().atMost(Patience.LONG)
                    .until(() -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
            rig.send("b@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(2);
        }
    }

    @Test
    void noMoreAreUnderWayThanTheSessionMayCarryInAll() {
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + RSET + message("b") + TAKEN + RESET_TAKEN + BYE)
                .offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 2))) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a", "b", "c");
            rig.awaitEvents(3);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(mx.sessions()).isEqualTo(2);
            assertThat(mx.messages()).extracting(FakeMx.Received::recipients)
                    .containsExactly(List.of("c@dest.example"));
        }
    }

    @Test
    void underARateNothingIsTakenAheadOfItsSlot() {
        TrafficLimits paced = DeliveryRig.limits(1, 100)
                .with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("2/s"))
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx().script(HELLO + message("a") + "tell first\nawait looked\n" + TAKEN + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<b@dest.example>
                S: 250 ok
                S: 250 ok
                bdat 23 LAST Subject: test\\r\\n\\r\\nbody\\r\\n
                S: 250 taken
                """); DeliveryRig rig = rig(DeliveryRig.CONFIG, paced)) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            send(rig, mx, "a", "b");
            mx.awaitStep("first");
            assertThat(rig.queue.stats().ready()).isEqualTo(1);
            mx.release("looked");
            rig.awaitEvents(2);
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(2);
        }
    }

    @Test
    void withoutMessagesInFlightContentGoesByData() {
        DeliveryConfig plain = DeliveryRig.CONFIG.with(DeliveryConfig.MESSAGES_IN_FLIGHT, 0);
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING");
                DeliveryRig rig = rig(plain, DeliveryRig.limits(1, 100))) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.commands()).contains("DATA");
        }
    }

    /** Turns of the wire: each is a round trip, however far away the host is. */
    @Test
    void tenMessagesTakeTwoRoundTrips() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING");
                DeliveryRig rig = rig(DeliveryRig.CONFIG.with(DeliveryConfig.MESSAGES_IN_FLIGHT, 5),
                        DeliveryRig.limits(1, 100))) {
            rig.route(mx);
            known(rig, mx, PeerKnowledge.Bdat.SOUND);
            StringBuilder turns = new StringBuilder(HELLO);
            turns.append(message("m0"));
            for (int i = 1; i < 5; i++) {
                turns.append(RSET).append(message("m" + i));
            }
            turns.append(TAKEN).append(RESET_TAKEN.repeat(4)).append(RSET).append(message("m5"));
            for (int i = 6; i < 10; i++) {
                turns.append(RSET).append(message("m" + i));
            }
            mx.script(turns.append(RESET_TAKEN.repeat(5)).append(BYE).toString());
            send(rig, mx, "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9");
            rig.awaitEvents(10);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(10);
        }
    }
}
