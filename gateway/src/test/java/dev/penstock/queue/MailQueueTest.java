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
        Lane lane = harness.lane(DOMAIN);
        assertThat(lane.ready()).isEqualTo(1_000);
        assertThat(harness.drain(lane)).isEqualTo(ids);
        assertThat(queue.stats()).extracting(QueueStats::queued, QueueStats::submitted, QueueStats::finished)
                .containsExactly(0L, 1_000L, 1_000L);
    }

    @Test
    void carriesWhatWasSubmitted() {
        harness.submit(DOMAIN, "acme", "spring", 5_000, 3, 0);
        QueueItem item = harness.take(harness.lane(DOMAIN));
        assertThat(item)
                .returns(DOMAIN, QueueItem::domain).returns("acme", QueueItem::tenant)
                .returns("spring", QueueItem::campaign).returns(3, QueueItem::attempts)
                .returns(5L * 1_024, QueueItem::size).returns(harness.clock.millis(), QueueItem::receivedMillis);
    }

    @Test
    void givesOutADeferredMessageWhenItIsDueAndNotBefore() {
        harness.submit(DOMAIN);
        Lane lane = harness.lane(DOMAIN);
        queue.retry(harness.take(lane), harness.clock.millis() + 60_000, 1);
        harness.advance(Duration.ofMillis(59_999));
        assertThat(lane.poll()).isNull();
        assertThat(onlyItem().nextAttemptMillis()).isEqualTo(harness.clock.millis() + 1);
        harness.advance(Duration.ofMillis(1 + TimingWheel.TICK_MILLIS));
        assertThat(harness.take(lane).attempts()).isEqualTo(1);
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
        Lane lane = recovering.lane(DOMAIN);
        assertThat(recovering.drain(lane)).isEqualTo(ids);
        recovering.advance(Duration.ofHours(1));
        assertThat(recovering.drain(lane)).containsExactly(later);
    }

    @Test
    void putsARequeuedMessageBackToTheHead() {
        for (int i = 0; i < 3; i++) {
            harness.submit(DOMAIN);
        }
        Lane lane = harness.lane(DOMAIN);
        QueueItem first = harness.take(lane);
        queue.requeue(first);
        assertThat(first.attempts()).isZero();
        assertThat(harness.drain(lane)).containsExactly(0L, 1L, 2L);
    }

    @Test
    void putsTheLastMessageOfASenderBackToTheHeadOfAllSenders() {
        harness.submit(DOMAIN, "small", "", QueueHarness.SIZE);
        harness.submit(DOMAIN, "big", "", QueueHarness.SIZE);
        harness.submit(DOMAIN, "big", "", QueueHarness.SIZE);
        Lane lane = harness.lane(DOMAIN);
        queue.requeue(harness.take(lane));
        assertThat(harness.drain(lane)).containsExactly(0L, 1L, 2L);
    }

    @Test
    void refusesToForgetWhatNobodyTook() {
        harness.submit(DOMAIN);
        QueueItem item = harness.take(harness.lane(DOMAIN));
        queue.finished(item);
        assertThatThrownBy(() -> queue.finished(item)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> queue.requeue(item)).isInstanceOf(IllegalStateException.class);
        assertThat(queue.stats().queued()).isZero();
    }

    @Test
    void parksALaneWithoutTouchingItsMail() {
        harness.submit(DOMAIN);
        harness.submit(DOMAIN);
        Lane lane = harness.lane(DOMAIN);
        long until = harness.clock.millis() + 60_000;
        assertThat(lane.park(until, "10 connection failures in a row")).isTrue();
        assertThat(lane.park(until - 1, "sooner")).isFalse();
        harness.ready.clear();
        harness.submit(DOMAIN);
        assertThat(lane.poll()).isNull();
        harness.advance(Duration.ofSeconds(59));
        assertThat(harness.ready).isEmpty();
        assertThat(queue.items(DOMAIN, 1).getFirst())
                .returns(QueueItem.State.PARKED, ItemView::state).returns(until, ItemView::nextAttemptMillis)
                .extracting(ItemView::waitingFor).asString().contains("10 connection failures in a row");
        assertThat(queue.stats()).extracting(QueueStats::ready, QueueStats::parked).containsExactly(0L, 3L);
        harness.advance(Duration.ofSeconds(1));
        assertThat(harness.ready).containsExactly(lane);
        assertThat(harness.drain(lane)).containsExactly(0L, 1L, 2L);
    }

    @Test
    void unparksOnRequest() {
        harness.submit(DOMAIN);
        Lane lane = harness.lane(DOMAIN);
        lane.park(harness.clock.millis() + 60_000, "why not");
        harness.ready.clear();
        lane.unpark();
        assertThat(harness.ready).containsExactly(lane);
        assertThat(harness.drain(lane)).hasSize(1);
    }

    @Test
    void asksAgainWhenALimiterSaidTo() {
        harness.submit(DOMAIN);
        Lane lane = harness.lane(DOMAIN);
        harness.ready.clear();
        lane.askAgainAfter(Duration.ofMillis(100));
        lane.askAgainAfter(Duration.ofMillis(300));
        lane.askAgainAfter(Duration.ofMillis(50));
        harness.advance(Duration.ofMillis(49));
        assertThat(harness.ready).isEmpty();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.ready).containsExactly(lane);
    }

    @Test
    void asksAgainOnlyAfterAParkThatEndsLater() {
        harness.submit(DOMAIN);
        Lane lane = harness.lane(DOMAIN);
        lane.park(harness.clock.millis() + 1_000, "why not");
        lane.askAgainAfter(Duration.ofMillis(100));
        harness.ready.clear();
        harness.advance(Duration.ofMillis(999));
        assertThat(harness.ready).isEmpty();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.ready).containsExactly(lane);
    }

    @Test
    void givesTheStateOfEveryItemAndWhatItWaitsFor() {
        long taken = harness.submit(DOMAIN);
        long waiting = harness.submit(DOMAIN);
        harness.router.hold("new.example");
        harness.submit("new.example");
        long deferred = harness.submit(DOMAIN, "t", "c", QueueHarness.SIZE, 4, harness.clock.millis() + 600_000);
        harness.take(harness.lane(DOMAIN));
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
        assertThat(queue.lanes()).singleElement().satisfies(lane -> {
            assertThat(lane.waitingFor()).isEqualTo("connection_limit 10");
            assertThat(lane.ready()).isEqualTo(1);
            assertThat(lane.oldestReceivedMillis()).isEqualTo(ManualClock.START.toEpochMilli());
        });
    }

    @Test
    void forgetsIdleDomainsAndLanesButNotWhatIsInUse() {
        for (int i = 0; i < 100; i++) {
            harness.submit("d" + i + ".example");
        }
        harness.submit(DOMAIN);
        QueueItem held = harness.take(harness.lane(DOMAIN));
        harness.submit("later.example", "", "", QueueHarness.SIZE, 1, harness.clock.millis() + 7_200_000);
        harness.ready.stream().filter(lane -> !lane.key().site().name().equals(DOMAIN)).forEach(harness::drain);
        for (int i = 0; i < 3 * MailQueue.IDLE_SWEEPS; i++) {
            harness.advance(MailQueue.SWEEP_INTERVAL);
        }
        assertThat(harness.removed).hasSize(100);
        assertThat(queue.stats()).extracting(QueueStats::domains, QueueStats::lanes).containsExactly(2L, 1L);
        queue.finished(held);
        Lane old = harness.removed.getFirst();
        assertThat(old.poll()).isNull();
        harness.ready.clear();
        long id = harness.submit(old.key().site().name());
        assertThat(harness.lane(old.key().site().name())).isNotSameAs(old);
        assertThat(harness.drain(harness.lane(old.key().site().name()))).containsExactly(id);
    }

    /** One stalled destination must not delay the others (P7): 100,000 messages of one, nobody takes them. */
    @Test
    void aStalledLaneDelaysNoOther() {
        for (int i = 0; i < 100_000; i++) {
            harness.submit("stalled.example");
        }
        harness.lane("stalled.example").park(harness.clock.millis() + 3_600_000, "it is down");
        for (int i = 0; i < 100; i++) {
            long id = harness.submit("d" + i + ".example");
            assertThat(harness.drain(harness.lane("d" + i + ".example"))).containsExactly(id);
        }
        assertThat(harness.lane("stalled.example").ready()).isEqualTo(100_000);
    }

    @Test
    void wakesWaitingCouriersAtTheEnd() throws InterruptedException {
        harness.submit(DOMAIN);
        Lane lane = harness.lane(DOMAIN);
        harness.drain(lane);
        List<Thread> couriers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            couriers.add(Thread.startVirtualThread(() -> {
                try {
                    assertThat(lane.poll(Duration.ofHours(1))).isNull();
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
        Lane lane = harness.lane(DOMAIN);
        var next = FakeRouter.hosts(DOMAIN);
        harness.router.set(DOMAIN, next);
        assertThat(lane.route()).isSameAs(next);
        harness.router.hold(DOMAIN);
        assertThat(lane.route()).isSameAs(next);
    }
}
