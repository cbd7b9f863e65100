package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;

import dev.penstock.egress.Pool;
import dev.penstock.egress.Pool.Member;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.queue.QueueItem.State;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.Route;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.testing.FakeRouter;

/** Which source queued mail goes by, and what it waits for when there is none. */
class QueueSourcesTest {
    private static final int MESSAGES = 200;
    private static final Duration BLOCK = Duration.ofMinutes(30);

    private final QueueHarness harness = QueueHarness.open(pools(4, 3, 2, 1), Quota.NONE);

    QueueSourcesTest() {
        harness.router.set("a.example", FakeRouter.hosts("mx.a.example"));
        harness.router.set("b.example", FakeRouter.hosts("mx.b.example"));
        harness.router.set("c.example", FakeRouter.hosts("mx1.mail.example"));
    }

    /** A pool of the sources ip-1, ip-2, … for all mail but the tenant "other"'s, which has a pool with ip-9 alone. */
    private static Pools pools(int... weights) {
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < weights.length; i++) {
            members.add(new Member("ip-" + (i + 1), weights[i]));
        }
        return new Pools(Map.of("shared", new Pool("shared", members, true),
                "own", new Pool("own", List.of(new Member("ip-9", 1)), true)), Map.of(), Map.of("other", "own"),
                "shared");
    }

    private void submit(String domain, int messages) {
        for (int i = 0; i < messages; i++) {
            harness.submit(domain);
        }
    }

    /** By source, the mail ready to that site. */
    private static Map<String, Integer> ready(QueueHarness of, String site) {
        Map<String, Integer> ready = new TreeMap<>();
        for (ReadyQueueSnapshot each : of.queue.readyQueues()) {
            if (each.key().site().name().equals(site) && each.ready() > 0) {
                ready.put(each.key().source(), each.ready());
            }
        }
        return ready;
    }

    private Map<String, Integer> ready(String site) {
        return ready(harness, site);
    }

    private void suspend(String source, Scope scope, Cause cause) {
        harness.health.suspend(source, scope, cause, "for a reason", harness.clock.millis() + BLOCK.toMillis(),
                harness.clock.millis());
        harness.queue.runDue();
    }

    @Test
    void mailIsSharedOutByTheWeightsAndEachSourceHasItsOwnLimits() {
        submit("a.example", MESSAGES);
        Map<String, Integer> ready = ready("mx.a.example");
        assertThat(ready).containsOnlyKeys("ip-1", "ip-2", "ip-3", "ip-4");
        assertThat(ready.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(MESSAGES);
        assertThat(ready.get("ip-1")).isGreaterThan(ready.get("ip-4"));

        harness.fail(harness.readyQueue("ip-1", "mx.a.example"), Trouble.REFUSED);
        assertThat(harness.queue.items("a.example", MESSAGES)).extracting(ItemView::readyQueue, ItemView::state)
                .contains(tuple("ip-1->mx.a.example", State.SUSPENDED),
                        tuple("ip-2->mx.a.example", State.READY))
                .doesNotContain(tuple("ip-2->mx.a.example", State.SUSPENDED));
        assertThat(harness.shaper.snapshot()).hasSize(4);
    }

    @Test
    void aSourceThatFallsOutPassesItsShareOnAndGetsItBack() {
        submit("a.example", MESSAGES);
        Map<String, Integer> before = ready("mx.a.example");
        suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS);
        Map<String, Integer> without = ready("mx.a.example");
        assertThat(without).containsOnlyKeys("ip-2", "ip-3", "ip-4");
        assertThat(without.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(MESSAGES);
        assertThat(harness.queue.items("a.example", MESSAGES)).allMatch(item -> item.attempts() == 0);

        harness.health.resume("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "it is back");
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).as("each message has its own source again").isEqualTo(before);
    }

    @Test
    void aSuspensionEndsByItself() {
        submit("a.example", MESSAGES);
        Map<String, Integer> before = ready("mx.a.example");
        suspend("ip-1", Scope.EVERYWHERE, Cause.PROXY);
        harness.advance(BLOCK.minusMillis(1));
        assertThat(ready("mx.a.example")).doesNotContainKey("ip-1");
        harness.advance(Duration.ofMillis(1));
        assertThat(ready("mx.a.example")).isEqualTo(before);
    }

    @Test
    void aSourceThatIsAloneInItsPoolIsUsedAtOtherReceiversWhateverOneSays() {
        submit("a.example", MESSAGES);
        harness.submit("a.example", "other", "", QueueHarness.SIZE);
        assertThat(harness.queue.blocked(harness.readyQueue("ip-9", "mx.a.example"), MailQueue.Reach.EVERYWHERE,
                "550 no PTR", harness.clock.millis() + BLOCK.toMillis())).isFalse();
        assertThat(harness.health.isSound()).isTrue();
        assertThat(harness.queue.blocked(harness.readyQueue("ip-1", "mx.a.example"), MailQueue.Reach.EVERYWHERE,
                "550 no PTR", harness.clock.millis() + BLOCK.toMillis())).isTrue();
        assertThat(harness.health.of("ip-1")).as("others take over").isNotNull();
    }

    @Test
    void whatOneReceiverBlocksGoesToTheOthersAsBefore() {
        submit("a.example", MESSAGES);
        submit("b.example", MESSAGES);
        submit("c.example", MESSAGES);
        harness.queue.blocked(harness.readyQueue("ip-1", "mx.a.example"), MailQueue.Reach.SITE, "550 blocked",
                harness.clock.millis() + BLOCK.toMillis());
        harness.queue.blocked(harness.readyQueue("ip-2", "mx1.mail.example"), MailQueue.Reach.PROVIDER,
                "550 blocked",
                harness.clock.millis() + BLOCK.toMillis());
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).containsOnlyKeys("ip-2", "ip-3", "ip-4");
        assertThat(ready("mx.b.example")).containsOnlyKeys("ip-1", "ip-2", "ip-3", "ip-4");
        assertThat(ready("mx1.mail.example")).containsOnlyKeys("ip-1", "ip-3", "ip-4");

        submit("a.example", MESSAGES);
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).as("new mail knows it").containsOnlyKeys("ip-2", "ip-3", "ip-4");
        harness.router.set("d.example", FakeRouter.hosts("mx2.mail.example"));
        submit("d.example", MESSAGES);
        harness.queue.runDue();
        assertThat(ready("mx2.mail.example")).as("once its route is known, a new domain too")
                .containsOnlyKeys("ip-1", "ip-3", "ip-4");
    }

    @Test
    void aDomainWithASectionOfItsOwnIsItsHostsProviders() {
        harness.shapeByItself("c.example");
        submit("c.example", MESSAGES);
        harness.router.set("d.example", FakeRouter.hosts("mx2.mail.example"));
        submit("d.example", MESSAGES);
        ReadyQueue own = harness.readyQueue("ip-1", "domain:c.example");
        assertThat(harness.queue.provider(own)).isEqualTo("mail");
        harness.queue.blocked(harness.readyQueue("ip-1", "mx2.mail.example"), MailQueue.Reach.PROVIDER, "550 blocked",
                harness.clock.millis() + BLOCK.toMillis());
        harness.queue.runDue();
        assertThat(ready("domain:c.example")).containsOnlyKeys("ip-2", "ip-3", "ip-4");
        harness.queue.blocked(harness.readyQueue("ip-2", "domain:c.example"), MailQueue.Reach.PROVIDER, "550 blocked",
                harness.clock.millis() + BLOCK.toMillis());
        harness.queue.runDue();
        assertThat(ready("mx2.mail.example")).containsOnlyKeys("ip-3", "ip-4");
    }

    @Test
    void whatAReceiverSaysAgainMovesNothing() {
        submit("a.example", MESSAGES);
        ReadyQueue blocked = harness.readyQueue("ip-1", "mx.a.example");
        for (int i = 1; i <= 100; i++) {
            harness.queue.blocked(blocked, MailQueue.Reach.SITE, "550 blocked, time " + i,
                    harness.clock.millis() + BLOCK.toMillis());
            harness.queue.runDue();
            harness.advance(Duration.ofMillis(1));
        }
        assertThat(harness.health.all()).singleElement()
                .satisfies(each -> assertThat(each.why()).isEqualTo("550 blocked, time 1"));
    }

    @Test
    void whenNoSourceOfThePoolIsUsableMailWaitsAndSaysWhy() {
        submit("a.example", 20);
        for (String source : List.of("ip-1", "ip-2", "ip-3", "ip-4")) {
            suspend(source, Scope.EVERYWHERE, Cause.ADDRESS);
        }
        harness.submit("b.example");
        harness.submit("b.example", "other", "", QueueHarness.SIZE);
        assertThat(ready("mx.a.example")).isEmpty();
        assertThat(harness.queue.items("b.example", 10)).hasSize(2).extracting(ItemView::state)
                .containsExactlyInAnyOrder(State.SUSPENDED, State.READY);
        assertThat(harness.queue.items("a.example", 100)).hasSize(20).allSatisfy(item -> {
            assertThat(item.state()).isEqualTo(State.SUSPENDED);
            assertThat(item.waitingFor()).contains("pool shared", "ip-1 (everywhere): for a reason", "ip-4");
            assertThat(item.nextAttemptMillis()).isEqualTo(harness.clock.millis() + BLOCK.toMillis());
            assertThat(item.attempts()).isZero();
        });
        assertThat(harness.queue.readyQueues()).filteredOn(each -> each.key().source().isEmpty()).singleElement()
                .returns(21, ReadyQueueSnapshot::ready)
                .satisfies(each -> assertThat(each.waitingFor()).contains("pool shared"));
        assertThat(harness.queue.stats()).returns(21L, QueueStats::suspended).returns(22L, QueueStats::queued);

        harness.health.resume("ip-3", Scope.EVERYWHERE, Cause.ADDRESS, "it is back");
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).isEqualTo(Map.of("ip-3", 20));
        assertThat(harness.drain(harness.readyQueue("ip-3", "mx.a.example"))).hasSize(20).doesNotHaveDuplicates();
        assertThat(harness.queue.stats()).returns(0L, QueueStats::suspended).returns(2L, QueueStats::queued);
    }

    @Test
    void whatBecomesTooOldWhileItWaitsIsReported() {
        List<QueueItem> due = new ArrayList<>();
        QueueHarness expiring = QueueHarness.open(pools(1), Quota.NONE);
        expiring.queue.open(new RouteFailureHandler() {
            @Override
            public void failed(QueueItem item, Route.Failure failure) {
                throw new AssertionError(failure);
            }

            @Override
            public void reportDue(QueueItem item) {
                due.add(item);
                expiring.queue.finished(item);
            }
        }, _ -> {}, Runnable::run);
        expiring.health.suspend("ip-1", Scope.EVERYWHERE, Cause.OPERATOR, "by hand", SourceHealth.UNTIL_RESUMED, 0);
        expiring.submit("a.example");
        expiring.advance(Duration.ofDays(4));
        assertThat(due).isEmpty();
        expiring.advance(Duration.ofDays(2));
        assertThat(due).hasSize(1);
        assertThat(expiring.queue.stats().queued()).isZero();
    }

    @Test
    void mailKeepsItsSourceOverRetries() {
        submit("a.example", MESSAGES);
        Map<Long, String> first = new HashMap<>();
        for (ReadyQueue readyQueue : List.copyOf(harness.ready)) {
            QueueItem item = harness.poll(readyQueue);
            while (item != null) {
                first.put(item.entry().messageId(), item.source());
                harness.queue.retry(item, harness.clock.millis() + 60_000, 1);
                item = harness.poll(readyQueue);
            }
        }
        assertThat(first).hasSize(MESSAGES);
        harness.advance(Duration.ofMinutes(1));
        for (ReadyQueue readyQueue : List.copyOf(harness.ready)) {
            for (long id : harness.drain(readyQueue)) {
                assertThat(readyQueue.key().source()).isEqualTo(first.remove(id));
            }
        }
        assertThat(first).isEmpty();
    }

    @Test
    void scheduledMailGoesByAnotherSourceWhenItIsDue() {
        for (int i = 0; i < MESSAGES; i++) {
            harness.submit("a.example", "", "", QueueHarness.SIZE, 1, harness.clock.millis() + 60_000);
        }
        suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS);
        harness.advance(Duration.ofMinutes(1));
        assertThat(ready("mx.a.example")).containsOnlyKeys("ip-2", "ip-3", "ip-4");
        assertThat(harness.queue.stats().queued()).isEqualTo(MESSAGES);
    }

    @Test
    void aReloadMovesQueuedMailToThePoolsOfNow() {
        submit("a.example", MESSAGES);
        harness.queue.reconfigure(pools(1));
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).isEqualTo(Map.of("ip-1", MESSAGES));
        harness.queue.reconfigure(Pools.NONE);
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).isEqualTo(Map.of("default", MESSAGES));
    }

    @Test
    void aPoolThatWasNamedAndIsGoneIsWaitedFor() {
        harness.queue.submit(Destinations.by("own", TestEntries.entry(1, 0), "a.example", harness.clock.millis()));
        assertThat(ready("mx.a.example")).isEqualTo(Map.of("ip-9", 1));
        harness.queue.reconfigure(new Pools(Map.of(), Map.of(), Map.of(), "default"));
        harness.queue.runDue();
        assertThat(harness.queue.items("a.example", 1)).singleElement().satisfies(item -> assertThat(item.waitingFor())
                .isEqualTo("a source: pool own isn't configured any more"));
        harness.queue.reconfigure(pools(1));
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).isEqualTo(Map.of("ip-9", 1));
    }

    /** Mail taken by a session, or handed to one that idled, is given back to a queue whose source has gone. */
    @Test
    void whatComesBackUntriedGoesByAnother() {
        submit("a.example", MESSAGES);
        ReadyQueue readyQueue = harness.readyQueue("ip-1", "mx.a.example");
        QueueItem taken = harness.take(readyQueue);
        suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS);
        assertThat(harness.poll(readyQueue)).isNull();
        harness.queue.requeue(taken);
        harness.queue.runDue();
        assertThat(ready("mx.a.example").values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(MESSAGES);
        assertThat(ready("mx.a.example")).doesNotContainKey("ip-1");
        assertThat(taken.attempts()).isZero();
    }

    /** A session's mail comes back after a reload that took its source away: it goes by another, or waits for its pool. */
    @Test
    void whatComesBackToASourceThatIsGoneGoesByAnother() {
        submit("a.example", MESSAGES);
        QueueItem taken = harness.take(harness.readyQueue("ip-4", "mx.a.example"));
        harness.queue.submit(Destinations.by("own", TestEntries.entry(1, 0), "a.example", harness.clock.millis()));
        QueueItem named = harness.take(harness.readyQueue("ip-9", "mx.a.example"));
        harness.queue.reconfigure(new Pools(
                Map.of("shared", new Pool("shared", List.of(new Member("ip-1", 1), new Member("ip-2", 1)), true)),
                Map.of(), Map.of(), "shared"));
        harness.queue.runDue();
        harness.queue.requeue(taken);
        harness.queue.requeue(named);
        harness.queue.runDue();
        assertThat(ready("mx.a.example")).containsOnlyKeys("ip-1", "ip-2");
        assertThat(taken.source()).isIn("ip-1", "ip-2");
        assertThat(harness.queue.items("a.example", 1_000)).hasSize(MESSAGES + 1)
                .filteredOn(item -> item.readyQueue().isEmpty()).singleElement()
                .satisfies(item -> assertThat(item.waitingFor()).contains("pool own isn't configured any more"));
    }

    @Test
    void aSessionThatFindsItsSourceGoneSendsTheMailToOthers() {
        submit("a.example", MESSAGES);
        harness.queue.sourceIsGone("ip-1");
        harness.queue.runDue();
        assertThat(ready("mx.a.example").values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(MESSAGES);
    }
}
