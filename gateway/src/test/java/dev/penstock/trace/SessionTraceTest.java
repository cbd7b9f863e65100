package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.ManualTicker;
import dev.penstock.units.Networks;

/** Who is told what of a session, and from when on. */
class SessionTraceTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private final ManualTicker ticker = new ManualTicker();
    private final TraceHub hub = new TraceHub(ticker);
    private String tenant = "";
    private InetAddress address = InetAddress.ofLiteral("192.0.2.7");
    private int asked;
    private final SessionTrace trace = new SessionTrace(hub, "7f", Direction.IN, this::facts, ticker);

    private SessionFacts facts() {
        asked++;
        return new SessionFacts("7f", Direction.IN, address, "client.example", "submission", "", "", "", tenant);
    }

    private static TraceFilter filter(@Nullable Direction direction, List<String> networks, String domain,
            String tenant) {
        return new TraceFilter(direction, List.of(), Networks.parse(networks), domain, tenant, "", "", "", "");
    }

    private Watch watch(TraceFilter filter, boolean headers) {
        return hub.open(filter, headers, LONG);
    }

    private void says(String... lines) {
        for (String line : lines) {
            trace.isOn();
            byte[] octets = line.getBytes(UTF_8);
            trace.command(octets, 0, octets.length);
        }
    }

    private static List<String> taken(Watch watch) {
        try {
            return watch.take(Duration.ZERO).lines().stream().map(TraceLine::text).toList();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void withNobodyWatchingNothingIsAskedOfTheSession() {
        says("EHLO client.example", "NOOP");
        trace.note("nothing");
        trace.learned();
        assertThat(trace.isOn()).isFalse();
        assertThat(asked).isZero();
    }

    @Test
    void aSessionThatIsNotWantedIsAskedOnceWhoItIs() {
        try (Watch watch = watch(filter(Direction.IN, List.of("198.51.100.0/24"), "", ""), false)) {
            says("EHLO client.example", "NOOP", "MAIL FROM:<a@dest.example>");
            assertThat(trace.tells()).isFalse();
            assertThat(asked).isEqualTo(1);
            assertThat(taken(watch)).isEmpty();
        }
    }

    @Test
    void aSessionIsIntroducedAndToldFromTheNextCommandOn() {
        says("EHLO client.example");
        try (Watch watch = watch(filter(Direction.IN, List.of("192.0.2.0/24"), "", ""), false)) {
            says("NOOP");
            assertThat(taken(watch)).containsExactly(
                    "session in client=client.example[192.0.2.7] listener=submission", "NOOP");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dest.example", "source.example"})
    void aDomainIsFoundAmongRecipientsAndSenderWithWhatWasSaidBefore(String domain) {
        try (Watch watch = watch(filter(null, List.of(), domain, ""), false)) {
            says("EHLO client.example", "MAIL FROM:<a@other.example>", "RCPT TO:<b@other.example>", "RSET",
                    "MAIL FROM:<a@Source.example>", "RCPT TO:<b@DEST.example>");
            assertThat(taken(watch)).startsWith("session in client=client.example[192.0.2.7] listener=submission",
                    "EHLO client.example").endsWith("MAIL FROM:<a@Source.example>", "RCPT TO:<b@DEST.example>");
            says("RSET");
            assertThat(taken(watch)).containsExactly("RSET");
        }
    }

    @Test
    void aDomainIsFoundByEitherOfItsForms() {
        try (Watch watch = watch(filter(null, List.of(), "xn--bcher-kva.example", ""), false)) {
            says("MAIL FROM:<> SMTPUTF8", "RCPT TO:<a@bücher.example>");
            assertThat(taken(watch)).endsWith("RCPT TO:<a@bücher.example>");
        }
    }

    @Test
    void aTenantIsFoundWhenTheSessionLearnsOfIt() {
        try (Watch watch = watch(filter(null, List.of(), "", "acme"), false)) {
            says("EHLO client.example");
            tenant = "other";
            trace.learned();
            assertThat(taken(watch)).isEmpty();
            tenant = "acme";
            trace.learned();
            assertThat(taken(watch)).endsWith("EHLO client.example");
        }
    }

    @Test
    void ofALongPastTheLastLinesAreTold() {
        try (Watch watch = watch(filter(null, List.of(), "dest.example", ""), false)) {
            for (int i = 0; i < SessionTrace.MAX_KEPT + 9; i++) {
                says("NOOP");
            }
            says("RCPT TO:<b@dest.example>");
            List<String> told = taken(watch);
            assertThat(told).hasSize(2 + SessionTrace.MAX_KEPT).contains("10 earlier lines are left out")
                    .endsWith("RCPT TO:<b@dest.example>");
        }
    }

    @Test
    void ofAPastOfLongLinesSoManyAreToldAsThereIsRoomFor() {
        try (Watch watch = watch(filter(null, List.of(), "dest.example", ""), false)) {
            for (int i = 0; i < 40; i++) {
                says("EHLO " + "x".repeat(995));
            }
            says("RCPT TO:<b@dest.example>");
            List<String> told = taken(watch);
            assertThat(told.stream().skip(2).mapToInt(String::length).sum()).isBetween(
                    SessionTrace.MAX_KEPT_OCTETS - 2_000, SessionTrace.MAX_KEPT_OCTETS);
            assertThat(told).contains("33 earlier lines are left out").endsWith("RCPT TO:<b@dest.example>");
        }
    }

    @Test
    void headerSectionsArePartOfNoPast() {
        byte[] content = "Subject: x\r\n\r\nbody\r\n.\r\n".getBytes(UTF_8);
        try (Watch watch = watch(filter(null, List.of(), "dest.example", ""), true)) {
            says("DATA");
            trace.content(content, 0, content.length);
            trace.endOfContent(true);
            says("RCPT TO:<b@dest.example>");
            assertThat(taken(watch).stream().skip(1)).containsExactly("DATA", "[" + content.length + " octets]",
                    "RCPT TO:<b@dest.example>");
        }
    }

    @Test
    void aProxysClientIsLookedForByWhomItSpeaksFor() {
        try (Watch watch = watch(filter(null, List.of("203.0.113.5"), "", ""), false)) {
            says("XCLIENT ADDR=203.0.113.5");
            assertThat(taken(watch)).isEmpty();
            address = InetAddress.ofLiteral("203.0.113.5");
            trace.anew();
            says("EHLO other.example");
            assertThat(taken(watch)).endsWith("EHLO other.example");
        }
    }

    @Test
    void headersAreToldToThoseWhoWantThemAndNoBodyToAnybody() {
        byte[] content = "Subject: x\r\n y\r\nTo: b\r\n\r\nSecret: body\r\n.\r\n".getBytes(UTF_8);
        try (Watch with = watch(TraceFilter.ALL, true); Watch without = watch(TraceFilter.ALL, false)) {
            says("DATA");
            for (int i = 0; i < content.length; i++) {
                trace.content(content, i, 1);
            }
            trace.endOfContent(true);
            assertThat(taken(with).stream().skip(2)).containsExactly("Subject: x", " y",
                    "To: b", "[" + content.length + " octets]");
            assertThat(taken(without).stream().skip(2)).containsExactly("[" + content.length + " octets]");
        }
    }

    @Test
    void aMessageWithoutHeaderShowsNothing() {
        byte[] content = "just text\r\nSubject: x\r\n\r\n".getBytes(UTF_8);
        try (Watch watch = watch(TraceFilter.ALL, true)) {
            says("DATA");
            trace.content(content, 0, content.length);
            trace.endOfContent(true);
            assertThat(taken(watch).stream().skip(2)).containsExactly("[" + content.length + " octets]");
        }
    }

    @Test
    void whoComesBetweenChunksGetsNoBodyForAHeader() {
        byte[] head = "Subject: x\r\n\r\n".getBytes(UTF_8);
        byte[] body = "Secret: y\r\n".getBytes(UTF_8);
        trace.content(head, 0, head.length);
        trace.endOfContent(false);
        try (Watch watch = watch(TraceFilter.ALL, true)) {
            says("BDAT 11 LAST");
            trace.content(body, 0, body.length);
            trace.endOfContent(true);
            assertThat(taken(watch).stream().skip(1)).containsExactly("BDAT 11 LAST", "[11 octets]");
            says("BDAT 14 LAST");
            trace.content(head, 0, head.length);
            trace.endOfContent(true);
            assertThat(taken(watch)).containsExactly("BDAT 14 LAST", "Subject: x", "[14 octets]");
        }
    }

    @Test
    void whoWantsHeadersBetweenChunksThatAnotherWatchedWithoutGetsNoBodyForAHeader() {
        byte[] head = "Subject: x\r\n\r\n".getBytes(UTF_8);
        byte[] body = "Secret: y\r\n".getBytes(UTF_8);
        try (Watch without = watch(TraceFilter.ALL, false)) {
            says("BDAT 14");
            trace.content(head, 0, head.length);
            trace.endOfContent(false);
            assertThat(taken(without)).endsWith("[14 octets]");
            try (Watch with = watch(TraceFilter.ALL, true)) {
                says("BDAT 11 LAST");
                trace.content(body, 0, body.length);
                trace.endOfContent(true);
                assertThat(taken(with).stream().skip(1)).containsExactly("BDAT 11 LAST", "[11 octets]");
                says("BDAT 14 LAST");
                trace.content(head, 0, head.length);
                trace.endOfContent(true);
                assertThat(taken(with)).containsExactly("BDAT 14 LAST", "Subject: x", "[14 octets]");
            }
        }
    }

    /** With none who wants headers left in the midst of a message, its rest is nobody's header either. */
    @Test
    void whoComesAfterAnotherHasLeftInAMessageGetsNoBodyForAHeader() {
        byte[] head = "Subject: x\r\n".getBytes(UTF_8);
        byte[] body = "\r\nbody\r\n".getBytes(UTF_8);
        byte[] more = "Secret: y\r\n".getBytes(UTF_8);
        Watch first = watch(TraceFilter.ALL, true);
        says("BDAT 12");
        trace.content(head, 0, head.length);
        trace.endOfContent(false);
        first.close();
        says("BDAT 8");
        trace.content(body, 0, body.length);
        trace.endOfContent(false);
        try (Watch watch = watch(TraceFilter.ALL, true)) {
            says("BDAT 11 LAST");
            trace.content(more, 0, more.length);
            trace.endOfContent(true);
            assertThat(taken(watch).stream().skip(1)).containsExactly("BDAT 11 LAST", "[11 octets]");
        }
    }

    @Test
    void repliesOfBothSidesAreLines() {
        try (Watch watch = watch(TraceFilter.ALL, false)) {
            says("EHLO x");
            trace.reply("250-mx\r\n250 SIZE\r\n".getBytes(UTF_8));
            trace.reply(new Reply(550, EnhancedStatus.parse("5.1.1"), List.of("nobody", "here")));
            assertThat(taken(watch).stream().skip(2)).containsExactly("250-mx", "250 SIZE", "550-5.1.1 nobody",
                    "550 5.1.1 here");
        }
    }
}
