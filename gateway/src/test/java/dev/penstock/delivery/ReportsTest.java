package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.apache.james.mime4j.dom.Entity;
import org.apache.james.mime4j.dom.Message;
import org.apache.james.mime4j.dom.Multipart;
import org.apache.james.mime4j.dom.SingleBody;
import org.apache.james.mime4j.message.DefaultMessageBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.routing.Route;
import dev.penstock.smtp.Notify;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.StoredMessage;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;
import dev.penstock.units.Rate;

/** The report a sender gets, read by a MIME parser that isn't ours. */
@Timeout(180)
final class ReportsTest {
    private static final Route.Failure HOLD = new Route.Failure(false, 451, "4.4.3", "not now");

    @Test
    void aBounceIsReportedAsRfc3464Says() throws Exception {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT TO:<b", "550-5.1.1 no such user " + "x".repeat(600) + "\r\n550 5.1.1 ask somebody else");
            mx.on("RCPT TO:<c", "554 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            SpoolEntry entry = rig.send("a@dest.example", "b@dest.example", "c@dest.example");
            await().atMost(Patience.LONG).until(() -> rig.spool.isDone(entry));
            StoredMessage report = report(rig);
            assertThat(report.envelope().sender()).isEmpty();
            assertThat(report.envelope().recipients()).extracting(r -> r.address())
                    .containsExactly("sender@source.example");
            assertThat(rig.spool.log().indexOf("commit " + report.envelope().id()))
                    .isLessThan(rig.spool.log().indexOf("done " + new MessageId(entry.messageId())
                            + ".0"));

            String raw = text(report.content());
            assertThat(raw.lines()).allMatch(line -> line.length() <= 998);
            Message message = parse(raw);
            assertThat(message.getMimeType()).isEqualTo("multipart/report");
            assertThat(message.getHeader().getField("Auto-Submitted").getBody()).isEqualTo("auto-replied");
            List<Entity> parts = ((Multipart) message.getBody()).getBodyParts();
            assertThat(parts).extracting(Entity::getMimeType).containsExactly("text/plain", "message/delivery-status",
                    "message/rfc822");
            assertThat(body(parts.get(1)).replace("\r\n ", " ")).contains("Reporting-MTA: dns; gateway.test\r\n")
                    .contains("\r\n\r\nFinal-Recipient: rfc822; b@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
                            + "Remote-MTA: dns; mx1.dest.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user xxx")
                    .contains("\r\n\r\nFinal-Recipient: rfc822; c@dest.example\r\nAction: failed\r\nStatus: 5.0.0\r\n")
                    .doesNotContain("a@dest.example");
            assertThat(raw).contains("\r\n\r\n" + DeliveryRig.CONTENT + "\r\n--");
        }
    }

