package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.routing.Route;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.TestCertificates;
import dev.penstock.units.ByteSize;

/** What hosts that take their time make deliveries hold is one account, and nobody's mail waits for another's room. */
@Timeout(120)
class DeliveryMemoryTest {
    private static final String TAKES_NO_MORE = """
            S: 220 mx
            C~ EHLO
            S: 250-mx
            S: 250 PIPELINING
            C~ MAIL
            C~ RCPT
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 354 go on
            tell content
            stall
            """;
    private static final int MESSAGE = 200 << 10;
    private static final int MANY_LINES = 100;

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open.reversed()) {
            one.close();
        }
    }

    private DeliveryRig rig(ByteSize limit) {
        DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG.with(DeliveryConfig.MEMORY_LIMIT, limit));
        open.add(rig);
        return rig;
    }

    private FakeMx host(DeliveryRig rig, String domain, FakeMx mx) {
        open.add(mx);
        rig.route(domain, false, mx);
        return mx;
    }

    private static String text(int octets) {
        return "Subject: large\r\n\r\n" + "0123456789abcdef.0123456789abcd\r\n.".repeat(octets / 33) + "\r\n";
    }

    private static void send(DeliveryRig rig, String domain, String text) {
        rig.submit("s@source.example", MemoryContent.of(text.getBytes(StandardCharsets.ISO_8859_1)),
                System.currentTimeMillis(), "a@" + domain);
    }

    @Test
    void contentBeyondTheLimitIsSentInPiecesAndHeldByNobody() {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        String text = text(MESSAGE);
        for (int i = 0; i < 6; i++) {
            FakeMx stalled = host(rig, "stalled" + i + ".example", new FakeMx().script(TAKES_NO_MORE));
            send(rig, "stalled" + i + ".example", text);
            stalled.awaitStep("content");
        }
        long full = rig.dispatcher.heldOctets();
        assertThat(full).as("two messages of six, and six sessions").isBetween(2L * MESSAGE, 6L * MESSAGE - 1);
        FakeMx good = host(rig, "good.example", new FakeMx());
        send(rig, "good.example", text);
        await().until(() -> !rig.events(MessageEvent.Type.DELIVERY).isEmpty());
        assertThat(good.messages().getFirst().text()).isEqualTo(text.replace("\r\n.", "\r\n..") + ".\r\n");
        assertThat(rig.dispatcher.stats().snapshot().memoryRefused()).isPositive();
        assertThat(rig.dispatcher.heldOctets()).isLessThan(1 << 20);
    }

    @Test
    void everythingIsGivenBackWhenMailIsThrough() {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        FakeMx slow = host(rig, "slow.example",
                new FakeMx().script(TAKES_NO_MORE.replace("stall", "await more\nclose")));
        host(rig, "good.example", new FakeMx());
        host(rig, "refuses.example", new FakeMx().on("RCPT", "550 5.1.1 " + "no ".repeat(600)));
        send(rig, "slow.example", text(MESSAGE));
        slow.awaitStep("content");
        for (int i = 0; i < 20; i++) {
            send(rig, "good.example", text(i * 1_000));
            send(rig, "refuses.example", text(i * 1_000));
        }
        rig.awaitEvents(MessageEvent.Type.DELIVERY, 20);
        rig.awaitEvents(MessageEvent.Type.BOUNCE, 20);
        slow.release("more");
        await().until(() -> rig.dispatcher.heldOctets() == 0);
        assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(20);
        assertThat(rig.events(MessageEvent.Type.BOUNCE)).hasSize(20);
    }

    @Test
    void aLongReplyIsCutWhereThereIsNoRoomForIt() {
        DeliveryRig rig = rig(ByteSize.ofKilobytes(120));
        FakeMx host = host(rig, "wordy.example", new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                S: 250 ok
                C~ RCPT
                %sS: 550 5.1.1 the end
                C: QUIT
                S: 221 bye
                close
                """.formatted(("S: 550-5.1.1 " + "x".repeat(290) + "\n").repeat(MANY_LINES))));
        send(rig, "wordy.example", DeliveryRig.CONTENT);
        await().until(() -> !rig.events(MessageEvent.Type.BOUNCE).isEmpty());
        MessageEvent bounce = rig.events(MessageEvent.Type.BOUNCE).getFirst();
        assertThat(bounce.response().code()).isEqualTo(550);
        assertThat(bounce.response().enhanced()).isEqualTo("5.1.1");
        assertThat(bounce.response().text()).hasSizeBetween(290, SmtpClientSession.USUAL_REPLY);
        assertThat(host.errors()).isEmpty();
    }

    @Test
    void recipientsOfOtherDomainsArentHeld() {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        FakeMx stalled = host(rig, "stalled.example", new FakeMx().script(TAKES_NO_MORE));
        String[] recipients = new String[2_000];
        recipients[0] = "a@stalled.example";
        for (int i = 1; i < recipients.length; i++) {
            recipients[i] = "r" + i + "@nowhere.example";
        }
        rig.router.set("nowhere.example", new Route.Failure(false, 451, "4.4.3", "no answer"));
        rig.submit("s@source.example", MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.ISO_8859_1)),
                System.currentTimeMillis(), recipients);
        stalled.awaitStep("content");
        await().untilAsserted(() -> assertThat(rig.dispatcher.heldOctets()).isBetween(1L, 112L << 10));
    }

    @Test
    void contentHasItsHalfHoweverMuchSessionsHold() {
        DeliveryMemory account = new DeliveryMemory(1_000, new LongAdder());
        DeliveryMemory.Share sessions = account.share();
        assertThat(sessions.take(600)).isTrue();
        DeliveryMemory.Share content = account.share();
        assertThat(content.takeForContent(300)).as("beside more than half").isTrue();
        assertThat(content.takeForContent(101)).as("beyond the limit").isFalse();
        sessions.close();
        assertThat(content.takeForContent(201)).as("beyond half").isFalse();
        assertThat(content.takeForContent(200)).isTrue();
        content.close();
        assertThat(account.used()).isZero();
        DeliveryMemory.Share other = account.share();
        assertThat(other.takeForContent(500)).as("all of it was given back").isTrue();
    }

    @Test
    void whatCantBeSettledHoldsNothing() {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        host(rig, "good.example", new FakeMx());
        rig.router.set("nowhere.example", new Route.Failure(true, 550, "5.1.2", "no such domain"));
        rig.spool.breaks(); // so that no report can be made
        rig.submit("s@source.example", MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.ISO_8859_1)), 0,
                "a@good.example");
        send(rig, "nowhere.example", DeliveryRig.CONTENT);
        await().until(() -> rig.queue.stats().retried() == 2);
        await().until(() -> rig.dispatcher.heldOctets() == 0);
    }

    private static String[] recipients(String domain) {
        String[] recipients = new String[1_000];
        for (int i = 0; i < recipients.length; i++) {
            recipients[i] = "r" + i + "@" + domain;
        }
        return recipients;
    }

    private static void sendToMany(DeliveryRig rig, String domain, long receivedMillis, Options options) {
        rig.submit("", MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.ISO_8859_1)), receivedMillis,
                options, recipients(domain));
    }

    /** With a message under way that takes more than there is. */
    private DeliveryRig full() {
        DeliveryRig rig = rig(ByteSize.ofKilobytes(200));
        FakeMx stalled = host(rig, "stalled.example", new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell mail
                await more
                S: 550 no
                C: QUIT
                close
                """));
        sendToMany(rig, "stalled.example", System.currentTimeMillis(), Options.NONE);
        stalled.awaitStep("mail");
        open.add(() -> stalled.release("more"));
        return rig;
    }

    @Test
    void aMessageWithMoreRecipientsThanEverFitIsSentAloneAndOthersOfItsKindWait() {
        DeliveryRig rig = full();
        assertThat(rig.dispatcher.heldOctets()).isGreaterThan(200 << 10);
        FakeMx many = host(rig, "many.example", new FakeMx());
        host(rig, "good.example", new FakeMx());
        sendToMany(rig, "many.example", System.currentTimeMillis(), Options.NONE);
        await().until(() -> rig.dispatcher.stats().snapshot().postponed() == 1);
        send(rig, "good.example", DeliveryRig.CONTENT);
        await().until(() -> !rig.events(MessageEvent.Type.DELIVERY).isEmpty());
        assertThat(many.messages()).isEmpty();
        assertThat(rig.events).hasSize(1);
    }

    @Test
    void manyRecipientsWhoseTimeIsOverAreGivenUpWithoutRoom() {
        DeliveryRig rig = full();
        host(rig, "many.example", new FakeMx());
        sendToMany(rig, "many.example", 0, Options.NONE);
        await().until(() -> !rig.events(MessageEvent.Type.EXPIRATION).isEmpty());
        assertThat(rig.events(MessageEvent.Type.EXPIRATION).getFirst().recipients()).hasSize(1_000);
        assertThat(rig.dispatcher.stats().snapshot().postponed()).isZero();
    }

    @Test
    void manyRecipientsWaitForRoomNoLongerThanTheirSenderSaid() {
        DeliveryRig rig = full();
        host(rig, "many.example", new FakeMx());
        long deadline = System.currentTimeMillis() + 6_000; // far less than until the next attempt
        sendToMany(rig, "many.example", System.currentTimeMillis(),
                new Options(null, null, false, 0, deadline, DeliverBy.Mode.RETURN, false));
        await().until(() -> !rig.events(MessageEvent.Type.EXPIRATION).isEmpty());
        assertThat(rig.dispatcher.stats().snapshot().postponed()).isEqualTo(1);
    }

    private FakeMx underTls(DeliveryRig rig) throws IOException {
        FakeMx mx = new FakeMx().offering("PIPELINING,STARTTLS")
                .certificate(TestCertificates.selfSigned("mx1.dest.example"));
        open.add(mx);
        rig.route(TlsPolicy.OPPORTUNISTIC, mx);
        return mx;
    }

    /** Room for so many octets is left. */
    private static DeliveryMemory.Share others(DeliveryRig rig, long left) {
        DeliveryMemory.Share others = rig.dispatcher.memory.share();
        others.hold(rig.dispatcher.memory.limit() - left);
        return others;
    }

    private static void awaitRefusals(DeliveryRig rig, int count) {
        await().until(() -> rig.dispatcher.stats().snapshot().memoryRefused() >= count);
    }

    private static void assertNothingIsHeldAgainstTheReceiver(DeliveryRig rig) {
        DeliveryStats.Snapshot stats = rig.dispatcher.stats().snapshot();
        assertThat(stats.connectFailures()).isZero();
        assertThat(stats.sessionsRefused()).isZero();
        assertThat(stats.suspensions()).isZero();
        assertThat(stats.tlsFallbacks()).isZero();
        assertThat(rig.events).isEmpty();
    }

    @Test
    void aSessionThatThereIsNoMemoryForIsTriedLaterAndItsHostHearsNothing() throws IOException {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        FakeMx mx = underTls(rig);
        DeliveryMemory.Share others = others(rig, DeliveryMemory.SESSION + DeliveryMemory.TLS - 1);
        rig.send("a@" + DeliveryRig.DOMAIN);
        awaitRefusals(rig, 2);
        assertThat(mx.sessions()).isZero();
        assertNothingIsHeldAgainstTheReceiver(rig);
        await().until(() -> rig.queue.readyQueues().stream()
                .anyMatch(one -> one.waitingFor().startsWith("delivery.memory-limit (tried again in ")));
        others.close();
        await().until(() -> !rig.events(MessageEvent.Type.DELIVERY).isEmpty());
        assertThat(rig.events(MessageEvent.Type.DELIVERY).getFirst().tls()).isNotNull();
    }

    @Test
    void aSessionWhoseCertificateThereIsNoMemoryForIsTriedLaterAndNotInClear() throws IOException {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        FakeMx mx = underTls(rig);
        DeliveryMemory.Share others = others(rig, DeliveryMemory.SESSION + DeliveryMemory.TLS);
        rig.send("a@" + DeliveryRig.DOMAIN);
        awaitRefusals(rig, 2);
        assertThat(mx.messages()).isEmpty();
        assertNothingIsHeldAgainstTheReceiver(rig);
        others.close();
        await().until(() -> !rig.events(MessageEvent.Type.DELIVERY).isEmpty());
    }

    @Test
    void mailWhoseTimeIsOverDoesntWaitForTheMemoryOfASession() throws IOException {
        DeliveryRig rig = rig(ByteSize.ofMegabytes(1));
        underTls(rig);
        others(rig, 0);
        rig.submit("", MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.ISO_8859_1)), 0,
                "a@" + DeliveryRig.DOMAIN);
        await().until(() -> !rig.events(MessageEvent.Type.EXPIRATION).isEmpty());
    }
}
