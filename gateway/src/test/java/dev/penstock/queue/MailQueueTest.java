package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ShapingConfig;
import dev.penstock.message.MessageId;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.ManualClock;

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
        assertThat(readyQueue.poll()).isNull();
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
        harness.submit(DOMAIN, "small", "", QueueHarness.SIZE);
        harness.submit(DOMAIN, "big", "", QueueHarness.SIZE);
        harness.submit(DOMAIN, "big", "", QueueHarness.SIZE);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        queue.requeue(harness.take(readyQueue));
        assertThat(harness.drain(readyQueue)).containsExactly(0L, 1L, 2L);
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
    void parksALaneWithoutTouchingItsMail() {
        harness.submit(DOMAIN);
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        long until = harness.clock.millis() + 60_000;
        assertThat(readyQueue.park(until, "10 connection failures in a row")).isTrue();
        assertThat(readyQueue.park(until - 1, "sooner")).isFalse();
        harness.ready.clear();
        harness.submit(DOMAIN);
        assertThat(readyQueue.poll()).isNull();
        harness.advance(Duration.ofSeconds(59));
        assertThat(harness.ready).isEmpty();
        assertThat(queue.items(DOMAIN, 1).getFirst())
                .returns(QueueItem.State.PARKED, ItemView::state).returns(until, ItemView::nextAttemptMillis)
                .extracting(ItemView::waitingFor).asString().contains("10 connection failures in a row");
        assertThat(queue.stats()).extracting(QueueStats::ready, QueueStats::parked).containsExactly(0L, 3L);
        harness.advance(Duration.ofSeconds(1));
        assertThat(harness.ready).containsExactly(readyQueue);
        assertThat(harness.drain(readyQueue)).containsExactly(0L, 1L, 2L);
    }

    @Test
    void unparksOnRequest() {
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        readyQueue.park(harness.clock.millis() + 60_000, "why not");
        harness.ready.clear();
        readyQueue.unpark();
        assertThat(harness.ready).containsExactly(readyQueue);
        assertThat(harness.drain(readyQueue)).hasSize(1);
    }

    @Test
    void asksAgainWhenALimiterSaidTo() {
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        harness.ready.clear();
        readyQueue.askAgainAfter(Duration.ofMillis(100));
        readyQueue.askAgainAfter(Duration.ofMillis(300));
        readyQueue.askAgainAfter(Duration.ofMillis(50));
        harness.advance(Duration.ofMillis(49));
        assertThat(harness.ready).isEmpty();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.ready).containsExactly(readyQueue);
    }

    @Test
    void asksAgainOnlyAfterAParkThatEndsLater() {
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        readyQueue.park(harness.clock.millis() + 1_000, "why not");
        readyQueue.askAgainAfter(Duration.ofMillis(100));
        harness.ready.clear();
        harness.advance(Duration.ofMillis(999));
        assertThat(harness.ready).isEmpty();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.ready).containsExactly(readyQueue);
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
    void namesTheLimiterThatHoldsALaneBack() {
        harness.submit(DOMAIN);
        for (int i = 0; i < ShapingConfig.DEFAULT.defaults().connectionLimit(); i++) {
            harness.shaper.tryOpen(new Site(DOMAIN));
        }
        assertThat(onlyItem().waitingFor()).startsWith("connection_limit 10");
        assertThat(queue.readyQueues()).singleElement().satisfies(readyQueue -> {
            assertThat(readyQueue.waitingFor()).isEqualTo("connection_limit 10");
            assertThat(readyQueue.ready()).isEqualTo(1);
            assertThat(readyQueue.oldestReceivedMillis()).isEqualTo(ManualClock.START.toEpochMilli());
        });
    }

    @Test
    void forgetsIdleDomainsAndLanesButNotWhatIsInUse() {
        for (int i = 0; i < 100; i++) {
            harness.submit("d" + i + ".example");
        }
        harness.submit(DOMAIN);
        QueueItem held = harness.take(harness.readyQueue(DOMAIN));
        harness.submit("later.example", "", "", QueueHarness.SIZE, 1, harness.clock.millis() + 7_200_000);
        harness.ready.stream().filter(readyQueue -> !readyQueue.key().site().equals(DOMAIN)).forEach(harness::drain);
        for (int i = 0; i < 3 * MailQueue.IDLE_SWEEPS; i++) {
            harness.advance(MailQueue.SWEEP_INTERVAL);
        }
        assertThat(harness.removed).hasSize(100);
        assertThat(queue.stats()).extracting(QueueStats::domains, QueueStats::readyQueues).containsExactly(2L, 1L);
        queue.finished(held);
        ReadyQueue old = harness.removed.getFirst();
        assertThat(old.poll()).isNull();
        harness.ready.clear();
        long id = harness.submit(old.key().site());
        assertThat(harness.readyQueue(old.key().site())).isNotSameAs(old);
        assertThat(harness.drain(harness.readyQueue(old.key().site()))).containsExactly(id);
    }

    /** One stalled destination must not delay the others (P7): 100,000 messages of one, nobody takes them. */
    @Test
    void aStalledLaneDelaysNoOther() {
        for (int i = 0; i < 100_000; i++) {
            harness.submit("stalled.example");
        }
        harness.readyQueue("stalled.example").park(harness.clock.millis() + 3_600_000, "it is down");
        for (int i = 0; i < 100; i++) {
            long id = harness.submit("d" + i + ".example");
            assertThat(harness.drain(harness.readyQueue("d" + i + ".example"))).containsExactly(id);
        }
        assertThat(harness.readyQueue("stalled.example").ready()).isEqualTo(100_000);
    }

    @Test
    void wakesWaitingCouriersAtTheEnd() throws InterruptedException {
        harness.submit(DOMAIN);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        harness.drain(readyQueue);
        List<Thread> couriers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            couriers.add(Thread.startVirtualThread(() -> {
                try {
                    assertThat(readyQueue.poll(Duration.ofHours(1))).isNull();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }));
        }
        queue.close();
        for (Thread courier : couriers) {
            assertThat(courier.join(Duration.ofSeconds(30))).isTrue();
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
