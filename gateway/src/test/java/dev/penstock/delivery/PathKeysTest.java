package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

import io.netty.pkitesting.X509Bundle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.IpLookupStrategy;
import dev.penstock.config.Key;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ReconnectStrategy;
import dev.penstock.config.Secret;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.egress.Sources;
import dev.penstock.message.MessageEvent;
import dev.penstock.queue.Placement;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;

/** What the keys of a path, a section of the shaping file, change about the sessions with its hosts. */
@Timeout(180)
final class PathKeysTest {
    @TempDir
    Path directory;

    private static final TrafficLimits ONE = DeliveryRig.limits(1, 100);
    /** For one phase of a session whose other phases have an hour. */
    private static final Duration SOON = Duration.ofMillis(100);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final DeliveryConfig PATIENT = DeliveryRig.CONFIG.with(DeliveryConfig.CONNECT_TIMEOUT, HOUR)
            .with(DeliveryConfig.GREETING_TIMEOUT, HOUR).with(DeliveryConfig.COMMAND_TIMEOUT, HOUR)
            .with(DeliveryConfig.DATA_INIT_TIMEOUT, HOUR).with(DeliveryConfig.DATA_BLOCK_TIMEOUT, HOUR)
            .with(DeliveryConfig.DATA_DONE_TIMEOUT, HOUR);
    /** The handshake has a minute where nothing is said of it. */
    private static final Duration LONG_BEFORE_A_MINUTE = Duration.ofSeconds(40);
    private static final String HELLO = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250 mx
            """;
    private static final String PIPELINING_HELLO = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250-mx
            S: 250 PIPELINING
            """;
    private static final String MAIL = """
            C: MAIL FROM:<sender@source.example>
            S: 250 ok
            """;
    private static final String RCPT = """
            C: RCPT TO:<a@dest.example>
            S: 250 ok
            """;
    private static final String TAKEN = MAIL + RCPT + """
            C: DATA
            S: 354 go on
            content
            S: 250 2.0.0 taken
            """;
    private static final String BYE = """
            C: QUIT
            S: 221 bye
            """;
    private static final String LOGIN = Base64.getEncoder()
            .encodeToString("\0smart\0s3cret".getBytes(StandardCharsets.UTF_8));

    private static DeliveryRig rig(TrafficLimits limits) {
        return new DeliveryRig(PATIENT, limits, QueueConfig.DEFAULT);
    }

    /** One message over one session, which must go as the transcript has it. */
    private static List<String> outcomes(TrafficLimits limits, String transcript) {
        try (FakeMx mx = new FakeMx().script(transcript); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            return rig.outcomes();
        }
    }

    // Times

    private record Stall(Key<TrafficLimits, @Nullable Duration> key, String transcript, String where) {}

    private static Map<String, Stall> stalls() {
        return Map.of(
                "banner_timeout", new Stall(TrafficLimits.BANNER_TIMEOUT, "", "before its greeting"),
                "ehlo_timeout", new Stall(TrafficLimits.EHLO_TIMEOUT, "S: 220 mx\nC: EHLO gateway.test\n", "at EHLO"),
                "starttls_timeout", new Stall(TrafficLimits.STARTTLS_TIMEOUT,
                        "S: 220 mx\nC: EHLO gateway.test\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n", "at STARTTLS"),
                "tls_handshake_timeout", new Stall(TrafficLimits.TLS_HANDSHAKE_TIMEOUT,
                        "S: 220 mx\nC: EHLO gateway.test\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n",
                        "TLS handshake"),
                "auth_timeout", new Stall(TrafficLimits.AUTH_TIMEOUT,
                        "S: 220 mx\nC: EHLO gateway.test\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN " + LOGIN + "\n",
                        "at AUTH"),
                "mail_from_timeout",
                new Stall(TrafficLimits.MAIL_FROM_TIMEOUT, HELLO + "C: MAIL FROM:<sender@source.example>\n",
                        "at MAIL FROM"),
                "rcpt_to_timeout", new Stall(TrafficLimits.RCPT_TO_TIMEOUT, HELLO + MAIL
                        + "C: RCPT TO:<a@dest.example>\n", "at RCPT TO"),
                "data_timeout", new Stall(TrafficLimits.DATA_TIMEOUT, HELLO + MAIL + RCPT + "C: DATA\n", "at DATA"),
                "data_dot_timeout", new Stall(TrafficLimits.DATA_DOT_TIMEOUT,
                        HELLO + MAIL + RCPT + "C: DATA\nS: 354 go\ncontent\n", "after the end of data"));
    }

