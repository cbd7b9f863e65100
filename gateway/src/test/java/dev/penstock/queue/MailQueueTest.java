package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MessageId;
import dev.penstock.shaping.Pacer;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.Patience;
import dev.penstock.units.Rate;

class MailQueueTest {
    private static final String DOMAIN = "example.com";

    private final QueueHarness harness = QueueHarness.open();
    private final MailQueue queue = harness.queue;

    private ItemView onlyItem() {
        List<ItemView> items = queue.items(DOMAIN, 10);
        assertThat(items).hasSize(1);
        return items.getFirst();
    }

    @Test
    void givesOutNewMailAtOnceInTheOrderItCame() {
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            ids.add(harness.submit(DOMAIN));
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        assertThat(readyQueue.ready()).isEqualTo(1_000);
        assertThat(harness.drain(readyQueue)).isEqualTo(ids);
        assertThat(queue.stats()).extracting(QueueStats::queued, QueueStats::submitted, QueueStats::finished)
                .containsExactly(0L, 1_000L, 1_000L);
    }

    @Test
    void carriesWhatWasSubmitted() {
        harness.submit(DOMAIN, "acme", "spring", 5_000, 3, 0);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        assertThat(item)
                .returns(DOMAIN, QueueItem::domain).returns("acme", QueueItem::tenant)
                .returns("spring", QueueItem::campaign).returns(3, QueueItem::attempts)
                .returns(5L * 1_024, QueueItem::size).returns(harness.clock.millis(), QueueItem::receivedMillis);
    }

    @Test
    void givesOutADeferredMessageWhenItIsDueAndNotBefore() {
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        queue.retry(harness.take(readyQueue), harness.clock.millis() + 60_000, 1);
        harness.advance(Duration.ofMillis(59_999));
        assertThat(harness.poll(readyQueue)).isNull();
        assertThat(onlyItem().nextAttemptMillis()).isEqualTo(harness.clock.millis() + 1);
        harness.advance(Duration.ofMillis(1 + TimingWheel.TICK_MILLIS));
        assertThat(harness.take(readyQueue).attempts()).isEqualTo(1);
    }

