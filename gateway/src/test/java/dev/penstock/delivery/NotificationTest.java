package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.routing.Route;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Ret;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.StoredMessage;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;
import dev.penstock.units.ByteSize;

/** What senders ask for at MAIL and RCPT, passed on to hosts that know it and honoured here for all others. */
@Timeout(180)
final class NotificationTest {
    private static final Route.Failure HOLD = new Route.Failure(false, 451, "4.4.3", "not now");
    private static final QueueConfig QUICK = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
            .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0);
    private static final Duration PATIENCE = Patience.LONG;
    private static final long HOURS = Duration.ofHours(1).toMillis();

    @Test
    void aHostWithDsnIsToldWhatTheSenderAskedFor() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,DSN"); DeliveryRig rig = rig(mx)) {
            send(rig, options(Ret.HDRS, "QQ+1 x"),
                    new Recipient("a@dest.example", "dest.example", new Notify(true, false, true),
                            new OriginalRecipient("rfc822", "orig+tag@x.example")),
                    new Recipient("b=c@dest.example", "dest.example", Notify.NEVER, null),
                    new Recipient("d@dest.example", "dest.example", null,
                            new OriginalRecipient("utf-8", "d\u00fc@x.example")));
            rig.awaitEvents(1);
            assertThat(mx.commands()).contains("MAIL FROM:<sender@source.example> RET=HDRS ENVID=QQ+2B1+20x",
                    "RCPT TO:<a@dest.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;orig+2Btag@x.example",
                    "RCPT TO:<b=c@dest.example> NOTIFY=NEVER ORCPT=rfc822;b+3Dc@dest.example",
                    "RCPT TO:<d@dest.example> ORCPT=utf-8;d\\x{FC}@x.example");
            assertThat(reports(rig)).as("the host tells").isEmpty();
        }
    }

    @Test
    void aHostWithoutDsnIsNotAskedAndTheSenderHearsThatItWasRelayed() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = rig(mx)) {
            send(rig, options(Ret.FULL, "QQ+1 x"),
                    new Recipient("a@dest.example", "dest.example", new Notify(true, true, true),
                            new OriginalRecipient("rfc822", "orig+tag@x.example")),
                    new Recipient("b@dest.example", "dest.example"),
                    new Recipient("c@dest.example", "dest.example", Notify.NEVER, null));
            rig.awaitEvents(2);
            assertThat(mx.commands()).contains("MAIL FROM:<sender@source.example>", "RCPT TO:<a@dest.example>");
            assertThat(report(rig)).contains("Subject: Successful mail delivery report\r\n",
                    "\r\nOriginal-Envelope-Id: QQ+1 x\r\n",
                    "\r\n\r\nOriginal-Recipient: rfc822; orig+tag@x.example\r\nFinal-Recipient: rfc822; a@dest.example\r\n",
                    "\r\nAction: relayed\r\nStatus: 2.0.0\r\n",
                    "text/rfc822-headers\r\n\r\nSubject: test\r\n\r\n--")
                    .doesNotContain("b@dest.example", "c@dest.example", "body\r\n");
        }
    }

    @Test
    void aHostThatTakesItUnderTlsRelaysItToo() throws IOException {
        TestCertificates authority = new TestCertificates();
        try (FakeMx mx = new FakeMx().offering("PIPELINING").certificate(authority.server("mx1.dest.example"));
                DeliveryRig rig = rig(mx)) {
            send(rig, Options.NONE, asking(new Notify(true, false, false)));
            rig.awaitEvents(MessageEvent.Type.DELIVERY, 1);
            assertThat(rig.events(MessageEvent.Type.DELIVERY).getFirst().protocol()).isEqualTo("ESMTPS");
            assertThat(report(rig)).contains("\r\nAction: relayed\r\n");
        }
    }

    private static FakeMx takesOneRecipientAndFails() {
        return new FakeMx().script("""
                S: 220 mx ready
                C~ EHLO
                S: 250-mx
                S: 250 LIMITS RCPTMAX=1
                C~ MAIL
                S: 250 ok
                C: RCPT TO:<a@dest.example>
                S: 250 ok
                C: DATA
                S: 354 go
                content
                S: 250 taken
                C~ MAIL
                S: 250 ok
                C: RCPT TO:<b@dest.example>
                S: what?
                close
                """);
    }

    @Test
    void whoTookARecipientDecidesOnItsReportNotWhoWasAskedLast() throws IOException {
        try (FakeMx first = takesOneRecipientAndFails();
                FakeMx second = new FakeMx().offering("PIPELINING,DSN");
                DeliveryRig rig = rig(first)) {
            rig.route(first, second);
            Notify success = new Notify(true, false, false);
            send(rig, Options.NONE, asking(success), new Recipient("b@dest.example", "dest.example", success, null));
            rig.awaitEvents(3);
            assertThat(second.messages()).singleElement()
                    .satisfies(message -> assertThat(message.recipients()).containsExactly("b@dest.example"));
            assertThat(report(rig)).contains("Final-Recipient: rfc822; a@dest.example\r\nAction: relayed\r\n")
                    .doesNotContain("b@dest.example");
        }
    }

    @Test
    void whoRefusedARecipientIsNamedNotWhoWasAskedLast() throws IOException {
        try (FakeMx first = new FakeMx().script("""
                S: 220 mx ready
                C~ EHLO
                S: 250 mx
                C~ MAIL
                S: 250 ok
                C: RCPT TO:<a@dest.example>
                S: 550 5.1.1 no such user
                C: RCPT TO:<b@dest.example>
                S: what?
                close
                """); FakeMx second = new FakeMx().on("RCPT", "550 5.1.1 no such user"); DeliveryRig rig = rig(first)) {
            rig.route(first, second);
            send(rig, Options.NONE, new Recipient("a@dest.example", "dest.example"),
                    new Recipient("b@dest.example", "dest.example"));
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 2);
            assertThat(rig.events(MessageEvent.Type.BOUNCE)).as("though their replies are the same").hasSize(2)
                    .extracting(event -> event.recipients() + " " + Objects.requireNonNull(event.peer()).name())
                    .containsExactly("[a@dest.example] mx1.dest.example", "[b@dest.example] mx2.dest.example");
            assertThat(report(rig)).contains("<a@dest.example>: host mx1.dest.example said: ",
                    "<b@dest.example>: host mx2.dest.example said: ",
                    "a@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx1.dest.example\r\n",
                    "b@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx2.dest.example\r\n");
        }
    }

    @Test
    void whatOneHostTookAndAnotherRefusedIsLoggedWithEachItsHost() {
        try (FakeMx first = takesOneRecipientAndFails();
                FakeMx second = new FakeMx().on("RCPT", "451 4.2.1 later");
                DeliveryRig rig = rig(first)) {
            rig.route(first, second);
            send(rig, Options.NONE, new Recipient("a@dest.example", "dest.example"),
                    new Recipient("b@dest.example", "dest.example"));
            rig.awaitEvents(2);
            assertThat(rig.events).extracting(event -> event.type().label() + event.recipients() + " "
                    + Objects.requireNonNull(event.peer()).name()).containsExactly(
                            "Delivery[a@dest.example] mx1.dest.example",
                            "TransientFailure[b@dest.example] mx2.dest.example");
        }
    }

    @Test
    void aSuccessThatCannotBeToldIsToldLaterAndNothingIsSentAgain() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING").on("RCPT TO:<b", "451 4.2.1 later");
                DeliveryRig rig = rig(mx, QUICK)) {
            rig.spool.full(true);
            send(rig, Options.NONE, asking(new Notify(true, false, false)),
                    new Recipient("b@dest.example", "dest.example"));
            awaitFailures(rig, 2);
            assertThat(reports(rig)).isEmpty();
            rig.spool.full(false);
            await().atMost(PATIENCE).until(() -> reports(rig).size() == 1);
            awaitFailures(rig, 5);

            assertThat(reports(rig)).hasSize(1);
            assertThat(report(rig)).contains(
                    "Final-Recipient: rfc822; a@dest.example\r\nAction: relayed\r\nStatus: 2.0.0\r\n"
                            + "Remote-MTA: dns; mx1.dest.example\r\nDiagnostic-Code: smtp; 250 2.0.0 ")
                    .doesNotContain("b@dest.example", "Last-Attempt-Date");
            assertThat(mx.messages()).singleElement()
                    .satisfies(message -> assertThat(message.recipients()).containsExactly("a@dest.example"));
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(1);
            assertThat(rig.dispatcher.stats().snapshot().delivered()).isOne();
        }
    }

    @Test
    void aSuccessAloneThatCannotBeToldWaitsForItsReportWithoutASession() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = rig(mx, QUICK)) {
            rig.spool.full(true);
            SpoolEntry entry = send(rig, Options.NONE, asking(new Notify(true, false, false)));
            await().atMost(PATIENCE).until(() -> rig.dispatcher.stats().snapshot().reportsFailed() >= 3);
            assertThat(rig.spool.isDone(entry)).isFalse();
            rig.awaitNoSessions();
            rig.spool.full(false);
            await().atMost(PATIENCE).until(() -> rig.spool.isDone(entry));

            assertThat(reports(rig)).hasSize(1);
            assertThat(report(rig)).contains("\r\nAction: relayed\r\n");
            assertThat(mx.messages()).hasSize(1);
            assertThat(rig.dispatcher.stats().snapshot().sessionsOpened()).isOne();
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(1);
        }
    }

    @Test
    void aSuccessThatCannotBeToldWithinTheAgeIsToldNevertheless() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING");
                DeliveryRig rig = rig(mx, QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
                        .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0)
                        .with(QueueConfig.MAX_AGE, Duration.ofSeconds(1)))) {
            rig.spool.full(true);
            SpoolEntry entry = send(rig, Options.NONE, asking(new Notify(true, false, false)));
            await().atMost(PATIENCE).until(() -> rig.dispatcher.stats().snapshot().reportsFailed() >= 3);
            rig.spool.full(false);
            await().atMost(PATIENCE).until(() -> rig.spool.isDone(entry));
            assertThat(rig.events(MessageEvent.Type.EXPIRATION)).as("but for the report, which may be as old")
                    .noneMatch(event -> event.domain().equals(DeliveryRig.DOMAIN));
            assertThat(reports(rig)).isNotEmpty();
        }
    }

    @Test
    void whatALocalStoreTakesIsDelivered() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = new DeliveryRig()) {
            rig.router.set("source.example", HOLD);
            rig.route(DeliveryRig.DOMAIN, true, mx);
            send(rig, Options.NONE, asking(new Notify(true, false, false)));
            rig.awaitEvents(2);
            assertThat(report(rig)).contains("\r\nAction: delivered\r\nStatus: 2.0.0\r\n");
        }
    }

    @ParameterizedTest
    @CsvSource({"false,false,false,0", "true,false,true,0", "false,true,false,1", "true,true,true,1"})
    void aFailureIsReportedToThoseWhoWantToHearOfIt(boolean success, boolean failure, boolean delay, int reports) {
        try (FakeMx mx = new FakeMx().on("RCPT", "550 5.1.1 no"); DeliveryRig rig = rig(mx)) {
            send(rig, Options.NONE, asking(new Notify(success, failure, delay)));
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 1);
            rig.awaitNoSessions();
            assertThat(reports(rig)).hasSize(reports);
            assertThat(rig.events(MessageEvent.Type.BOUNCE)).hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {"-,true", "FULL,true", "HDRS,false"})
    void aFailureReturnsAsMuchAsWasAskedFor(@Nullable Ret ret, boolean whole) throws IOException {
        try (FakeMx mx = new FakeMx().on("RCPT", "550 5.1.1 no"); DeliveryRig rig = rig(mx)) {
            send(rig, options(ret, null), new Recipient("a@dest.example", "dest.example"));
            rig.awaitEvents(2);
            assertThat(report(rig).contains("message/rfc822\r\n\r\n" + DeliveryRig.CONTENT)).isEqualTo(whole);
            assertThat(report(rig).contains("text/rfc822-headers\r\n\r\nSubject: test\r\n\r\n--")).isEqualTo(!whole);
        }
    }

    @Test
    void aDelayIsToldOnceToThoseWhoAsk() throws IOException {
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later"); DeliveryRig rig = rig(mx, QUICK)) {
            submit(rig, "sender@source.example", DeliveryRig.CONTENT, System.currentTimeMillis() - 5 * HOURS, false,
                    Options.NONE, asking(new Notify(false, false, true)), new Recipient("b@dest.example",
                            "dest.example"));
            awaitFailures(rig, 3);
            assertThat(reports(rig)).hasSize(1);
            assertThat(report(rig)).contains("Subject: Delayed mail (still being tried)\r\n",
                    "\r\nFinal-Recipient: rfc822; a@dest.example\r\nAction: delayed\r\nStatus: 4.2.1\r\n",
                    "\r\nWill-Retry-Until: ").doesNotContain("b@dest.example");
        }
    }

    @Test
    void aDelayIsToldToAllAfterTheConfiguredTime() throws IOException {
        QueueConfig config = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0)
                .with(QueueConfig.DELAY_WARNING, Duration.ofHours(1))
                .with(QueueConfig.MAX_SUSPENSION, Duration.ofMinutes(15))
                .with(QueueConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(1));
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later"); DeliveryRig rig = rig(mx, config)) {
            submit(rig, "sender@source.example", DeliveryRig.CONTENT, System.currentTimeMillis() - 2 * HOURS, false,
                    Options.NONE, new Recipient("a@dest.example", "dest.example"));
            awaitFailures(rig, 3);
            assertThat(reports(rig)).hasSize(1);
            assertThat(report(rig)).contains("\r\nAction: delayed\r\n");
        }
    }

    /** Of two requests for one recipient one said nothing, the other asked for more. */
    @ParameterizedTest
    @CsvSource({"SUCCESS,1,1", "SUCCESS,0,0", "DELAY,1,1", "DELAY,0,1"})
    void aDelayIsToldToWhoSaidNothingOnceAsIfThatWereAll(String asked, int warningHours, int reports) {
        QueueConfig config = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0)
                .with(QueueConfig.DELAY_WARNING, Duration.ofHours(warningHours))
                .with(QueueConfig.MAX_SUSPENSION, Duration.ofMinutes(15))
                .with(QueueConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(1));
        Recipient silent = new Recipient("a@dest.example", "dest.example");
        Recipient both = silent.with(asking(new Notify(asked.equals("SUCCESS"), false, asked.equals("DELAY"))));
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later"); DeliveryRig rig = rig(mx, config)) {
            submit(rig, "sender@source.example", DeliveryRig.CONTENT, System.currentTimeMillis() - 5 * HOURS, false,
                    Options.NONE, both);
            awaitFailures(rig, 3);
            assertThat(reports(rig)).hasSize(reports);
        }
    }

    @Test
    void aSenderWithAnAddressBeyondAsciiGetsAReportOfRfc6533() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,8BITMIME,SMTPUTF8").on("RCPT", "550 5.1.1 n\u00f6");
                DeliveryRig rig = rig(mx)) {
            submit(rig, "s\u00fc@source.example", "Subject: \u00e4\r\n\r\nbody\r\n", System.currentTimeMillis(), true,
                    Options.NONE, new Recipient("\u00e4@dest.example", "dest.example"));
            rig.awaitEvents(2);
            StoredMessage report = rig.spool.message(rig.events(MessageEvent.Type.RECEPTION).getFirst().id());
            assertThat(report.envelope().smtpUtf8()).isTrue();
            assertThat(report.content().hasEightBit()).isTrue();
            assertThat(utf8(report)).contains("report-type=global-delivery-status", "To: <s\u00fc@source.example>\r\n",
                    "Content-Type: message/global-delivery-status\r\n",
                    "\r\nFinal-Recipient: utf-8; \u00e4@dest.example\r\n", "550 5.1.1 n\u00f6",
                    "Content-Type: message/global-headers\r\n");
        }
    }

    @Test
    void anAddressBeyondAsciiIsReportedInAsciiToOthers() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,8BITMIME"); DeliveryRig rig = rig(mx)) {
            submit(rig, "sender@source.example", DeliveryRig.CONTENT, System.currentTimeMillis(), true, Options.NONE,
                    new Recipient("\u00e4@dest.example", "dest.example"));
            rig.awaitEvents(2);
            assertThat(report(rig)).contains("\r\nFinal-Recipient: utf-8; \\x{E4}@dest.example\r\nAction: failed\r\n",
                    "\r\nStatus: 5.6.7\r\n").matches("(?s)[\\x00-\\x7f]*");
        }
    }

    @Test
    void onlyDomainsBeyondAsciiDontNeedSmtputf8() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,8BITMIME"); DeliveryRig rig = new DeliveryRig()) {
            rig.route("xn--bcher-kva.example", false, mx);
            submit(rig, "sender@b\u00fccher.example", DeliveryRig.CONTENT, System.currentTimeMillis(), true,
                    Options.NONE, new Recipient("a@b\u00fccher.example", "xn--bcher-kva.example"));
            rig.awaitEvents(1);
            assertThat(mx.commands()).contains("MAIL FROM:<sender@xn--bcher-kva.example>",
                    "RCPT TO:<a@xn--bcher-kva.example>");
        }
    }

    @Test
    void theTimeLeftIsPassedOn() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,DELIVERBY 60"); DeliveryRig rig = rig(mx)) {
            send(rig, by(3_600_000, DeliverBy.Mode.RETURN, true), new Recipient("a@dest.example", "dest.example"));
            rig.awaitEvents(2);
            assertThat(mx.commands()).anyMatch(
                    command -> command.matches("MAIL FROM:<sender@source.example> BY=3(600|[0-5]\\d\\d);RT"));
            assertThat(reports(rig)).as("each relay that is traced tells").hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"PIPELINING", "'PIPELINING,DELIVERBY 86400'"})
    void whatMustComeBackInTimeGoesToNoHostThatDoesNotPromiseIt(String offer) throws IOException {
        try (FakeMx mx = new FakeMx().offering(offer); DeliveryRig rig = rig(mx)) {
            send(rig, by(3_600_000, DeliverBy.Mode.RETURN, false), new Recipient("a@dest.example", "dest.example"));
            rig.awaitEvents(2);
            assertThat(mx.messages()).isEmpty();
            assertThat(report(rig)).contains("\r\nAction: failed\r\nStatus: 5.3.3\r\n");
        }
    }

    @Test
    void aHostsShortestTimeIsForWhatMustComeBackAlone() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,DELIVERBY 86400"); DeliveryRig rig = rig(mx)) {
            send(rig, by(3_600_000, DeliverBy.Mode.NOTIFY, false), new Recipient("a@dest.example", "dest.example"));
            rig.awaitEvents(1);
            assertThat(mx.commands()).anyMatch(
                    command -> command.matches("MAIL FROM:<sender@source.example> BY=3(600|[0-5]\\d\\d);N"));
        }
    }

    @Test
    void whatIsOnlyToBeToldInTimeGoesToAnyHostAndIsReportedAsRelayed() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = rig(mx)) {
            send(rig, by(3_600_000, DeliverBy.Mode.NOTIFY, false), new Recipient("a@dest.example", "dest.example"));
            rig.awaitEvents(2);
            assertThat(mx.messages()).hasSize(1);
            assertThat(report(rig)).contains("\r\nAction: relayed\r\n");
        }
    }

    @Test
    void whatIsNotDeliveredByItsTimeComesBack() throws IOException {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,DELIVERBY").on("RCPT", "451 4.2.1 later");
                DeliveryRig rig = rig(mx)) { // the usual retry interval is five minutes
            send(rig, by(1_500, DeliverBy.Mode.RETURN, false), new Recipient("a@dest.example", "dest.example"));
            await().until(() -> rig.events(MessageEvent.Type.EXPIRATION).size() == 1);
            assertThat(report(rig)).contains("\r\nAction: failed\r\nStatus: 5.4.7\r\n", "delivery time expired");
        }
    }

    @Test
    void whatIsNotDeliveredByItsTimeIsToldAndTriedOn() throws IOException {
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later"); DeliveryRig rig = rig(mx, QUICK)) {
            send(rig, by(500, DeliverBy.Mode.NOTIFY, false), new Recipient("a@dest.example", "dest.example"));
            awaitFailures(rig, 4);
            assertThat(reports(rig)).hasSize(1);
            assertThat(report(rig)).contains("\r\nAction: delayed\r\n");
        }
    }

    @Test
    void whatRequiresTlsIsNotSentWithout() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(mx)) {
            send(rig, new Options(null, null, true, 0, 0, null, false), new Recipient("a@dest.example",
                    "dest.example"));
            rig.awaitEvents(2);
            assertThat(mx.messages()).isEmpty();
            assertThat(report(rig)).contains("\r\nAction: failed\r\nStatus: 5.7.10\r\n").doesNotContain("body\r\n");
        }
    }

    @Test
    void aHostsLimitsAreKept() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,LIMITS RCPTMAX=2 MAILMAX=2"); DeliveryRig rig = rig(mx)) {
            send(rig, Options.NONE, new Recipient("a@dest.example", "dest.example"), new Recipient("b@dest.example",
                    "dest.example"), new Recipient("c@dest.example", "dest.example"),
                    new Recipient("d@dest.example",
                            "dest.example"),
                    new Recipient("e@dest.example", "dest.example"));
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.messages()).extracting(FakeMx.Received::recipients).containsExactly(
                    List.of("a@dest.example", "b@dest.example"), List.of("c@dest.example", "d@dest.example"),
                    List.of("e@dest.example"));
            assertThat(mx.messages()).extracting(FakeMx.Received::session).containsExactly(1, 1, 2);
            assertThat(rig.events(MessageEvent.Type.TRANSIENT_FAILURE)).isEmpty();
        }
    }

    private static DeliveryRig rig(FakeMx mx) {
        return rig(mx, QueueConfig.DEFAULT);
    }

    private static DeliveryRig rig(FakeMx mx, QueueConfig config) {
        DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100), config);
        rig.route(mx);
        rig.router.set("source.example", HOLD);
        return rig;
    }

    private static Options options(@Nullable Ret ret, @Nullable String envid) {
        return new Options(ret, envid, false, 0, 0, null, false);
    }

    private static Options by(long millis, DeliverBy.Mode mode, boolean trace) {
        return new Options(null, null, false, 0, System.currentTimeMillis() + millis, mode, trace);
    }

    private static Recipient asking(Notify notify) {
        return new Recipient("a@dest.example", "dest.example", notify, null);
    }

    private static SpoolEntry send(DeliveryRig rig, Options options, Recipient... recipients) {
        return submit(rig, "sender@source.example", DeliveryRig.CONTENT, System.currentTimeMillis(), false, options,
                recipients);
    }

    private static SpoolEntry submit(DeliveryRig rig, String sender, String content, long receivedMillis,
            boolean smtpUtf8,
            Options options, Recipient... recipients) {
        return rig.submit(
                new Envelope(rig.spool.nextId(), sender, List.of(recipients), BodyType.SEVEN_BIT, smtpUtf8, "", "",
                        receivedMillis, Origin.LOCAL, options),
                MemoryContent.of(content.getBytes(StandardCharsets.UTF_8)));
    }

    /** Deferrals of the mail itself, not of its report. */
    private static void awaitFailures(DeliveryRig rig, int count) {
        await().atMost(PATIENCE).until(
                () -> rig.events(MessageEvent.Type.TRANSIENT_FAILURE).stream()
                        .filter(event -> event.domain().equals("dest.example")).count() >= count);
    }

    private static List<MessageEvent> reports(DeliveryRig rig) {
        return rig.events(MessageEvent.Type.RECEPTION);
    }

    private static String report(DeliveryRig rig) throws IOException {
        return utf8(rig.spool.message(reports(rig).getFirst().id())).replace("\r\n ", " ");
    }

    private static String utf8(StoredMessage message) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        message.content().forEachChunk(bytes::write);
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
