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

    /** All in the packet of the 220, or split in the middle. */
    @ParameterizedTest
    @ValueSource(strings = {"raw 220 go on\\r\\n250 injected\\r\\n\ntls",
        "raw 220 go on\\r\\n250-injected\\r\\n250-AUTH PLAIN\\r\\n250 SIZE\\r\\n\ntls",
        "raw 220 go on\\r\\n2\nraw 50 injected\\r\\n\ntls", "raw 220 go on\\r\\n\\n\ntls"})
    void octetsBehindTheAnswerEndTheSession(String injection) {
        for (TlsPolicy policy : new TlsPolicy[]{TlsPolicy.OPPORTUNISTIC, TlsPolicy.REQUIRED}) {
            try (FakeMx mx = host(injection); DeliveryRig rig = new DeliveryRig()) {
                rig.route(policy, mx);
                rig.send("a@dest.example");
                rig.awaitEvents(1);
                assertThat(rig.outcomes()).singleElement().asString().isEqualTo(
                        "TransientFailure a@dest.example 400 4.7.5 mx1.dest.example[127.0.0.1]:" + mx.port()
                                + " sent something in clear after its answer to STARTTLS");
                assertThat(mx.sessions()).isEqualTo(1);
            }
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

    @Test
    void whatWasInjectedPlaysNoPartInTheConnectionInClear() {
        try (FakeMx mx = host("S: 220 go on\noctet\nraw 250-injected\\r\\n250 SIZE 1\\r\\n\nclose");
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(mx.sessions()).isEqualTo(2);
        }
    }

    private static FakeMx host(String injection) {
        return new FakeMx().certificate(TestCertificates.selfSigned("mx1.dest.example")).script(STARTTLS + injection);
    }
}