    @Test
    void holdsRecoveredMailUntilItIsStarted() {
        QueueHarness recovering = new QueueHarness();
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            ids.add(recovering.submit(DOMAIN));
        }
        long later = recovering
                .submit(DOMAIN, "", "", QueueHarness.SIZE, 2, recovering.clock.millis() + 3_600_000);
        assertThat(recovering.router.asked(DOMAIN)).isZero();
        recovering.start();
        recovering.advance(Duration.ofMillis(TimingWheel.TICK_MILLIS));
        ReadyQueue readyQueue = recovering.readyQueue(DOMAIN);
        assertThat(recovering.drain(readyQueue)).isEqualTo(ids);
        recovering.advance(Duration.ofHours(1));
        assertThat(recovering.drain(readyQueue)).containsExactly(later);
    }

    @Test
    void putsARequeuedMessageBackToTheHead() {
        for (int i = 0; i < 3; i++) {
            harness.submit(DOMAIN);
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        QueueItem first = harness.take(readyQueue);
        queue.requeue(first);
        assertThat(first.attempts()).isZero();
        assertThat(harness.drain(readyQueue)).containsExactly(0L, 1L, 2L);
    }

    @Test
    void putsTheLastMessageOfASenderBackToTheHeadOfAllSenders() {
        harness.submit(DOMAIN, "big", "", QueueHarness.SIZE);
        harness.submit(DOMAIN, "big", "", QueueHarness.SIZE);
        harness.submit(DOMAIN, "small", "", QueueHarness.SIZE);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        queue.requeue(harness.take(readyQueue));
        assertThat(harness.drain(readyQueue)).containsExactly(2L, 0L, 1L);
    }

    @Test
    void refusesToForgetWhatNobodyTook() {
        harness.submit(DOMAIN);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        queue.finished(item);
        assertThatThrownBy(() -> queue.finished(item)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> queue.requeue(item)).isInstanceOf(IllegalStateException.class);
        assertThat(queue.stats().queued()).isZero();
    }

    @Test
    void givesTheStateOfEveryItemAndWhatItWaitsFor() {
        long taken = harness.submit(DOMAIN);
        long waiting = harness.submit(DOMAIN);
        harness.router.hold("new.example");
        harness.submit("new.example");
        long deferred = harness.submit(DOMAIN, "t", "c", QueueHarness.SIZE, 4, harness.clock.millis() + 600_000);
        harness.take(harness.readyQueue(DOMAIN));
        assertThat(queue.items(DOMAIN, 10)).extracting(ItemView::id, ItemView::state).containsExactly(
                tuple(new MessageId(taken), QueueItem.State.ACTIVE),
                tuple(new MessageId(waiting), QueueItem.State.READY),
                tuple(new MessageId(deferred), QueueItem.State.SCHEDULED));
        assertThat(queue.items("new.example", 10)).extracting(ItemView::state)
                .containsExactly(QueueItem.State.ROUTING);
        assertThat(queue.items(DOMAIN, 2)).hasSize(2);
        assertThat(queue.items("unknown.example", 10)).isEmpty();
        assertThat(queue.item(DOMAIN, new MessageId(deferred))).hasValueSatisfying(
                view -> assertThat(view).returns(4, ItemView::attempts)
                        .returns(harness.clock.millis() + 600_000, ItemView::nextAttemptMillis));
        assertThat(queue.stats()).isEqualTo(new QueueStats(4, 1, 1, 1, 0, 1, 2, 1, 4, 0, 0, 0, 0, 0));
    }

    @Test
    void namesTheLimiterThatHoldsAQueueBack() {
        harness.reconfigure(limits(1, null, null));
        for (int i = 0; i < 10; i++) {
            harness.submit(DOMAIN);
        }
        assertThat(queue.items(DOMAIN, 1).getFirst().waitingFor())
                .isEqualTo("the session that is coming up, 10 ready in its queue");
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        harness.take(readyQueue);
        assertThat(queue.items(DOMAIN, 10).getLast().waitingFor())
                .isEqualTo("connection_limit 1, 9 ready in its queue");
        assertThat(queue.readyQueues()).singleElement().satisfies(snapshot -> {
            assertThat(snapshot.waitingFor()).isEqualTo("connection_limit 1");
            assertThat(snapshot.ready()).isEqualTo(9);
            assertThat(snapshot.up()).isEqualTo(1);
            assertThat(snapshot.oldestReceivedMillis()).isEqualTo(ManualClock.START.toEpochMilli());
        });
    }

    @Test
    void namesTheLimitOfAllSessions() {
        QueueHarness narrow = QueueHarness.open(new SessionLimiter("max-sessions", 2, 1));
        for (int i = 0; i < 10; i++) {
            narrow.submit(DOMAIN);
        }
        narrow.take(narrow.readyQueue(DOMAIN));
        assertThat(narrow.queue.items(DOMAIN, 10).getLast().waitingFor())
                .isEqualTo("max-sessions 2, 9 ready in its queue");
    }

    @Test
    void namesTheRateThatHoldsAQueueBack() {
        harness.reconfigure(limits(5, "2/min", "10/s"));
        for (int i = 0; i < 10; i++) {
            harness.submit(DOMAIN);
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        harness.take(readyQueue);
        assertThat(queue.readyQueues().getFirst().waitingFor()).isEqualTo("max_connection_rate 10/s (next in 100ms)");
        assertThat(takesSlot(readyQueue)).isTrue();
        readyQueue.pacing(true);
        assertThat(queue.readyQueues().getFirst().waitingFor()).isEqualTo("max_message_rate 2/min (next in 30s)");
        readyQueue.pacing(false);
        readyQueue.hold();
        assertThat(queue.readyQueues().getFirst().waitingFor()).isEqualTo("max_message_rate 2/min (next in 30s)");
    }

    /** A queue held back by its message rate has no session, and gets one when its slot is near. */
    @Test
    void aHoldEndsByItselfWithASession() {
        harness.reconfigure(limits(5, "2/min", null));
        harness.submit(DOMAIN);
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        QueueItem item = harness.take(readyQueue);
        assertThat(takesSlot(readyQueue)).isTrue();
        readyQueue.hold();
        queue.requeue(item);
        harness.endSessions(readyQueue);
        harness.advance(Duration.ofMillis(28_999));
        assertThat(harness.hasBegun(readyQueue)).isFalse();
        harness.advance(Duration.ofMillis(1)); // a second before the slot, to connect
        assertThat(harness.hasBegun(readyQueue)).isTrue();
        harness.advance(Duration.ofMillis(999));
        assertThat(takesSlot(readyQueue)).isFalse();
        harness.advance(Duration.ofMillis(1));
        assertThat(takesSlot(readyQueue)).isTrue();
        assertThat(harness.drain(readyQueue)).containsExactly(0L, 1L);
    }

    private boolean takesSlot(ReadyQueue readyQueue) {
        Pacer.Slot slot = readyQueue.messages().slot();
        slot.take(Pacer.Cost.ONE, -1, harness.clock.nanoTime());
        return slot.isTaken();
    }

    /** The rate goes while a queue waits for its slot: it has a session at once. */
    @Test
    void aHoldEndsWithItsRate() {
        harness.reconfigure(limits(5, "1/d", null));
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        QueueItem item = harness.take(readyQueue);
        assertThat(takesSlot(readyQueue)).isTrue();
        readyQueue.hold();
        queue.requeue(item);
        harness.endSessions(readyQueue);
        assertThat(harness.hasBegun(readyQueue)).isFalse();
        harness.reconfigure(limits(5, null, null));
        assertThat(harness.hasBegun(readyQueue)).isTrue();
    }

    @Test
    void handsOutNothingWhileOutcomesCannotBeRecorded() {
        QueueHarness closing = new QueueHarness();
        AtomicBoolean recordable = new AtomicBoolean();
        closing.queue.handsOutOnlyWhile(recordable::get);
        closing.start();
        closing.submit(DOMAIN);
        assertThat(closing.ready).isEmpty();
        assertThat(closing.queue.items(DOMAIN, 1).getFirst().waitingFor())
                .isEqualTo("the spool, which can't record what becomes of mail, 1 ready in its queue");
        recordable.set(true);
        closing.queue.recordingChanged();
        ReadyQueue readyQueue = closing.readyQueue(DOMAIN);
        QueueItem item = closing.take(readyQueue);
        closing.submit(DOMAIN);
        recordable.set(false);
        closing.queue.requeue(item);
        assertThat(closing.poll(readyQueue)).as("not even over a session that stands").isNull();
        recordable.set(true);
        closing.queue.recordingChanged();
        assertThat(closing.drain(readyQueue)).containsExactly(0L, 1L);
    }

    private static ShapingConfig limits(int connections, @Nullable String messageRate,
            @Nullable String connectionRate) {
        return new ShapingConfig(TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections)
                .with(TrafficLimits.MAX_MESSAGE_RATE, messageRate == null ? null : Rate.parse(messageRate))
                .with(TrafficLimits.MAX_CONNECTION_RATE, connectionRate == null ? null : Rate.parse(connectionRate)),
                Map.of());
    }

    @Test
    void forgetsIdleDomainsAndQueuesButNotWhatIsInUse() {
        for (int i = 0; i < 100; i++) {
            harness.submit("d" + i + ".example");
        }
        harness.submit(DOMAIN);
        QueueItem held = harness.take(harness.readyQueue(DOMAIN));
        harness.submit("later.example", "", "", QueueHarness.SIZE, 1, harness.clock.millis() + 7_200_000);
        harness.ready.stream().filter(readyQueue -> !readyQueue.key().site().name().equals(DOMAIN))
                .forEach(harness::drain);
        for (int i = 0; i < 3 * MailQueue.IDLE_SWEEPS; i++) {
            harness.advance(MailQueue.SWEEP_INTERVAL);
        }
        assertThat(harness.removed).hasSize(100);
        assertThat(queue.stats()).extracting(QueueStats::domains, QueueStats::readyQueues).containsExactly(2L, 1L);
        queue.finished(held);
        ReadyQueue old = harness.removed.getFirst();
        harness.ready.clear();
        String domain = old.key().site().name();
        long id = harness.submit(domain);
        assertThat(harness.readyQueue(domain)).isNotSameAs(old);
        assertThat(harness.hasBegun(old)).isFalse();
        assertThat(harness.drain(harness.readyQueue(domain))).containsExactly(id);
    }

    /** One stalled destination must not delay the others (P7): 100,000 messages of one, nobody takes them. */
    @Test
    void aStalledQueueDelaysNoOther() {
        for (int i = 0; i < 100_000; i++) {
            harness.submit("stalled.example");
        }
        for (int i = 0; i < 100; i++) {
            long id = harness.submit("d" + i + ".example");
            assertThat(harness.drain(harness.readyQueue("d" + i + ".example"))).containsExactly(id);
        }
        ReadyQueue stalled = harness.readyQueue("stalled.example");
        assertThat(stalled.ready()).isEqualTo(100_000);
        harness.fail(stalled, ReadyQueue.Trouble.REFUSED);
        assertThat(queue.stats().suspended()).isEqualTo(99_999);
        assertThat(harness.drain(harness.readyQueue("d1.example"))).isEmpty();
        long id = harness.submit("d1.example");
        assertThat(harness.drain(harness.readyQueue("d1.example"))).containsExactly(id);
    }

    @Test
    void wakesSessionsThatIdleAtTheEnd() throws InterruptedException {
        for (int i = 0; i < 20; i++) {
            harness.submit(DOMAIN);
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        List<ReadyQueue.Session> sessions = new ArrayList<>();
        List<QueueItem> taken = new ArrayList<>();
        while (harness.hasBegun(readyQueue)) {
            ReadyQueue.Session session = harness.begun(readyQueue);
            sessions.add(session);
            taken.add(requireNonNull(readyQueue.up(session)));
        }
        for (int left = readyQueue.ready(); left > 0; left--) {
            taken.add(requireNonNull(readyQueue.next(sessions.getFirst())));
        }
        taken.forEach(queue::finished);
        assertThat(sessions).hasSizeGreaterThan(2);
        List<Thread> deliverySessions = new ArrayList<>();
        for (ReadyQueue.Session session : sessions) {
            deliverySessions.add(Thread.startVirtualThread(() -> {
                try {
                    assertThat(readyQueue.await(session, Long.MAX_VALUE / 2)).isNull();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }));
        }
        await().until(() -> queue.readyQueues().getFirst().idle() == sessions.size());
        queue.close();
        for (Thread deliverySession : deliverySessions) {
            assertThat(deliverySession.join(Patience.LONG)).isTrue();
        }
        queue.close();
    }

    @Test
    void ordersTheHostsAnewForEachSession() {
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        var next = FakeRouter.hosts(DOMAIN);
        harness.router.set(DOMAIN, next);
        assertThat(readyQueue.route()).isSameAs(next);
        harness.router.hold(DOMAIN);
        assertThat(readyQueue.route()).isSameAs(next);
    }
}
