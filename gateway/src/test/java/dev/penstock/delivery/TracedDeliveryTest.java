package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.HostProof;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;
import dev.penstock.trace.Direction;
import dev.penstock.trace.Speaker;
import dev.penstock.trace.TraceFilter;
import dev.penstock.trace.TraceLine;
import dev.penstock.trace.Watch;
import dev.penstock.units.Networks;

/** What watchers see of sessions with hosts. */
@Timeout(120)
class TracedDeliveryTest {
    private static final RouteLogin LOGIN = new RouteLogin("smart", "s3cretive", false);
    private static final String PLAIN = base64("\0smart\0s3cretive");

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static DeliveryRig rig() {
        return new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100), QueueConfig.DEFAULT);
    }

    private static void route(DeliveryRig rig, FakeMx mx, TlsPolicy tls, @Nullable RouteLogin login) {
        rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                List.of(DeliveryRig.host("mx1.dest.example", mx.port())), false, true, tls, HostProof.NONE, login));
    }

    private static Watch watch(DeliveryRig rig, TraceFilter filter, boolean headers) {
        return rig.dispatcher.trace.open(filter, headers, Duration.ofMinutes(5));
    }

    /** All of one session, {@code C: text} what we say. */
    private static List<String> dialogue(Watch watch) {
        List<String> lines = new ArrayList<>();
        await().atMost(Patience.LONG).until(() -> {
            for (TraceLine line : watch.take(Duration.ZERO).lines()) {
                lines.add((line.speaker() == Speaker.CLIENT ? "C: " : line.speaker() == Speaker.SERVER ? "S: " : "- ")
                        + line.text().replaceAll("\\b[0-9A-Z]{13}\\b", "ID").replaceAll(":\\d{4,5}\\b", ":PORT"));
            }
            return !lines.isEmpty() && lines.getLast().equals("- closed");
        });
        return lines;
    }

    @Test
    void aWholeSessionUnderTlsWithALoginIsToldAndThePasswordIsNot() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", "235 2.7.0 ok").on("RCPT TO:<b",
                "550 5.1.1 unknown")
                .certificate(TestCertificates.selfSigned("mx1.dest.example"));
                DeliveryRig rig = rig();
                Watch watch = watch(rig, TraceFilter.ALL, false)) {
            route(rig, mx, TlsPolicy.OPPORTUNISTIC, LOGIN);
            rig.send("a@dest.example", "b@dest.example");
            List<String> lines = dialogue(watch);
            assertThat(lines).containsSubsequence("- session out source=default site=dest.example",
                    "S: 220 mx ready", "C: EHLO gateway.test", "S: 250-STARTTLS", "C: STARTTLS",
                    "C: EHLO gateway.test", "C: AUTH PLAIN [masked]", "S: 235 2.7.0 ok",
                    "C: MAIL FROM:<sender@source.example>", "C: RCPT TO:<a@dest.example>",
                    "C: RCPT TO:<b@dest.example>", "C: DATA");
            assertThat(lines).anyMatch(line -> line.startsWith("- TLS TLSv1.3 "));
            assertThat(lines).anyMatch(line -> line.startsWith("C: [") && line.endsWith(" octets]"));
            assertThat(lines).anyMatch(line -> line.startsWith("- connecting to mx1.dest.example"));
            assertThat(lines).anyMatch(line -> line.matches(
                    "- decision message=ID recipient=a@dest.example outcome=delivered concerns=recipient why=250 .*"));
            assertThat(lines).anyMatch(line -> line.matches(
                    "- decision message=ID recipient=b@dest.example outcome=bounced concerns=recipient .*550 5.1.1.*"));
            assertThat(lines).noneMatch(line -> line.contains("body") || line.contains("s3cret"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"535 5.7.8 what is AGFsaWNl%s?", "500 5.5.2 unknown command: AUTH PLAIN %s",
        "501 5.5.4 %s is no base64", "535-5.7.8 no\r\n535 5.7.8 %s"})
    void aHostThatQuotesTheLoginIsNotQuoted(String reply) {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", reply.formatted(PLAIN));
                DeliveryRig rig = rig();
                Watch watch = watch(rig, TraceFilter.ALL, false)) {
            route(rig, mx, TlsPolicy.NONE, LOGIN);
            rig.send("a@dest.example");
            List<String> lines = dialogue(watch);
            assertThat(lines).contains("C: AUTH PLAIN [masked]");
            for (int at = 0; at + 6 <= PLAIN.length(); at++) {
                String part = PLAIN.substring(at, at + 6);
                assertThat(lines).noneMatch(line -> line.contains(part));
            }
        }
    }

    @Test
    void chunksAreToldAndTheirContentIsNot() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING");
                DeliveryRig rig = rig();
                Watch watch = watch(rig, TraceFilter.ALL, true)) {
            rig.route(mx);
            rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port()), PeerKnowledge.Bdat.SOUND);
            rig.send("a@dest.example");
            int size = DeliveryRig.CONTENT.length();
            assertThat(dialogue(watch)).containsSubsequence("C: MAIL FROM:<sender@source.example>",
                    "C: RCPT TO:<a@dest.example>", "C: BDAT " + size + " LAST", "C: Subject: test",
                    "C: [" + size + " octets]").noneMatch(line -> line.contains("body"));
        }
    }

    @Test
    void aSessionThatIsUnderWayIsToldFromItsNextMessageOn() {
        TrafficLimits limits = DeliveryRig.limits(1, 100).with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx();
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, limits, QueueConfig.DEFAULT)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            try (Watch watch = watch(rig, new TraceFilter(Direction.OUT, List.of(), Networks.parse(List.of()),
                    "dest.example", "", "", "default", "dest.example", ""), false)) {
                rig.send("b@dest.example");
                rig.awaitEvents(2);
                rig.dispatcher.abort(rig.dispatcher.sessions().getFirst().id(), "a test");
                List<String> lines = dialogue(watch);
                assertThat(lines.getFirst())
                        .startsWith("- session out host=mx1.dest.example[127.0.0.1] source=default");
                assertThat(lines).containsSubsequence("C: MAIL FROM:<sender@source.example> SIZE="
                        + DeliveryRig.CONTENT.length(), "C: DATA");
                assertThat(mx.sessions()).isEqualTo(1);
            }
        }
    }

    @Test
    void otherSourcesSitesAndAddressesAreNotTold() throws InterruptedException {
        try (FakeMx mx = new FakeMx();
                DeliveryRig rig = rig();
                Watch source = watch(rig, new TraceFilter(null, List.of(), Networks.parse(List.of()), "", "", "",
                        "ip-2", "", ""), false);
                Watch domain = watch(rig, new TraceFilter(null, List.of(), Networks.parse(List.of()),
                        "other.example", "", "", "", "", ""), false);
                Watch address = watch(rig, new TraceFilter(null, List.of(),
                        Networks.parse(List.of("198.51.100.1")), "", "", "", "", "", ""), false)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(source.take(Duration.ZERO).lines()).isEmpty();
            assertThat(domain.take(Duration.ZERO).lines()).isEmpty();
            assertThat(address.take(Duration.ZERO).lines()).isEmpty();
        }
    }
}