    @Test
    void howMuchContentIsReturnedWholeIsConfiguredAndChangesAtOnce() throws Exception {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.dispatcher.reconfigure(
                    QueueConfig.DEFAULT.with(QueueConfig.RETURNED_CONTENT, ByteSize.parse("0")),
                    DeliveryRig.CONFIG);
            rig.sendAs("sender@source.example", "Subject: x\r\n\r\nthe body\r\n", "a@dest.example");
            rig.awaitEvents(3);
            assertThat(text(report(rig).content())).contains("text/rfc822-headers").doesNotContain("the body");
        }
    }

    @Test
    void contentBeyondSevenBitsReturnsAsItsHeader() throws Exception {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.sendAs("sender@source.example", "Subject: \u00e4\r\nX: y\r\n\r\nbody \u00e4\r\n", "a@dest.example");
            rig.awaitEvents(3);
            StoredMessage report = report(rig);
            assertThat(report.content().hasEightBit()).isFalse();
            List<Entity> parts = ((Multipart) parse(text(report.content())).getBody()).getBodyParts();
            assertThat(parts.getLast().getMimeType()).isEqualTo("text/rfc822-headers");
            assertThat(body(parts.getLast())).isEqualTo("Subject: ?\r\nX: y\r\n");
        }
    }

    @Test
    void contentWithLinesTooLongForAnyHostReturnsAsItsHeader() throws Exception { // RFC 2045 2.7
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.sendAs("sender@source.example", "Subject: x\r\n\r\n" + "x".repeat(999) + "\r\n", "a@dest.example");
            rig.awaitEvents(3);
            String raw = text(report(rig).content());
            assertThat(raw.split("\r\n")).allMatch(line -> line.length() <= 998);
            List<Entity> parts = ((Multipart) parse(raw).getBody()).getBodyParts();
            assertThat(parts.getLast().getMimeType()).isEqualTo("text/rfc822-headers");
            assertThat(body(parts.getLast())).isEqualTo("Subject: x\r\n");
        }
    }

    @Test
    void aLineOf998OctetsIsReturned() throws Exception {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.sendAs("sender@source.example", "Subject: x\r\n\r\n" + "x".repeat(998) + "\r\n", "a@dest.example");
            rig.awaitEvents(3);
            assertThat(text(report(rig).content())).contains("\r\n" + "x".repeat(998) + "\r\n");
        }
    }

    @Test
    void longLinesOfTheHeaderAreFolded() throws Exception {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.sendAs("sender@source.example", "Subject: " + "x".repeat(3_000) + "\r\nX: y\r\n\r\nz\r\n",
                    "a@dest.example");
            rig.awaitEvents(3);
            String raw = text(report(rig).content());
            assertThat(raw.split("\r\n")).allMatch(line -> line.length() <= 998);
            List<Entity> parts = ((Multipart) parse(raw).getBody()).getBodyParts();
            assertThat(body(parts.getLast()).replace("\r\n ", ""))
                    .isEqualTo("Subject: " + "x".repeat(3_000) + "\r\nX: y\r\n");
        }
    }

    @Test
    void aSenderWithTheLongestLocalPartHears() { // VERP
        String sender = "v".repeat(255) + "@source.example";
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.sendAs(sender, DeliveryRig.CONTENT, "a@dest.example");
            rig.awaitEvents(3);
            assertThat(report(rig).envelope().recipients()).extracting(r -> r.address()).containsExactly(sender);
        }
    }

    @Test
    void aReportThatCanNotBeMadeIsABounceOfItsOwnAndCounted() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            SpoolEntry entry = rig.sendAs("nobody at all", DeliveryRig.CONTENT, "a@dest.example");
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            String id = new MessageId(entry.messageId()).toString();
            assertThat(rig.outcomes()).containsExactly("Bounce nobody at all 553 5.1.3 no report about " + id
                    + " can be sent to its sender: unexpected character at 6", "Bounce a@dest.example 550 5.1.1 no");
            assertThat(rig.events.getFirst().id().toString()).isNotEqualTo(id);
            await().atMost(Patience.LONG).until(() -> rig.spool.isDone(entry));
            assertThat(rig.dispatcher.stats().snapshot().reportsImpossible()).isEqualTo(1);
            assertThat(rig.dispatcher.stats().snapshot().reports()).isZero();
        }
    }

    @Test
    void noReportIsWrittenToTheNullSender() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            SpoolEntry entry = rig.sendAs("", DeliveryRig.CONTENT, "a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(rig.outcomes()).containsExactly("Bounce a@dest.example 550 5.1.1 no");
            assertThat(rig.spool.isDone(entry)).isTrue();
            assertThat(rig.spool.log()).noneMatch(line -> line.startsWith("commit"));
        }
    }

    @Test
    void aReportThatBouncesIsNotReported() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.route("source.example", false, mx);
            rig.send("a@dest.example");
            rig.awaitEvents(3);
            rig.awaitNoSessions();
            assertThat(rig.events).extracting(MessageEvent::type).containsExactlyInAnyOrder(
                    MessageEvent.Type.RECEPTION, MessageEvent.Type.BOUNCE, MessageEvent.Type.BOUNCE);
            await().atMost(Patience.LONG).until(() -> rig.queue.stats().queued() == 0);
        }
    }

    @Test
    void withoutRoomForTheReportTheBounceWaits() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.spool.full(true);
            SpoolEntry entry = rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(rig.outcomes()).containsExactly("TransientFailure a@dest.example 550 5.1.1 no");
            assertThat(rig.spool.isDone(entry)).isFalse();
            await().atMost(Patience.LONG).until(() -> rig.queue.stats().scheduled() == 1);
            assertThat(rig.spool.isDone(entry)).isFalse();
        }
    }

    @Test
    void aDomainWithoutHostsBouncesWithoutASession() {
        try (DeliveryRig rig = new DeliveryRig()) {
            rig.router.set("dest.example", new Route.Failure(true, 556, "5.1.10", "dest.example takes no mail"));
            rig.router.set("source.example", HOLD);
            rig.send("a@dest.example");
            rig.awaitEvents(3);
            assertThat(rig.outcomes()).contains("Bounce a@dest.example 556 5.1.10 dest.example takes no mail",
                    "TransientFailure sender@source.example 451 4.4.3 not now");
        }
    }

    @Test
    void aTenantWithoutReportsHasItsFailuresInTheLogAlone() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.dispatcher.reconfigure(
                    QueueConfig.DEFAULT.with(QueueConfig.TENANTS_WITHOUT_REPORTS, List.of("quiet")),
                    DeliveryRig.CONFIG);
            SpoolEntry entry = of(rig, "quiet", null);
            of(rig, "other", null);
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 2);
            rig.awaitEvents(MessageEvent.Type.RECEPTION, 1);
            await().atMost(Patience.LONG).until(() -> rig.spool.isDone(entry));
            assertThat(rig.events(MessageEvent.Type.RECEPTION)).extracting(MessageEvent::tenant)
                    .containsExactly("other");
            assertThat(rig.dispatcher.stats().snapshot().reportsLeftOut().unwanted()).isEqualTo(1);
        }
    }

    /** A success that is to be told, and may not be: nothing waits for it. */
    @Test
    void whatATenantWithoutReportsAsksForIsNotOwed() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.dispatcher.reconfigure(
                    QueueConfig.DEFAULT.with(QueueConfig.TENANTS_WITHOUT_REPORTS, List.of("quiet")),
                    DeliveryRig.CONFIG);
            SpoolEntry entry = of(rig, "quiet", new Notify(true, true, true));
            await().atMost(Patience.LONG).until(() -> rig.spool.isDone(entry));
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@dest.example 250");
        }
    }

    @Test
    void aSenderOfManyFailuresAtOnceGetsAsManyReportsAsItMay() {
        int messages = 40;
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.dispatcher.reconfigure(
                    QueueConfig.DEFAULT.with(QueueConfig.REPORTS_PER_SENDER, Rate.parse("7/day")),
                    DeliveryRig.CONFIG);
            List<SpoolEntry> entries = new ArrayList<>();
            for (int i = 0; i < messages; i++) {
                entries.add(rig.send("a" + i + "@dest.example"));
            }
            rig.awaitEvents(MessageEvent.Type.BOUNCE, messages);
            rig.awaitEvents(MessageEvent.Type.RECEPTION, 7);
            await().atMost(Patience.LONG).until(() -> entries.stream().allMatch(rig.spool::isDone));
            assertThat(rig.events(MessageEvent.Type.RECEPTION)).hasSize(7);
            DeliveryStats.Snapshot stats = rig.dispatcher.stats().snapshot();
            assertThat(stats.reports()).isEqualTo(7);
            assertThat(stats.reportsLeftOut().beyondRate()).isEqualTo(messages - 7);
        }
    }

    @Test
    void aReportThatCouldNotBeKeptIsNotHeldAgainstItsSender() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "550 5.1.1 no");
            rig.route(mx);
            rig.router.set("source.example", HOLD);
            rig.dispatcher.reconfigure(
                    QueueConfig.DEFAULT.with(QueueConfig.REPORTS_PER_SENDER, Rate.parse("1/day")),
                    DeliveryRig.CONFIG);
            rig.spool.full(true);
            rig.send("a@dest.example");
            rig.awaitEvents(MessageEvent.Type.TRANSIENT_FAILURE, 1);
            rig.spool.full(false);
            rig.send("b@dest.example");
            rig.awaitEvents(MessageEvent.Type.RECEPTION, 1);
        }
    }

    private static SpoolEntry of(DeliveryRig rig, String tenant, @Nullable Notify notify) {
        Envelope envelope = new Envelope(rig.spool.nextId(), "sender@source.example",
                List.of(new Recipient("a@dest.example", "dest.example", notify, null)), BodyType.SEVEN_BIT, false,
                tenant, "", System.currentTimeMillis(), Origin.LOCAL, Options.NONE);
        return rig.submit(envelope,
                MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.ISO_8859_1)));
    }

    private static StoredMessage report(DeliveryRig rig) {
        return rig.spool.message(rig.events(MessageEvent.Type.RECEPTION).getFirst().id());
    }

    private static String text(Content content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        content.forEachChunk(bytes::write);
        return bytes.toString(StandardCharsets.ISO_8859_1);
    }

    private static Message parse(String raw) throws IOException {
        return new DefaultMessageBuilder()
                .parseMessage(new ByteArrayInputStream(raw.getBytes(StandardCharsets.ISO_8859_1)));
    }

    private static String body(Entity part) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ((SingleBody) part.getBody()).writeTo(bytes);
        return bytes.toString(StandardCharsets.ISO_8859_1);
    }
}
