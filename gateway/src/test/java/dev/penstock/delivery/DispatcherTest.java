package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.UnreadableMessageException;
import dev.penstock.testing.ClosedPort;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.units.Rate;

/** Sessions as a whole: how many, how long, to which host, and what a bad site does to the others. */
@Timeout(180)
final class DispatcherTest {
    private static final Duration PATIENCE = Patience.LONG;

    private final ClosedPort dead = new ClosedPort();

    @Test
    void oneSessionIsReusedWhileThereIsMail() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(DeliveryRig.limits(1, 1_000))) {
            sendAllAtOnce(rig, mx, 200);
            rig.awaitEvents(200);
            rig.awaitNoSessions();
            assertThat(mx.sessions()).isEqualTo(1);
            assertThat(mx.messages()).hasSize(200);
            assertThat(mx.commands().getLast()).isEqualTo("QUIT");
            assertThat(mx.commands()).doesNotContain("RSET");
            assertThat(rig.dispatcher.stats().snapshot().delivered()).isEqualTo(200);
            assertThat(rig.queue.stats().queued()).isZero();
        }
    }

    @Test
    void aSessionEndsWithItsCountOfMessages() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(DeliveryRig.limits(1, 10))) {
            sendAllAtOnce(rig, mx, 50);
            rig.awaitEvents(50);
            rig.awaitNoSessions();
            assertThat(mx.sessions()).isEqualTo(5);
            assertThat(mx.messages()).extracting(FakeMx.Received::session).filteredOn(number -> number == 1)
                    .hasSize(10);
        }
    }

    @Test
    void aSessionEndsWithItsAge() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(5))
                .with(TrafficLimits.MAX_CONNECTION_AGE, Duration.ofMillis(200));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions(); // long before it may no longer idle
            rig.send("b@dest.example");
            rig.awaitEvents(2);
            assertThat(mx.sessions()).isEqualTo(2);
        }
    }

    @Test
    void anIdleSessionTakesWhatComes() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            await().atMost(PATIENCE).until(
                    () -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
            rig.send("b@dest.example");
            rig.awaitEvents(2);
            assertThat(mx.sessions()).isEqualTo(1);
        }
    }

    @Test
    void sessionsGrowToTheConnectionLimitUnderBacklogAndNoFurther() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(DeliveryRig.limits(8, 1_000))) {
            mx.on(".", "stall");
            rig.route(mx);
            sendMany(rig, 200);
            await().atMost(PATIENCE).until(() -> mx.openSessions() == 8);
            mx.release("stall");
            rig.awaitEvents(200);
            assertThat(mx.mostOpenSessions()).isEqualTo(8);
        }
    }

    @Test
    void fewMessagesAreNotWorthManySessions() {
        TrafficLimits limits = DeliveryRig.limits(10, 1_000).with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            for (int i = 0; i < 4; i++) {
                rig.send("u" + i + "@dest.example");
            }
            rig.awaitEvents(4);
            assertThat(mx.sessions()).isEqualTo(1);
        }
    }

    @Test
    void messagesAreSpacedByTheirRate() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 5)
                .with(TrafficLimits.MAX_MESSAGE_RATE, new Rate(20, Duration.ofSeconds(1), 1))
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            long start = System.nanoTime();
            sendMany(rig, 11);
            rig.awaitEvents(11);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(490));
            assertThat(mx.sessions()).isLessThan(5); // all it may open would not make it faster
        }
    }

    @Test
    void aSlotFurtherAwayThanASessionMayIdleIsWaitedForWithoutOne() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 5)
                .with(TrafficLimits.MAX_MESSAGE_RATE, new Rate(1, Duration.ofSeconds(1), 1))
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMillis(100));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            sendMany(rig, 2);
            rig.awaitEvents(2);
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(2);
            assertThat(rig.events.getLast().attempts()).isZero();
            assertThat(mx.sessions()).as("no session is opened before its slot is near").isLessThanOrEqualTo(5);
        }
    }

    @Test
    void recipientsAlreadyTakenAreNotSentAgainWhenTheRestHasToWaitForItsSlot() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
                .with(TrafficLimits.MAX_MESSAGE_RATE, new Rate(1, Duration.ofSeconds(1), 1))
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMillis(100));
        DeliveryConfig c = DeliveryConfig.DEFAULT;
        DeliveryConfig twoEach = c.with(DeliveryConfig.MAX_RECIPIENTS_PER_TRANSACTION, 2);
        QueueConfig soon = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0)
                .with(QueueConfig.MAX_AGE, Duration.ofDays(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(twoEach, limits, soon)) {
            rig.route(mx);
            rig.send("a@dest.example", "b@dest.example", "c@dest.example");
            await().atMost(PATIENCE).until(() -> rig.events(MessageEvent.Type.DELIVERY).stream()
                    .mapToInt(event -> event.recipients().size()).sum() >= 3);
            assertThat(mx.messages()).hasSize(2);
            assertThat(rig.events(MessageEvent.Type.DELIVERY).stream().flatMap(event -> event.recipients().stream()))
                    .containsExactlyInAnyOrder("a@dest.example", "b@dest.example", "c@dest.example");
        }
    }

    @Test
    void theNextHostIsTriedAndTheBadOneRemembered() {
        try (FakeMx good = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.router.set("dest.example", new Route.Hosts(new Site("dest.example"),
                    List.of(DeliveryRig.host("dead", dead.port()), DeliveryRig.host("good", good.port())), false));
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.events.getFirst().type()).isEqualTo(MessageEvent.Type.DELIVERY);
            assertThat(rig.events.getFirst().peer()).extracting(MessageEvent.Peer::name).isEqualTo("good");
            assertThat(rig.dispatcher.badHostCount()).isEqualTo(1);
            rig.awaitNoSessions();
            rig.send("b@dest.example");
            rig.awaitEvents(2);
            assertThat(rig.dispatcher.stats().snapshot().connectFailures()).isEqualTo(1);
        }
    }

    @Test
    void aHostThatClosesBeforeItTakesAnythingLeavesTheMessageToTheNext() {
        try (FakeMx first = new FakeMx(); FakeMx second = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            first.on("RCPT", "421 4.3.2 closing");
            rig.route(first, second);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(second.messages()).hasSize(1);
        }
    }

    @Test
    void whatAReusedSessionDoesNotTakeIsNotCounted() {
        String once = """
                S: 220 mx ready
                C~ EHLO
                await queued
                S: 250-mx
                S: 250 PIPELINING
                C~ MAIL
                C~ RCPT
                C~ DATA
                S: 250 ok
                S: 250 ok
                S: 354 go on
                content
                S: 250 taken
                S: 421 one is enough
                """;
        try (FakeMx mx = new FakeMx().script(once); DeliveryRig rig = rig(DeliveryRig.limits(1, 1_000))) {
            rig.route(mx);
            rig.send("a@dest.example");
            SpoolEntry second = rig.send("b@dest.example");
            mx.release("queued");
            rig.awaitEvents(2);
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(2);
            assertThat(rig.events.getLast().attempts()).isZero();
            assertThat(rig.spool.lastAttempt(second).attempts()).isZero();
            assertThat(rig.dispatcher.stats().snapshot().requeued()).isEqualTo(1);
            assertThat(mx.sessions()).isEqualTo(2);
        }
    }

    @Test
    void aSiteThatCannotBeReachedIsSuspendedAndItsMailNotTouched() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 5)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMillis(300))
                .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 3);
        try (DeliveryRig rig = rig(limits)) {
            rig.router.set("dest.example", new Route.Hosts(new Site("dest.example"),
                    List.of(DeliveryRig.host("dead", dead.port())), false));
            sendMany(rig, 100);
            rig.awaitEvents(3);
            await().atMost(PATIENCE).until(() -> rig.queue.stats().suspended() > 0);
            rig.awaitNoSessions();
            assertThat(rig.events).hasSize(3);
            assertThat(rig.dispatcher.stats().snapshot().sessionsTried())
                    .as("one after the other, because none came up")
                    .isEqualTo(3);
            assertThat(rig.queue.stats().suspended()).isEqualTo(100 - rig.events.size());
            assertThat(rig.queue.readyQueues().getFirst().toString()).contains("3 connection failures in a row");
        }
    }

    /** It is about us, not about that host: the other four would say the same. */
    @Test
    void aReceiverThatRefusesUsIsAskedAtOneHostOnlyAndItsMailSuspended() {
        try (FakeMx first = new FakeMx().on("connect", "421 4.7.28 we have detected an unusual rate of mail from you");
                FakeMx second = new FakeMx();
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(first, second);
            sendMany(rig, 50);
            await().atMost(PATIENCE).until(() -> rig.queue.stats().suspended() == 49);
            rig.awaitNoSessions();
            assertThat(first.sessions()).isEqualTo(1);
            assertThat(second.sessions()).isZero();
            assertThat(rig.outcomes()).singleElement().asString().startsWith("TransientFailure ")
                    .contains(" 421 4.7.28 ");
            assertThat(rig.dispatcher.badHostCount()).isZero();
            assertThat(rig.dispatcher.stats().snapshot().suspensions()).isEqualTo(1);
        }
    }

    @Test
    void nothingIsSentWhileTheSpoolCannotRecordIt() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(DeliveryRig.limits(2, 1_000))) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.spool.canRecord(false);
            sendMany(rig, 50);
            rig.awaitNoSessions();
            assertThat(mx.messages()).hasSize(1);
            assertThat(rig.queue.items("dest.example", 1).getFirst().waitingFor()).startsWith("the spool");
            rig.spool.canRecord(true);
            rig.awaitEvents(51);
            assertThat(mx.messages()).hasSize(51);
        }
    }

    /** Two domains of one site whose ready queues differ in their TLS policy alone. */
    @Test
    void aLargeBacklogLetsAnotherQueueHaveTheirOnlySession() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(DeliveryRig.limits(1, 1_000))) {
            mx.on(".", "stall");
            List<MailHost> hosts = List.of(DeliveryRig.host("mx.site.example", mx.port()));
            Site site = new Site("site.example");
            rig.router.set("large.example", new Route.Hosts(site, hosts, false, true, TlsPolicy.NONE));
            rig.router.set("small.example", new Route.Hosts(site, hosts, false, true, TlsPolicy.OPPORTUNISTIC));
            for (int i = 0; i < 300; i++) {
                rig.send("u" + i + "@large.example");
            }
            await().atMost(PATIENCE).until(() -> mx.openSessions() == 1);
            rig.send("u@small.example");
            mx.release("stall");
            rig.awaitEvents(301);
            List<String> order = rig.events.stream().flatMap(event -> event.recipients().stream()).toList();
            assertThat(order.indexOf("u@small.example")).as("its place among 301").isLessThan(60);
            assertThat(mx.mostOpenSessions()).isEqualTo(1);
        }
    }

    @SuppressWarnings("try") // the stalled sessions are cut before the dispatcher waits for them
    @Test
    void aStalledSiteDoesNotDelayTheOthers() {
        DeliveryConfig config = withSessions(DeliveryRig.CONFIG, 20);
        try (FakeMx stalled = new FakeMx();
                FakeMx good = new FakeMx();
                DeliveryRig rig = new DeliveryRig(config, DeliveryRig.limits(100, 1_000), QueueConfig.DEFAULT)) {
            rig.route("stalled.example", false, stalled);
            for (int i = 0; i < 300; i++) {
                stalled.script("""
                        S: 220 mx
                        C~ EHLO
                        S: 250 mx
                        C~ MAIL
                        S: 250 ok
                        C~ RCPT
                        S: 250 ok
                        C~ DATA
                        S: 354 go
                        content
                        S: 250 ok
                        C~ MAIL
                        stall
                        """);
                rig.send("u" + i + "@stalled.example");
            }
            await().atMost(PATIENCE).until(() -> stalled.openSessions() >= 18); // all but the reserve
            for (int i = 0; i < 10; i++) {
                rig.route("good" + i + ".example", false, good);
                for (int j = 0; j < 10; j++) {
                    rig.send("u@good" + i + ".example");
                }
            }
            rig.awaitEvents(18 + 100); // one over each session that stalls then
            assertThat(good.messages()).hasSize(100);
            assertThat(stalled.openSessions()).isEqualTo(18);
        }
    }

    @Test
    void mailThatIsTooOldExpiresWithoutAnAttempt() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.router.set("source.example", new Route.Failure(false, 451, "4.4.3", "not now"));
            SpoolEntry entry = rig.submit("sender@source.example",
                    MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII)),
                    System.currentTimeMillis() - Duration.ofDays(6).toMillis(), "a@dest.example");
            rig.awaitEvents(3);
            assertThat(rig.outcomes())
                    .contains("Expiration a@dest.example 551 5.4.7 not delivered within 5d and 0 attempts");
            await().atMost(PATIENCE).until(() -> rig.spool.isDone(entry));
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void aDamagedMessageBouncesWithAReportAndNothingElseSuffers() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.route("source.example", false, mx);
            MessageId next = new MessageId(rig.spool.nextId().value() + 1);
            rig.spool.damage(next);
            SpoolEntry damaged = rig.send("a@dest.example", "b@dest.example");
            rig.send("c@dest.example");
            await().atMost(PATIENCE).until(() -> rig.events(MessageEvent.Type.DELIVERY).size() == 2);
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 1);
            rig.awaitNoSessions();
            assertThat(damaged.messageId()).isEqualTo(next.value());
            assertThat(rig.events(MessageEvent.Type.BOUNCE)).singleElement().satisfies(event -> {
                assertThat(event.id()).isEqualTo(next);
                assertThat(event.sender()).isEqualTo("sender@source.example");
                assertThat(event.recipients()).containsExactly("a@dest.example", "b@dest.example");
                assertThat(event.response().code()).isEqualTo(554);
                assertThat(event.response().text()).contains("can't be read");
            });
            assertThat(mx.messages()).filteredOn(message -> message.sender().isEmpty()).singleElement()
                    .satisfies(report -> {
                        assertThat(report.recipients()).containsExactly("sender@source.example");
                        assertThat(report.text()).contains("Final-Recipient: rfc822; a@dest.example",
                                "Nothing of your message can be attached");
                    });
            awaitNothingQueued(rig);
            assertThat(rig.spool.isDone(damaged)).isTrue();
            assertThat(rig.dispatcher.stats().snapshot()).satisfies(stats -> {
                assertThat(stats.unreadable()).isEqualTo(1);
                assertThat(stats.bounced()).isEqualTo(2);
            });
        }
    }

    @Test
    void ofAMessageThatIsLostWithItsEnvelopeTheEventSaysWhatIsKnown() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            MessageId next = new MessageId(rig.spool.nextId().value() + 1);
            rig.spool.damageEnvelope(next);
            SpoolEntry lost = rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.events).singleElement().satisfies(event -> {
                assertThat(event.type()).isEqualTo(MessageEvent.Type.BOUNCE);
                assertThat(event.id()).isEqualTo(next);
                assertThat(event.recipients()).containsExactly("@dest.example");
            });
            awaitNothingQueued(rig);
            assertThat(rig.spool.isDone(lost)).isTrue();
            assertThat(rig.dispatcher.stats().snapshot().bounced()).isEqualTo(1);
            assertThat(mx.messages()).isEmpty();
        }
    }

    @Test
    void contentThatTurnsOutDamagedOnTheWayBounces() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.route("source.example", false, mx);
            SpoolEntry damaged = rig.submit("sender@source.example", new DamagedContent(),
                    System.currentTimeMillis(), "a@dest.example");
            await().atMost(PATIENCE).until(() -> rig.events(MessageEvent.Type.DELIVERY).size() == 1);
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 1);
            assertThat(rig.events(MessageEvent.Type.BOUNCE)).singleElement()
                    .satisfies(event -> assertThat(event.recipients()).containsExactly("a@dest.example"));
            await().atMost(PATIENCE).until(() -> rig.spool.isDone(damaged));
            assertThat(mx.messages()).singleElement().satisfies(report -> assertThat(report.sender()).isEmpty());
            assertThat(rig.dispatcher.stats().snapshot().unreadable()).isEqualTo(1);
        }
    }

    /** Its first octets can be read. */
    private static final class DamagedContent implements Content {
        @Override
        public long size() {
            return 1000;
        }

        @Override
        public boolean hasDotLines() {
            return false;
        }

        @Override
        public boolean hasEightBit() {
            return false;
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            sink.accept("Subject: x\r\n".getBytes(StandardCharsets.US_ASCII), 0, 12);
            throw new UnreadableMessageException("checksum mismatch", null);
        }
    }

    @Test
    void whoHasTheMailDoesNotGetItAgainWhenTheSpoolCouldNotRecordThat() {
        QueueConfig soon = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0)
                .with(QueueConfig.MAX_AGE, Duration.ofDays(1));
        try (FakeMx mx = new FakeMx();
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG,
                        DeliveryRig.limits(10, 1_000), soon)) {
            rig.route(mx);
            mx.on("RCPT TO:<b@dest.example>", "450 4.2.0 later");
            rig.spool.failNextAttempt();
            SpoolEntry entry = rig.send("a@dest.example", "b@dest.example");
            await().atMost(PATIENCE).until(() -> rig.events(MessageEvent.Type.TRANSIENT_FAILURE).size() >= 2);
            mx.on("RCPT TO:<b@dest.example>", "250 2.1.5 ok");
            await().atMost(PATIENCE).until(() -> rig.spool.isDone(entry));
            assertThat(mx.messages()).extracting(FakeMx.Received::recipients)
                    .containsExactly(List.of("a@dest.example"), List.of("b@dest.example"));
            assertThat(rig.spool.log()).filteredOn(line -> line.startsWith("attempt")).isNotEmpty();
            assertThat(rig.spool.lastAttempt(entry).recipients()).extracting(AttemptState.RecipientState::recipient)
                    .contains(0, 1);
            assertThat(rig.dispatcher.stats().snapshot().spoolFailures()).isEqualTo(1);
        }
    }

    @Test
    void manyRecipientsGoInSeveralTransactions() {
        DeliveryConfig config = DeliveryConfig.DEFAULT.with(DeliveryConfig.SOURCE_ADDRESS, "127.0.0.1")
                .with(DeliveryConfig.MAX_SESSIONS, 100).with(DeliveryConfig.MAX_RECIPIENTS_PER_TRANSACTION, 3)
                .with(DeliveryConfig.CONNECT_TIMEOUT, PATIENCE)
                .with(DeliveryConfig.GREETING_TIMEOUT, PATIENCE).with(DeliveryConfig.COMMAND_TIMEOUT, PATIENCE)
                .with(DeliveryConfig.DATA_INIT_TIMEOUT, PATIENCE).with(DeliveryConfig.DATA_BLOCK_TIMEOUT, PATIENCE)
                .with(DeliveryConfig.DATA_DONE_TIMEOUT, PATIENCE).with(DeliveryConfig.QUIT_TIMEOUT, PATIENCE)
                .with(DeliveryConfig.BAD_HOST_TIME, PATIENCE).with(DeliveryConfig.STOP_TIMEOUT, PATIENCE);
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(config)) {
            rig.route(mx);
            String[] recipients = new String[8];
            for (int i = 0; i < recipients.length; i++) {
                recipients[i] = "u" + i + "@dest.example";
            }
            SpoolEntry entry = rig.send(recipients);
            await().atMost(PATIENCE).until(() -> rig.spool.isDone(entry));
            assertThat(mx.messages()).extracting(message -> message.recipients().size()).containsExactly(3, 3, 2);
            assertThat(mx.messages().stream().flatMap(message -> message.recipients().stream()))
                    .containsExactly(recipients);
            assertThat(rig.events.stream().flatMap(event -> event.recipients().stream())).containsExactly(recipients);
        }
    }

    @Test
    void aStopFinishesWhatIsUnderWayAndSaysQuit() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 2)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(limits)) {
            rig.route(mx);
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            await().atMost(PATIENCE).until(
                    () -> rig.dispatcher.sessions().getFirst().state() == SessionView.State.IDLE);
            long start = System.nanoTime();
            rig.dispatcher.close(Duration.ofMinutes(2));
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMinutes(1));
            assertThat(mx.commands().getLast()).isEqualTo("QUIT");
            rig.awaitNoSessions();
        }
    }

    @Test
    void aStopBreaksOffWhatTakesTooLongAndPutsItBack() {
        try (FakeMx mx = new FakeMx(); FakeMx silent = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            mx.on("RCPT", "stall");
            silent.on("connect", "stall");
            rig.route(mx);
            rig.route("silent.example", false, silent);
            rig.send("a@dest.example");
            rig.send("a@silent.example");
            await().atMost(PATIENCE)
                    .until(() -> mx.commands().contains("RCPT TO:<a@dest.example>") && silent.openSessions() == 1);
            long start = System.nanoTime();
            rig.dispatcher.close(Duration.ofSeconds(2));
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(DeliveryRig.CONFIG.commandTimeout());
            rig.awaitNoSessions();
            assertThat(rig.queue.stats().ready()).isEqualTo(2);
            assertThat(rig.events).isEmpty();
            assertThat(rig.spool.log()).isEmpty();
        }
    }

    private static DeliveryRig rig(TrafficLimits limits) {
        return new DeliveryRig(DeliveryRig.CONFIG, limits, QueueConfig.DEFAULT);
    }

    /** While the host doesn't greet yet: a session finds mail as long as there is some. */
    private static void sendAllAtOnce(DeliveryRig rig, FakeMx mx, int count) {
        mx.on("connect", "stall");
        rig.route(mx);
        sendMany(rig, count);
        mx.release("stall");
    }

    private static void awaitNothingQueued(DeliveryRig rig) {
        await().atMost(PATIENCE).until(() -> rig.queue.stats().queued() == 0);
    }

    private static void sendMany(DeliveryRig rig, int count) {
        for (int i = 0; i < count; i++) {
            rig.send("u" + i + "@dest.example");
        }
    }

    private static DeliveryConfig withSessions(DeliveryConfig c, int maxSessions) {
        return c.with(DeliveryConfig.MAX_SESSIONS, maxSessions);
    }

    @AfterEach
    void close() {
        dead.close();
    }
}