    @ParameterizedTest
    @CsvSource({"banner_timeout", "ehlo_timeout", "starttls_timeout", "tls_handshake_timeout", "auth_timeout",
        "mail_from_timeout", "rcpt_to_timeout", "data_timeout", "data_dot_timeout"})
    void eachPhaseHasTheTimeThatItsKeySays(String key) {
        Stall stall = Objects.requireNonNull(stalls().get(key));
        TrafficLimits limits = ONE.with(stall.key, SOON);
        if (key.equals("tls_handshake_timeout")) {
            limits = limits.with(TrafficLimits.ENABLE_TLS, TlsPolicy.REQUIRED);
        }
        if (key.equals("auth_timeout")) {
            limits = limits.with(TrafficLimits.SMTP_AUTH_PLAIN_USERNAME, "smart")
                    .with(TrafficLimits.SMTP_AUTH_PLAIN_PASSWORD, new Secret("s3cret"));
        }
        long begin = System.nanoTime();
        assertThat(outcomes(limits, stall.transcript + "stall\n")).singleElement().asString()
                .startsWith("TransientFailure a@dest.example").contains("timed out").contains(stall.where);
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(LONG_BEFORE_A_MINUTE);
    }

    @Test
    void aHostThatDemandsACertificateIsShownThatOfThePath() {
        TestCertificates.PemFiles files = TestCertificates.write(directory, "own",
                new TestCertificates().client("gateway.test"));
        TrafficLimits path = ONE.with(TrafficLimits.ENABLE_TLS, TlsPolicy.REQUIRED);
        try (FakeMx mx = new FakeMx().certificate(TestCertificates.selfSigned("mx")).demandsCertificates();
                DeliveryRig rig = rig(path.with(TrafficLimits.TLS_CERTIFICATE, Optional.of(files.chain()))
                        .with(TrafficLimits.TLS_PRIVATE_KEY, Optional.of(files.key())))) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@dest.example 250");
            assertThat(mx.identities()).containsExactly("CN=gateway.test");
        }
        try (FakeMx mx = new FakeMx().certificate(TestCertificates.selfSigned("mx")).demandsCertificates();
                DeliveryRig rig = rig(path)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("TransientFailure a@dest.example");
            assertThat(mx.identities()).isEmpty();
        }
    }

    /** With files that don't fit each other. */
    private TrafficLimits misfit() {
        TestCertificates authority = new TestCertificates();
        return ONE
                .with(TrafficLimits.TLS_CERTIFICATE,
                        Optional.of(TestCertificates.write(directory, "one", authority.client("one")).chain()))
                .with(TrafficLimits.TLS_PRIVATE_KEY,
                        Optional.of(TestCertificates.write(directory, "two", authority.client("two")).key()));
    }

    @Test
    void mailWaitsUnchargedWhileTheCertificateOfThePathCannotBeShown() {
        String transcript = "S: 220 mx\nC: EHLO gateway.test\nS: 250-mx\nS: 250 STARTTLS\nC: QUIT\nS: 221 bye\n";
        try (FakeMx mx = new FakeMx().script(transcript); DeliveryRig rig = rig(misfit())) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            rig.send("a@dest.example");
            await().atMost(Patience.LONG).until(() -> rig.dispatcher.stats().snapshot().suspensions() == 1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(mx.sessions()).as("not gone on in clear").isOne();
            assertThat(rig.events).isEmpty();
            assertThat(rig.queue.stats().queued()).isEqualTo(1);
            assertThat(rig.queue.readyQueues()).singleElement().asString().contains("isn't the key of the certificate");
            assertThat(rig.dispatcher.badHosts.size()).as("no host is to blame").isZero();
        }
    }

    @Test
    void aCertificateThatCannotBeShownIsNoMatterInClear() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(misfit())) {
            rig.route(TlsPolicy.OPPORTUNISTIC, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@dest.example 250");
        }
    }

    @Test
    void rsetHasTheTimeThatItsKeySays() {
        try (FakeMx mx = new FakeMx().script(HELLO + "await queued\n" + MAIL + """
                C: RCPT TO:<a@dest.example>
                S: 451 4.2.1 later
                C: RSET
                stall
                """); DeliveryRig rig = rig(ONE.with(TrafficLimits.RSET_TIMEOUT, SOON))) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.send("b@dest.example");
            mx.release("queued");
            rig.awaitEvents(2);
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes().getLast()).startsWith("TransientFailure b@dest.example").contains("timed out")
                    .contains("at RSET");
        }
    }

    @Test
    void aKeyThatIsntSaidLeavesTheConfiguredTime() {
        DeliveryConfig config = DeliveryConfig.DEFAULT.with(DeliveryConfig.COMMAND_TIMEOUT, Duration.ofSeconds(7));
        SessionRules.Times times = SessionRules.of(config).times();
        for (Phase phase : List.of(Phase.HELLO, Phase.HELO, Phase.LHLO, Phase.STARTTLS, Phase.AUTH, Phase.RSET,
                Phase.MAIL, Phase.RCPT)) {
            assertThat(times.of(phase)).as(phase.name()).isEqualTo(Duration.ofSeconds(7));
        }
        assertThat(times.handshake()).isEqualTo(Duration.ofSeconds(7));
        assertThat(times.of(Phase.CONNECT)).isEqualTo(config.connectTimeout());
        assertThat(times.of(Phase.GREETING)).isEqualTo(config.greetingTimeout());
        assertThat(times.of(Phase.DATA)).isEqualTo(config.dataInitTimeout());
        assertThat(times.of(Phase.CONTENT)).isEqualTo(config.dataBlockTimeout());
        assertThat(times.of(Phase.END_OF_DATA)).isEqualTo(config.dataDoneTimeout());
        SessionRules.Times slow = SessionRules.of(DeliveryConfig.DEFAULT, TrafficLimits.DEFAULT
                .with(TrafficLimits.CONNECT_TIMEOUT, Duration.ofSeconds(3))).times();
        assertThat(slow.connect()).isEqualTo(Duration.ofSeconds(3));
        assertThat(slow.handshake()).isEqualTo(Duration.ofMinutes(1));
    }

    // The dialogue

    @Test
    void aTransactionHasNoMoreRecipientsThanABatch() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(ONE.with(TrafficLimits.MAX_RECIPIENTS_PER_BATCH, 2))) {
            rig.route(mx);
            rig.send("a@dest.example", "b@dest.example", "c@dest.example", "d@dest.example", "e@dest.example");
            rig.awaitNoSessions();
            assertThat(mx.messages()).extracting(FakeMx.Received::recipients).extracting(List::size)
                    .containsExactly(2, 2, 1);
        }
    }

    /** Two hundred batches of one take a second at this rate; were each charged with the whole message, 200 s. */
    @Test
    void aTransactionIsChargedWithItsOwnRecipientsAlone() {
        FakeLimitBook book = new FakeLimitBook();
        book.others((path, _) -> new PathLimits(
                DeliveryRig.limits(1, 1_000).with(TrafficLimits.MAX_RECIPIENTS_PER_BATCH, 1),
                List.of(FakeLimitBook.rate(Measure.RECIPIENT_RATE, "recipients", path.source(), "200/s"))));
        try (FakeMx mx = new FakeMx();
                DeliveryRig rig = new DeliveryRig(book, Sources.ofDefault(PATIENT.sourceAddress(), "gateway.test"),
                        Placement.plain())) {
            rig.route(mx);
            rig.send(IntStream.range(0, 200).mapToObj(i -> "r" + i + "@dest.example").toArray(String[]::new));
            await().atMost(Patience.LONG).until(() -> mx.messages().size() == 200);
        }
    }

    @Test
    void theNameInEhloIsThePaths() {
        assertThat(outcomes(ONE.with(TrafficLimits.EHLO_DOMAIN, "bulk.example"),
                HELLO.replace("gateway.test", "bulk.example") + TAKEN + BYE)).singleElement().asString()
                .startsWith("Delivery");
    }

    @Test
    void withoutPipeliningEachCommandWaitsThoughTheHostOffersIt() {
        assertThat(outcomes(ONE.with(TrafficLimits.ENABLE_PIPELINING, false),
                PIPELINING_HELLO + TAKEN + BYE)).singleElement().asString().startsWith("Delivery");
    }

    @Test
    void withoutRsetTheNextMessageHasANewSession() {
        try (FakeMx mx = new FakeMx().script(HELLO + "await queued\n" + MAIL + """
                C: RCPT TO:<a@dest.example>
                S: 451 4.2.1 later
                """ + BYE).script(HELLO + TAKEN.replace("<a@", "<b@") + BYE);
                DeliveryRig rig = rig(ONE.with(TrafficLimits.ENABLE_RSET, false))) {
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
    void withoutRsetNoneIsSaidBetweenMessagesByBdat() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING,8BITMIME");
                DeliveryRig rig = rig(ONE.with(TrafficLimits.ENABLE_RSET, false)
                        .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1)))) {
            rig.route(mx);
            for (int i = 0; i < 20; i++) {
                rig.send("a" + i + "@dest.example");
            }
            rig.awaitEvents(MessageEvent.Type.DELIVERY, 20);
            assertThat(mx.commands()).noneMatch(command -> command.startsWith("RSET"));
            assertThat(mx.sessions()).isEqualTo(1);
        }
    }

    @Test
    void lmtpIsSpokenWhereThePathSaysSo() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: LHLO gateway.test
                S: 250 mx
                C: MAIL FROM:<sender@source.example>
                S: 250 ok
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                C: RCPT TO:<b@dest.example>
                S: 250 ok
                C: DATA
                S: 354 go on
                content
                S: 250 2.0.0 for a
                S: 452 4.2.2 b is full
                """ + BYE); DeliveryRig rig = rig(ONE.with(TrafficLimits.USE_LMTP, true))) {
            rig.route(mx);
            rig.send("a@dest.example", "b@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactlyInAnyOrder("Delivery a@dest.example 250 2.0.0 for a",
                    "TransientFailure b@dest.example 452 4.2.2 b is full");
            assertThat(rig.events.getFirst().protocol()).isEqualTo("LMTP");
        }
    }

    @Test
    void aChangeHoldsForTheNextSession() {
        try (FakeMx mx = new FakeMx().script(HELLO + TAKEN + BYE)
                .script(HELLO.replace("gateway.test", "bulk.example") + TAKEN.replace("<a@", "<b@") + BYE)
                .script(HELLO + TAKEN.replace("<a@", "<c@") + BYE);
                DeliveryRig rig = rig(ONE.with(TrafficLimits.IDLE_TIMEOUT, Duration.ZERO))) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            rig.shaper.reconfigure(new ShapingConfig(ONE.with(TrafficLimits.IDLE_TIMEOUT, Duration.ZERO)
                    .with(TrafficLimits.EHLO_DOMAIN, "bulk.example"), Map.of()));
            rig.send("b@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            rig.shaper.reconfigure(new ShapingConfig(ONE, Map.of()));
            rig.send("c@dest.example");
            rig.awaitEvents(3);
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(3);
        }
    }

    @Test
    void aHostOfBrokenTlsGetsMailInClearForTheTimeThatThePathSays() {
        String broken = """
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250 STARTTLS
                C: STARTTLS
                S: 220 go
                close
                """;
        String inClear = HELLO.replace("S: 250 mx", "S: 250-mx\nS: 250 STARTTLS");
        for (boolean isForgotten : new boolean[]{false, true}) {
            FakeMx mx = new FakeMx().script(broken).script(inClear + TAKEN + BYE);
            if (isForgotten) {
                mx.script(broken);
            }
            TrafficLimits limits = ONE.with(TrafficLimits.IDLE_TIMEOUT, Duration.ZERO);
            try (mx;
                    DeliveryRig rig = rig(isForgotten
                            ? limits.with(TrafficLimits.REMEMBER_BROKEN_TLS, Duration.ofNanos(1))
                            : limits)) {
                mx.script(inClear + TAKEN.replace("<a@", "<b@") + BYE);
                rig.route(mx);
                rig.send("a@dest.example");
                rig.awaitEvents(1);
                rig.awaitNoSessions();
                rig.send("b@dest.example");
                rig.awaitEvents(2);
                assertThat(mx.errors()).isEmpty();
                assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(2);
                assertThat(mx.sessions()).isEqualTo(isForgotten ? 4 : 3);
            }
        }
    }

    // The login

    private static TrafficLimits login() {
        return ONE.with(TrafficLimits.SMTP_AUTH_PLAIN_USERNAME, "smart")
                .with(TrafficLimits.SMTP_AUTH_PLAIN_PASSWORD, new Secret("s3cret"));
    }

    @Test
    void theHostIsLoggedInTo() {
        assertThat(outcomes(login(), """
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250 AUTH PLAIN
                C: AUTH PLAIN %s
                S: 235 2.7.0 welcome
                """.formatted(LOGIN) + TAKEN + BYE)).singleElement().asString().startsWith("Delivery");
    }

    @Test
    void thePasswordIsNotSaidToAHostWithoutACertificateForItsName() {
        X509Bundle elsewhere = TestCertificates.selfSigned("elsewhere.example");
        String hello = """
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250 STARTTLS
                C: STARTTLS
                S: 220 go
                tls
                C: EHLO gateway.test
                S: 250-mx
                S: 250 AUTH PLAIN
                """;
        try (FakeMx mx = new FakeMx().certificate(elsewhere).script(hello + BYE + "tell gone\n");
                DeliveryRig rig = rig(login())) {
            rig.route(mx);
            rig.send("a@dest.example");
            mx.awaitStep("gone");
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).isEmpty();
        }
        try (FakeMx mx = new FakeMx().certificate(elsewhere)
                .script(hello + "C: AUTH PLAIN " + LOGIN + "\nS: 235 2.7.0 welcome\n" + TAKEN + BYE);
                DeliveryRig rig = rig(
                        login().with(TrafficLimits.ALLOW_SMTP_AUTH_PLAIN_WITHOUT_VALID_CERTIFICATE, true))) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery");
        }
    }

    @Test
    void thePasswordStandsInNoLog() {
        assertThat(login().toString()).contains("smart").doesNotContain("s3cret");
    }

    // The hosts

    @Test
    void mxHostsAreConnectedToAtThePathsPort() {
        try (FakeMx usual = new FakeMx();
                FakeMx other = new FakeMx();
                DeliveryRig rig = rig(ONE.with(TrafficLimits.SMTP_PORT, other.port()))) {
            rig.route(usual);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(other.messages()).hasSize(1);
            assertThat(usual.sessions()).isZero();
        }
    }

    @Test
    void hostsOfTheConfigurationStayWhereTheyAre() {
        try (FakeMx mx = new FakeMx();
                DeliveryRig rig = rig(ONE.with(TrafficLimits.SMTP_PORT, 1)
                        .with(TrafficLimits.SKIP_HOSTS, List.of("127.0.0.0/8"))
                        .with(TrafficLimits.PROHIBITED_HOSTS, List.of("127.0.0.0/8")))) {
            rig.route(TlsPolicy.NONE, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.messages()).hasSize(1);
        }
    }

    @Test
    void aHostThatIsSkippedIsNotConnectedTo() {
        try (FakeMx first = new FakeMx();
                FakeMx second = new FakeMx(InetAddress.ofLiteral("127.0.0.2"));
                DeliveryRig rig = rig(ONE.with(TrafficLimits.SKIP_HOSTS, List.of("127.0.0.1")))) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN), List.of(
                    DeliveryRig.host("mx1", first.port()),
                    new MailHost("mx2", InetAddress.ofLiteral("127.0.0.2"), second.port(), 20)), false));
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(second.messages()).hasSize(1);
            assertThat(first.sessions()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(value = Failure.Kind.class, names = {"NO_HOST_LEFT", "NO_ADDRESS"})
    void allMailHasTheAnswerWhenNoHostIsLeft(Failure.Kind kind) {
        TrafficLimits none = kind == Failure.Kind.NO_HOST_LEFT
                ? ONE.with(TrafficLimits.SKIP_HOSTS, List.of("127.0.0.0/8"))
                : ONE.with(TrafficLimits.IP_LOOKUP_STRATEGY, IpLookupStrategy.IPV6_ONLY);
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(none)) {
            rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "later"));
            rig.route(mx);
            for (int i = 0; i < 250; i++) { // more than a session's worth
                rig.send("a@dest.example");
            }
            rig.awaitEvents(kind == Failure.Kind.NO_HOST_LEFT
                    ? MessageEvent.Type.BOUNCE
                    : MessageEvent.Type.TRANSIENT_FAILURE, 250);
            rig.awaitNoSessions();
            assertThat(mx.sessions()).isZero();
            assertThat(rig.outcomes()).filteredOn(outcome -> outcome.contains("a@dest.example")).hasSize(250)
                    .allMatch(outcome -> outcome.startsWith(kind == Failure.Kind.NO_HOST_LEFT
                            ? "Bounce a@dest.example 550 5.4.4 all hosts of mx1.dest.example are in skip_hosts"
                            : "TransientFailure a@dest.example 451 4.4.4 no host of mx1.dest.example has an address"));
        }
    }

    private static final MailHost A4 = host("a", "192.0.2.1");
    private static final MailHost A6 = host("a", "2001:db8::1");
    private static final MailHost B4 = host("b", "192.0.2.2");
    private static final MailHost C6 = host("c", "2001:db8::3");

    private static MailHost host(String name, String address) {
        return new MailHost(name, InetAddress.ofLiteral(address), 25, 10);
    }

    @ParameterizedTest
    @CsvSource({"IPV4_AND_IPV6, a4 a6 b4 c6", "IPV4_ONLY, a4 b4", "IPV6_ONLY, a6 c6", "IPV4_THEN_IPV6, a4 b4 c6",
        "IPV6_THEN_IPV4, a6 b4 c6"})
    void eachLookupStrategyLeavesItsAddresses(IpLookupStrategy strategy, String left) {
        Map<String, MailHost> names = Map.of("a4", A4, "a6", A6, "b4", B4, "c6", C6);
        PathHosts.Choice choice = PathHosts.of(List.of(A4, A6, B4, C6), false,
                TrafficLimits.DEFAULT.with(TrafficLimits.IP_LOOKUP_STRATEGY, strategy));
        assertThat(choice.refusal()).isNull();
        List<MailHost> expected = new ArrayList<>();
        for (String name : left.split(" ", -1)) {
            expected.add(Objects.requireNonNull(names.get(name)));
        }
        assertThat(choice.hosts()).isEqualTo(expected);
    }

    @Test
    void oneProhibitedHostIsEnough() {
        TrafficLimits path = TrafficLimits.DEFAULT.with(TrafficLimits.PROHIBITED_HOSTS, List.of("192.0.2.2/31"));
        assertThat(PathHosts.of(List.of(A4, A6, B4), false, path).refusal())
                .isEqualTo(new Failure(Failure.Kind.NO_HOST_LEFT, "b[192.0.2.2]:25 is in prohibited_hosts"));
        assertThat(PathHosts.of(List.of(A4, A6), false, path).refusal()).isNull();
        assertThat(PathHosts.of(List.of(A4, A6, B4), false,
                path.with(TrafficLimits.SKIP_HOSTS, List.of("192.0.2.2"))).hosts()).containsExactly(A4, A6);
        assertThat(PathHosts.of(List.of(B4), true, path).hosts()).containsExactly(B4);
    }

    // After a session that broke off

    private static final String BROKEN = HELLO + "C: MAIL FROM:<sender@source.example>\nclose\n";

    @ParameterizedTest
    @CsvSource({"CONNECT_NEXT_HOST, true, second, second", "CONNECT_NEXT_HOST, false, none, second",
        "RECONNECT_SAME_HOST, true, second, first", "RECONNECT_SAME_HOST, false, none, first",
        "TERMINATE_SESSION, true, none, first"})
    void whereMailGoesAfterwardsIsAsThePathSays(ReconnectStrategy strategy, boolean triesNext, String message,
            String next) {
        try (FakeMx first = new FakeMx().script(BROKEN);
                FakeMx second = new FakeMx();
                DeliveryRig rig = rig(ONE.with(TrafficLimits.RECONNECT_STRATEGY, strategy)
                        .with(TrafficLimits.TRY_NEXT_HOST_ON_TRANSPORT_ERROR, triesNext)
                        .with(TrafficLimits.IDLE_TIMEOUT, Duration.ZERO))) {
            rig.route(first, second);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(rig.outcomes().getFirst())
                    .startsWith(message.equals("second") ? "Delivery a@" : "TransientFailure a@");
            rig.send("b@dest.example");
            rig.awaitEvents(MessageEvent.Type.DELIVERY, message.equals("second") ? 2 : 1);
            assertThat(first.messages()).hasSize(next.equals("first") ? 1 : 0);
            assertThat(second.messages())
                    .hasSize((message.equals("second") ? 1 : 0) + (next.equals("second") ? 1 : 0));
        }
    }

    @Test
    void aHostIsSpokenToInClearForTheTimeThatThePathSays() {
        long[] now = {0};
        BadHosts broken = new BadHosts(() -> now[0]);
        broken.add("default", A4, Duration.ofDays(3));
        broken.add("default", B4, Dispatcher.BROKEN_TLS_TIME);
        now[0] = Duration.ofHours(2).toNanos();
        assertThat(broken.has("default", A4)).isTrue();
        assertThat(broken.has("default", B4)).isFalse();
        assertThat(broken.has("other", A4)).isFalse();
        now[0] = Duration.ofDays(4).toNanos();
        assertThat(broken.has("default", A4)).isFalse();
    }
}
