package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.routing.HostProof;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;
import dev.penstock.units.Rate;

/**
 * Sessions with hosts that an operator ends, in each phase: the message in hand comes out as after a lost connection, no
 * other is touched, no host is thought ill of, and the queue goes on.
 */
@Timeout(120)
class AbortedSessionTest {
    private static final String GREETING = "S: 220 mx ready\n";
    private static final String HELLO = GREETING + "C: EHLO gateway.test\n";
    private static final String UP = HELLO + "S: 250-mx\nS: 250 PIPELINING\n";
    private static final String ENVELOPE = """
            C: MAIL FROM:<sender@source.example>
            C: RCPT TO:<a@dest.example>
            C: DATA
            """;
    private static final String GO = ENVELOPE + "S: 250 ok\nS: 250 ok\nS: 354 go\n";
    private static final String WITH_TLS = HELLO + "S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n";
    private static final RouteLogin LOGIN = new RouteLogin("smart", "s3cret", false);

    private static DeliveryRig rig(TrafficLimits limits) {
        return new DeliveryRig(DeliveryRig.CONFIG, limits, QueueConfig.DEFAULT);
    }

    private static void abort(DeliveryRig rig) {
        assertThat(rig.dispatcher.abort(rig.dispatcher.sessions().getFirst().id(), "a test")).isTrue();
    }

