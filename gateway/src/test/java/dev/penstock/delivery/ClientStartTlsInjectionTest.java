package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.TlsPolicy;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.TestCertificates;

/**
 * Replies in clear that somebody on the path puts behind the answer to STARTTLS, for us to take as the host's own under
 * TLS (CVE-2011-0411, turned round).
 */
@Timeout(180)
final class ClientStartTlsInjectionTest {
    private static final String STARTTLS = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250-mx
            S: 250 STARTTLS
            C: STARTTLS
            """;

    /** All in the packet of the 220, split in the middle, or later than our first message of the handshake. */
    @ParameterizedTest
    @ValueSource(strings = {"raw 220 go on\\r\\n250 injected\\r\\n\ntls",
        "raw 220 go on\\r\\n250-injected\\r\\n250-AUTH PLAIN\\r\\n250 SIZE 1\\r\\n\ntls",
        "raw 220 go on\\r\\n2\nraw 50 injected\\r\\n\ntls", "raw 220 go on\\r\\n\\n\ntls",
        "S: 220 go on\noctet\nraw 250-injected\\r\\n250 SIZE 1\\r\\n\nclose"})
    void octetsBehindTheAnswerFailTlsWheneverTheyCome(String injection) {
        try (FakeMx mx = host(injection); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.7.5 ");
            assertThat(mx.sessions()).isEqualTo(1);
        }
        try (FakeMx mx = host(injection); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            // over a new connection, in which what was injected plays no part
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(mx.sessions()).isEqualTo(2);
        }
    }

    @Test
    void textInThePacketOfTheAnswerIsNamed() {
        try (FakeMx mx = host("raw 220 go on\\r\\n250 injected\\r\\n\ntls"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly(
                    "TransientFailure a@dest.example 400 4.7.5 mx1.dest.example[127.0.0.1]:" + mx.port()
                            + " sent something in clear after its answer to STARTTLS");
        }
    }

    /** RFC 3207 4: only 220 is one. */
    @ParameterizedTest
    @ValueSource(strings = {"221 bye", "250 ok", "299 ok", "354 go on"})
    void anAnswerThatIsNoGoAheadBeginsNoTls(String answer) {
        try (FakeMx mx = host("S: " + answer + """

                C~ MAIL
                S: 250 ok
                C~ RCPT
                S: 250 ok
                C: DATA
                S: 354 go on
                content
                S: 250 taken
                """); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(mx.sessions()).isEqualTo(1);
        }
        try (FakeMx mx = host("S: " + answer + "\nC: QUIT"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("TransientFailure a@dest.example ");
            assertThat(mx.errors()).isEmpty();
        }
    }

    /** After our first message of the handshake: nothing but TLS is understood any more. */
    @ParameterizedTest
    @ValueSource(strings = {"raw 250 injected\\r\\n250 injected\\r\\n250 injected\\r\\n\ntls",
        "raw 2\nraw 50 injected\\r\\n250 injected\\r\\n\ntls"})
    void octetsInALaterPacketFailTheHandshake(String injection) {
        try (FakeMx mx = host("S: 220 go on\noctet\n" + injection); DeliveryRig rig = new DeliveryRig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.7.5 TLS handshake with mx1.dest.example");
            assertThat(mx.sessions()).isEqualTo(1);
        }
    }

    private static FakeMx host(String injection) {
        return new FakeMx().certificate(TestCertificates.selfSigned("mx1.dest.example")).script(STARTTLS + injection);
    }
}
