package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MessageEvent;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.TestCertificates;

/** STARTTLS as a client, by policy. */
@Timeout(180)
final class ClientStartTlsTest {
    private static final String STARTTLS = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250-mx
            S: 250-PIPELINING
            S: 250-SIZE 100000
            S: 250 STARTTLS
            C: STARTTLS
            """;
    private static final String TRANSACTION = """
            C: MAIL FROM:<sender@source.example>
            S: 250 ok
            C: RCPT TO:<a@dest.example>
            S: 250 ok
            C: DATA
            S: 354 go on
            content
            S: 250 2.0.0 taken
            C: QUIT
            S: 221 bye
            """;
    private static final String HELLO_AND_TRANSACTION = """
            C: EHLO gateway.test
            S: 250 mx
            """ + TRANSACTION;

    private final TestCertificates authority = new TestCertificates();
    private final X509Bundle selfSigned = TestCertificates.selfSigned("elsewhere.example");

    @TempDir
    Path directory;

    private Path authorities;

    @BeforeEach
    void writeAuthority() {
        authorities = authority.writeAuthority(directory, "ca.pem");
    }

    /** Of what comes under TLS, tickets and the like are no words. */
    @Test
    void whatAHostSaysToAnIdleSessionUnderTlsIsNoAnswerToTheNextMessage() {
        try (FakeMx mx = new FakeMx().certificate(selfSigned).script(STARTTLS + "S: 220 go on\ntls\n"
                + HELLO_AND_TRANSACTION.substring(0, HELLO_AND_TRANSACTION.indexOf("C: QUIT")) + """
                        await second
                        C~ MAIL
                        S: 250 ok
                        C~ RCPT
                        S: 250 ok
                        C: DATA
                        S: 354 go on
                        content
                        S: 250 2.0.0 second
                        await idle
                        raw 554 5.4.7 idle too long\\r\\n
                        tell said
                        C: QUIT
                        """);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG,
                        TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1).with(TrafficLimits.IDLE_TIMEOUT,
                                Duration.ofMinutes(1)),
                        QueueConfig.DEFAULT)) {
            rig.route(mx);
            rig.send("a@dest.example");
            awaitIdle(rig, 1);
            rig.send("b@dest.example");
            mx.release("second");
            awaitIdle(rig, 2);
            mx.release("idle");
            mx.awaitStep("said");
            rig.send("c@dest.example");
            rig.awaitEvents(3);
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken",
                    "Delivery b@dest.example 250 2.0.0 second", "Delivery c@dest.example 250 2.0.0 taken");
            assertThat(mx.sessions()).isEqualTo(2);
            assertThat(rig.events).allMatch(event -> event.tls() != null);
        }
    }

    private static void awaitIdle(DeliveryRig rig, int events) {
        rig.awaitEvents(events);
        await().until(() -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
    }

    @Test
    void aHostThatOffersTlsGetsItWithAnyCertificateAndIsAskedAnewWhatItOffers() {
        try (FakeMx mx = new FakeMx().certificate(selfSigned).script(STARTTLS + """
                S: 220 go on
                tls
                """ + HELLO_AND_TRANSACTION); DeliveryRig rig = new DeliveryRig()) { // no PIPELINING, no SIZE under TLS
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(rig.events.getFirst().protocol()).isEqualTo("ESMTPS");
            MessageEvent.Tls tls = Objects.requireNonNull(rig.events.getFirst().tls());
            assertThat(tls.version()).isEqualTo("TLSv1.3");
            assertThat(tls.cipher()).matches("TLS_[A-Z0-9_]+");
        }
    }

    @Test
    void anOldServersHostGetsItsMailInClear() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.commands()).doesNotContain("STARTTLS");
            assertThat(rig.events.getFirst().protocol()).isEqualTo("ESMTP");
            assertThat(rig.events.getFirst().tls()).isNull();
        }
    }

    @Test
    void aRefusedStartTlsGoesOnInClearInTheSameSession() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250 STARTTLS
                C: STARTTLS
                S: 454 4.7.0 no entropy
                """ + TRANSACTION); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void aFailedHandshakeIsFollowedByAConnectionInClearAndRemembered() {
        String inClear = """
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250 STARTTLS
                """ + TRANSACTION;
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 220 go on
                octet
                close
                """).script(inClear).script(inClear); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            rig.send("a@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken",
                    "Delivery a@dest.example 250 2.0.0 taken");
            assertThat(mx.sessions()).isEqualTo(3);
            assertThat(rig.dispatcher.stats().snapshot().tlsFallbacks()).isEqualTo(1);
        }
    }

    @Test
    void requiredTlsDefersWhenTheHostOffersNone() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().isEqualTo(
                    "TransientFailure a@dest.example 400 4.7.10 mx1.dest.example[127.0.0.1]:" + mx.port()
                            + " offers no TLS, which is required");
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void requiredTlsNeverGoesOnInClear() {
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 220 go on
                octet
                close
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.7.5 TLS handshake with mx1.dest.example");
            assertThat(mx.sessions()).isEqualTo(1);
        }
    }

    @Test
    void requiredTlsDefersWhenStartTlsIsRefused() {
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 454 4.7.0 no entropy
                eof
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 454 4.7.0 no entropy");
        }
    }

    @Test
    void verifiedTlsTakesACertificateForTheHostsName() {
        try (FakeMx mx = new FakeMx().certificate(authority.server("mx1.dest.example"));
                DeliveryRig rig = new DeliveryRig(DeliveryRig.trusting(authorities))) {
            rig.route(TlsPolicy.VERIFIED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(rig.events.getFirst().protocol()).isEqualTo("ESMTPS");
        }
    }

    @Test
    void verifiedTlsRefusesOtherCertificates() {
        X509Bundle expired = authority.server(TestCertificates.Kind.EC, Duration.ofDays(-1), "mx1.dest.example");
        for (X509Bundle bad : new X509Bundle[]{authority.server("elsewhere.example"), expired,
            TestCertificates.selfSigned("mx1.dest.example")}) {
            try (FakeMx mx = new FakeMx().certificate(bad);
                    DeliveryRig rig = new DeliveryRig(DeliveryRig.trusting(authorities))) {
                rig.route(TlsPolicy.VERIFIED, mx);
                rig.send("a@dest.example");
                rig.awaitEvents(1);
                assertThat(rig.outcomes()).singleElement().asString()
                        .startsWith("TransientFailure a@dest.example 400 4.7.5 TLS handshake with mx1.dest.example");
                assertThat(mx.messages()).isEmpty();
            }
        }
    }

    @Test
    void optionalVerifiedTlsIsVerifiedWhereItIsOfferedAndNeverGoesOnInClear() {
        try (FakeMx mx = new FakeMx().certificate(selfSigned);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.trusting(authorities))) {
            rig.route(TlsPolicy.OPPORTUNISTIC_VERIFIED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.7.5 TLS handshake with mx1.dest.example");
            assertThat(mx.messages()).isEmpty();
        }
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 454 4.7.0 no entropy
                C: QUIT
                S: 221 bye
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC_VERIFIED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 454 4.7.0 no entropy");
        }
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC_VERIFIED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.events.getFirst().protocol()).isEqualTo("ESMTP");
        }
    }

    @Test
    void theShapingFileSaysHowTlsIsUsedUnlessTheRouteDoes() {
        try (FakeMx mx = new FakeMx().certificate(selfSigned);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, enableTls(TlsPolicy.NONE),
                        QueueConfig.DEFAULT)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.commands()).doesNotContain("STARTTLS");
            assertThat(rig.events).extracting(MessageEvent::protocol).containsExactly("ESMTP");
        }
        try (FakeMx mx = new FakeMx().certificate(selfSigned);
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, enableTls(TlsPolicy.NONE),
                        QueueConfig.DEFAULT)) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.events).extracting(MessageEvent::protocol).containsExactly("ESMTPS");
        }
    }

    private static TrafficLimits enableTls(TlsPolicy policy) {
        TrafficLimits limits = DeliveryRig.limits(10, 1_000);
        return limits.with(TrafficLimits.MAX_MESSAGE_RATE, null).with(TrafficLimits.MAX_CONNECTION_RATE, null)
                .with(TrafficLimits.ENABLE_TLS, policy);
    }

    @Test
    void withoutTlsNoneIsSpoken() {
        try (FakeMx mx = new FakeMx().certificate(selfSigned); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.NONE, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.commands()).doesNotContain("STARTTLS");
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void lmtpGetsTlsWhenOfferedToo() {
        try (FakeMx mx = new FakeMx().certificate(selfSigned); DeliveryRig rig = new DeliveryRig()) {
            rig.route(DeliveryRig.DOMAIN, true, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.events.getFirst().protocol()).isEqualTo("LMTPS");
            assertThat(rig.events.getFirst().type()).isEqualTo(MessageEvent.Type.DELIVERY);
        }
    }

    private static DeliveryRig shortHandshake() {
        return new DeliveryRig(DeliveryRig.CONFIG,
                DeliveryRig.limits(10, 1_000).with(TrafficLimits.TLS_HANDSHAKE_TIMEOUT, DeliveryRig.SHORT),
                QueueConfig.DEFAULT);
    }

    @Test
    void aHandshakeHasItsDeadline() {
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 220 go on
                stall
                """); DeliveryRig rig = shortHandshake()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().endsWith("failed: timed out");
        }
    }

    @Test
    void aHandshakeThatDripsHasItsDeadlineToo() {
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 220 go on
                octet
                drip \u0016\u0003\u0003
                """); DeliveryRig rig = shortHandshake()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().endsWith("failed: timed out");
        }
    }

    @Test
    void aStopEndsAHandshake() {
        try (FakeMx mx = new FakeMx().script(STARTTLS + """
                S: 220 go on
                octet
                stall
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            await().until(() -> mx.reads().size() > 2); // EHLO, STARTTLS, the first message
            rig.dispatcher.close(Duration.ofSeconds(2));
            rig.awaitNoSessions();
            assertThat(rig.events).isEmpty();
        }
    }
}