    /** Nothing was sent of the message: another session takes it at once, and no attempt is charged. */
    @ParameterizedTest
    @CsvSource({"GREETING", "HELLO", "STARTTLS", "HANDSHAKE", "AUTH"})
    void aSessionThatComesUpIsGivenUpAndItsMailGoesOverAnother(String place) {
        String transcript = switch (place) {
            case "GREETING" -> "";
            case "HELLO" -> HELLO;
            case "STARTTLS" -> WITH_TLS;
            case "HANDSHAKE" -> WITH_TLS + "S: 220 go\n";
            default -> HELLO + "S: 250-mx\nS: 250 AUTH PLAIN\nC~ AUTH PLAIN\n";
        };
        boolean login = place.equals("AUTH");
        try (FakeMx mx = new FakeMx().script(transcript + "tell there\nstall").on("AUTH", "235 2.7.0 ok");
                DeliveryRig rig = rig(DeliveryRig.limits(1, 100))) {
            mx.certificate(TestCertificates.selfSigned("mx1.dest.example"));
            mx.offering("PIPELINING" + (login ? ",AUTH PLAIN" : ""));
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(DeliveryRig.host("mx1.dest.example", mx.port())), false, true,
                    login ? TlsPolicy.NONE : TlsPolicy.OPPORTUNISTIC, HostProof.NONE, login ? LOGIN : null));
            rig.send("a@dest.example");
            mx.awaitStep("there");
            rig.awaitPhase(place.equals("HANDSHAKE") ? Phase.STARTTLS : Phase.valueOf(place));
            abort(rig);
            rig.awaitEvents(1);
            assertThat(rig.events).singleElement().satisfies(event -> {
                assertThat(event.type()).isEqualTo(MessageEvent.Type.DELIVERY);
                assertThat(event.attempts()).as("charged").isZero();
            });
            assertThat(mx.messages()).hasSize(1);
            assertThat(mx.sessions()).isEqualTo(2);
            assertThat(rig.dispatcher.badHosts.size()).as("hosts to blame").isZero();
            assertThat(rig.dispatcher.stats().snapshot().suspensions()).isZero();
        }
    }

    /** As after a lost connection: the message waits for its retry, and is charged. */
    @ParameterizedTest
    @CsvSource({"MAIL,0", "CONTENT,0", "END_OF_DATA,1"})
    void aMessageUnderWayIsDeferred(Phase phase, int taken) {
        String transcript = switch (phase) {
            case MAIL -> UP + ENVELOPE + "stall";
            case CONTENT -> UP + GO + "partly\nawait aborted";
            default -> UP + GO + "content\nstall";
        };
        try (FakeMx mx = new FakeMx().script(transcript); DeliveryRig rig = rig(DeliveryRig.limits(1, 100))) {
            rig.route(mx);
            String content = phase == Phase.CONTENT
                    ? "Subject: large\r\n\r\n" + ("x".repeat(70) + "\r\n").repeat(400_000)
                    : DeliveryRig.CONTENT;
            rig.submit("sender@source.example", MemoryContent.of(content.getBytes(StandardCharsets.ISO_8859_1)),
                    System.currentTimeMillis(), "a@dest.example");
            rig.awaitPhase(phase);
            SessionView view = rig.dispatcher.sessions().getFirst();
            assertThat(view.message()).isNotNull();
            assertThat(view.peer()).isNotNull();
            abort(rig);
            mx.release("aborted");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.3.2")
                    .contains("aborted by an operator: a test");
            assertThat(rig.queue.stats().queued()).isEqualTo(1);
            await().untilAsserted(() -> assertThat(mx.messages()).hasSize(taken));
            assertThat(mx.sessions()).as("no host is tried at once").isEqualTo(1);
            assertThat(rig.dispatcher.badHosts.size()).as("hosts to blame").isZero();
            assertThat(rig.dispatcher.stats().snapshot().suspensions()).isZero();
        }
    }

    @Test
    void amongMessagesAloftNoneIsLostAndNoHostIsThoughtToHandleBdatBadly() {
        String chunked = HELLO + "S: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\n";
        String aloft = """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                bdat 23 LAST Subject: test\\r\\n\\r\\nbody\\r\\n
                tell aloft
                stall
                """;
        try (FakeMx mx = new FakeMx().script(chunked + aloft)
                .offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig(DeliveryRig.limits(1, 100))) {
            rig.route(mx);
            rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port()), PeerKnowledge.Bdat.SOUND);
            rig.send("a@dest.example");
            rig.send("b@dest.example");
            rig.send("c@dest.example");
            mx.awaitStep("aloft");
            abort(rig);
            await().atMost(Patience.LONG)
                    .until(() -> rig.events.size() == 3);
            assertThat(rig.outcomes()).allMatch(outcome -> outcome.startsWith("Delivery ")
                    || outcome.contains("aborted by an operator: a test"));
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(mx.messages().size());
            assertThat(rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port())))
                    .isEqualTo(PeerKnowledge.Bdat.SOUND);
        }
    }

    @Test
    void anIdleSessionJustEnds() {
        TrafficLimits limits = DeliveryRig.limits(1, 100).with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            await().until(
                    () -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
            SessionView view = rig.dispatcher.sessions().getFirst();
            assertThat(view.delivered()).isEqualTo(1);
            assertThat(view.deferred() + view.bounced()).isZero();
            assertThat(view.message()).isNull();
            assertThat(view.rate()).isPositive();
            abort(rig);
            rig.awaitNoSessions();
            assertThat(rig.events).hasSize(1);
        }
    }

    @Test
    void aSessionThatWaitsForASlotSaysWhoseAndGivesItsMessageBack() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
                .with(TrafficLimits.MAX_MESSAGE_RATE, new Rate(2, Duration.ofHours(1), 1))
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofHours(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.send("b@dest.example");
            await().atMost(Patience.LONG).until(() -> rig.dispatcher.sessions().stream()
                    .anyMatch(session -> session.state() == SessionView.State.WAITING));
            SessionView view = rig.dispatcher.sessions().getFirst();
            assertThat(view.waitingFor()).isNotNull();
            assertThat(String.valueOf(view.waitingFor())).startsWith("max_message_rate 2/h");
            String first = view.id();
            abort(rig);
            await().until(() -> rig.dispatcher.sessions().stream()
                    .noneMatch(session -> session.id().equals(first)));
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(1);
            assertThat(rig.events).as("nothing is charged").hasSize(1);
            assertThat(rig.queue.stats().queued()).isEqualTo(1);
        }
    }

    @Test
    void nobodyIsEndedByAnIdThatIsNobodys() {
        try (DeliveryRig rig = new DeliveryRig()) {
            assertThat(rig.dispatcher.abort("none", "a test")).isFalse();
        }
    }
}
