package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.spool.StoredMessage;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.TestCertificates;

/** RFC 8689: mail that goes on under verified TLS to a host that keeps the promise too, or comes back. */
@Timeout(180)
final class RequireTlsTest {
    private static final Options REQUIRE_TLS = new Options(null, null, true, 0, 0, null, false);
    private static final String OFFER = "PIPELINING,8BITMIME,REQUIRETLS";

    private final TestCertificates authority = new TestCertificates();

    @TempDir
    Path directory;

    private Path authorities;

    @BeforeEach
    void writeAuthority() {
        authorities = authority.writeAuthority(directory, "ca.pem");
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            true,  true,  '',        true,  ''
            true,  true,  '',        false, 'NEEDS_REQUIRETLS mx offers no REQUIRETLS'
            true,  true,  'too old', true,  'NEEDS_TLS REQUIRETLS can''t be kept: the certificate of mx isn''t good for its name: too old'
            true,  false, '',        true,  'NEEDS_TLS REQUIRETLS can''t be kept: no TLS with mx'
            false, true,  '',        true,  'UNAUTHENTICATED_HOST REQUIRETLS can''t be kept: mx comes from MX records that neither DNSSEC nor an MTA-STS policy vouches for; only configured routes can take such mail then'
            """)
    void everythingMustBeThere(boolean configured, boolean encrypted, String problem, boolean offered,
            String refusal) {
        Failure failure = RequireTls.refusal(new RequireTls.Session("mx", configured, encrypted, problem, offered));
        assertThat(failure == null ? "" : failure.kind() + " " + failure.text()).isEqualTo(refusal);
    }

    @Test
    void aHostThatKeepsThePromiseGetsTheMessageWithIt() {
        try (FakeMx mx = good(); DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            submit(rig, "sender@source.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(mx.commands()).contains("MAIL FROM:<sender@source.example> REQUIRETLS");
        }
    }

    @Test
    void otherMailOfTheSameSessionHasNoSuchParameter() {
        try (FakeMx mx = good(); DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            rig.send("b@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.commands()).contains("MAIL FROM:<sender@source.example>");
        }
    }

    @Test
    void hostsFoundByMxAreNotEnough() {
        try (FakeMx mx = good(); DeliveryRig rig = rig()) {
            rig.route(mx);
            submit(rig, "");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("Bounce a@dest.example 550 5.7.10 REQUIRETLS can't be kept: mx1.dest.example")
                    .contains("only configured routes");
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void aHostThatOffersNoRequireTlsReturnsTheMessage() {
        try (FakeMx mx = good().offering("PIPELINING"); DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.REQUIRED, mx);
            submit(rig, "");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Bounce a@dest.example 550 5.7.30 ");
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void aCertificateForAnotherNameReturnsTheMessage() {
        try (FakeMx mx = new FakeMx().offering(OFFER).certificate(authority.server("other.example"));
                DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            submit(rig, "");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("Bounce a@dest.example 550 5.7.10 REQUIRETLS can't be kept: the certificate of mx1");
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void aHostWithoutTlsReturnsTheMessage() {
        try (FakeMx mx = new FakeMx().offering(OFFER); DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            submit(rig, "");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Bounce a@dest.example 550 5.7.10 ");
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void theNextHostIsAskedBeforeTheMessageIsReturned() {
        try (FakeMx first = new FakeMx().offering(OFFER);
                FakeMx second = new FakeMx().offering(OFFER).certificate(authority.server("mx2.dest.example"));
                DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, first, second);
            submit(rig, "sender@source.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(first.messages()).isEmpty();
            assertThat(first.commands()).contains("QUIT");
            assertThat(second.messages()).hasSize(1);
        }
    }

    @Test
    void aMessageBehindAnotherOfTheSessionIsTakenToTheNextHostToo() {
        try (FakeMx first = new FakeMx().offering(OFFER);
                FakeMx second = new FakeMx().offering(OFFER).certificate(authority.server("mx2.dest.example"));
                DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, first, second);
            for (int i = 0; i < 20; i++) {
                rig.send("b" + i + "@dest.example");
            }
            submit(rig, "sender@source.example");
            for (int i = 0; i < 20; i++) {
                rig.send("c" + i + "@dest.example");
            }
            rig.awaitEvents(41);
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(41);
            assertThat(second.messages()).anyMatch(message -> message.recipients().contains("a@dest.example"));
            assertThat(first.messages()).noneMatch(message -> message.recipients().contains("a@dest.example"));
        }
    }

    @Test
    void aSessionThatOtherMailHasOpenedInClearIsLeftForOneUnderTls() {
        try (FakeMx mx = good();
                DeliveryRig rig = new DeliveryRig(DeliveryRig.trusting(authorities),
                        DeliveryRig.limits(1, 1_000), QueueConfig.DEFAULT)) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            rig.dispatcher.brokenTls.add("default", DeliveryRig.host("mx1.dest.example", mx.port()),
                    Duration.ofHours(1));
            for (int i = 0; i < 20; i++) {
                rig.send("b" + i + "@dest.example");
            }
            submit(rig, "sender@source.example");
            for (int i = 0; i < 20; i++) {
                rig.send("c" + i + "@dest.example");
            }
            rig.awaitEvents(41);
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(41);
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).filteredOn(
                    event -> event.recipients().contains("a@dest.example")).singleElement()
                    .satisfies(event -> assertThat(event.protocol()).isEqualTo("ESMTPS"));
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).extracting(MessageEvent::protocol).contains("ESMTP");
        }
    }

    @Test
    void aHostThatCannotDoTlsJustNowIsAskedLater() {
        try (FakeMx mx = good().on("STARTTLS", "454 4.7.0 not now"); DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            submit(rig, "sender@source.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 454 4.7.0 not now");
            assertThat(mx.messages()).isEmpty();
        }
    }

    /** The session that was opened before the message was known goes on in clear; the message gets one of its own. */
    @Test
    void aFailedHandshakeDefersTheMessageAndNothingGoesInClear() {
        String broken = """
                S: 220 mx ready
                C~ EHLO
                S: 250-mx
                S: 250 STARTTLS
                C: STARTTLS
                S: 220 go on
                octet
                close
                """;
        String clear = """
                S: 220 mx ready
                C~ EHLO
                S: 250-mx
                S: 250 STARTTLS
                C: QUIT
                S: 221 bye
                """;
        try (FakeMx mx = good().script(broken).script(clear).script(broken); DeliveryRig rig = rig()) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            submit(rig, "sender@source.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.7.5 ");
            assertThat(mx.sessions()).isEqualTo(3);
        }
    }

    @Test
    void theReportIsAsConfidentialAndHoldsTheHeaderOnly() throws Exception {
        try (FakeMx mx = good(); DeliveryRig rig = rig()) {
            rig.route(mx);
            submit(rig, "sender@source.example");
            rig.awaitEvents(2); // the bounce, the report's reception
            StoredMessage report = rig.spool.messages().stream()
                    .filter(message -> message.envelope().sender().isEmpty()).findFirst().orElseThrow();
            assertThat(report.envelope().options().requireTls()).isTrue();
            StringBuilder text = new StringBuilder();
            report.content().forEachChunk((bytes, offset, length) -> text
                    .append(new String(bytes, offset, length, StandardCharsets.US_ASCII)));
            assertThat(text.toString()).contains("Subject: test").doesNotContain("body of it");
        }
    }

    private FakeMx good() {
        return new FakeMx().offering(OFFER).certificate(authority.server("mx1.dest.example"));
    }

    private DeliveryRig rig() {
        return new DeliveryRig(DeliveryRig.trusting(authorities));
    }

    private static void submit(DeliveryRig rig, String sender) {
        rig.submit(sender, MemoryContent.of("Subject: test\r\n\r\nbody of it\r\n".getBytes(StandardCharsets.US_ASCII)),
                System.currentTimeMillis(), REQUIRE_TLS, "a@dest.example");
    }
}
