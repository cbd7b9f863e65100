package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;

import dev.penstock.config.TrafficLimits;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pool.Member;
import dev.penstock.egress.Pools;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.testing.FakeLimitBook;

/** Limits of a sender hold back its mail, wherever it waits, and nobody else's. */
class SenderLimitsTest {
    private final FakeLimitBook book = new FakeLimitBook();
    private final QueueHarness harness = QueueHarness.open(book);

    private static SharedLimit perTenant(Measure measure, String tenant, String rate) {
        return FakeLimitBook.rate(measure, "per-tenant", tenant, rate);
    }

    /** Of tenant a alone. */
    private void limitA(SharedLimit limit) {
        book.senders((_, sender) -> sender.tenant().equals("a") ? List.of(limit) : List.of());
    }

    private void submit(String domain, String tenant, int messages) {
        for (int i = 0; i < messages; i++) {
            harness.submit(domain, tenant, "", QueueHarness.SIZE);
        }
    }

    /** Who the messages are of that go now. */
    private List<String> drain(String domain) {
        List<String> tenants = new ArrayList<>();
        ReadyQueue queue = harness.readyQueue(domain);
        for (QueueItem item = harness.poll(queue); item != null; item = harness.poll(queue)) {
            tenants.add(item.tenant());
            harness.queue.sent(item, 1);
            harness.queue.finished(item);
        }
        return tenants;
    }

    @Test
    void mailOfASenderWaitsForItsSlotWhileThatOfOthersGoes() {
        limitA(perTenant(Measure.MESSAGE_RATE, "a", "1/min"));
        submit("one.example", "a", 3);
        submit("one.example", "b", 3);
        assertThat(drain("one.example")).containsExactlyInAnyOrder("a", "b", "b", "b");
        ItemView waits = harness.queue.items("one.example", 10).getFirst();
        assertThat(waits.state()).isEqualTo(QueueItem.State.SUSPENDED);
        assertThat(waits.waitingFor())
                .isEqualTo("per-tenant 1/min of a (shaping.toml:12), next in 1m");
        assertThat(waits.nextAttemptMillis()).isEqualTo(harness.clock.millis() + 60_000);
        harness.advance(Duration.ofSeconds(60).minusMillis(1));
        assertThat(harness.hasBegun(harness.readyQueue("one.example"))).isFalse();
        harness.advance(Duration.ofMillis(1));
        assertThat(drain("one.example")).containsExactly("a");
        harness.advance(Duration.ofSeconds(60));
        assertThat(drain("one.example")).containsExactly("a");
        assertThat(harness.queue.items("one.example", 10)).isEmpty();
    }

    @Test
    void aSenderHasItsRateOverAllDomains() {
        limitA(perTenant(Measure.MESSAGE_RATE, "a", "1/s"));
        int sent = 0;
        for (int i = 0; i < 5; i++) {
            submit("d" + i + ".example", "a", 10);
        }
        for (int second = 0; second < 20; second++) {
            for (int i = 0; i < 5; i++) {
                sent += drain("d" + i + ".example").size();
            }
            assertThat(sent).isLessThanOrEqualTo(second + 1);
            harness.advance(Duration.ofSeconds(1));
        }
        assertThat(sent).isEqualTo(20);
    }

    @Test
    void whatIsNotSentIsNotCounted() {
        limitA(perTenant(Measure.MESSAGE_RATE, "a", "1/h"));
        submit("one.example", "a", 1);
        ReadyQueue queue = harness.readyQueue("one.example");
        harness.queue.requeue(harness.take(queue));
        QueueItem again = harness.take(queue);
        harness.queue.sent(again, 1);
        harness.queue.requeue(again);
        assertThat(harness.poll(queue)).isNull();
    }

    @Test
    void eachRecipientCounts() {
        limitA(perTenant(Measure.RECIPIENT_RATE, "a", "1/s"));
        submit("one.example", "a", 2);
        ReadyQueue queue = harness.readyQueue("one.example");
        QueueItem item = harness.take(queue);
        harness.queue.sent(item, 30);
        harness.queue.finished(item);
        assertThat(harness.poll(queue)).isNull();
        harness.advance(Duration.ofSeconds(1)); // it was asked for when one recipient was known of
        assertThat(drain("one.example")).isEmpty();
        harness.advance(Duration.ofSeconds(28));
        assertThat(drain("one.example")).isEmpty();
        harness.advance(Duration.ofSeconds(1));
        assertThat(drain("one.example")).hasSize(1);
    }

    /** And the end of one lets the next go, in whichever queue that is. */
    @Test
    void soManyMessagesOfASenderAreInDeliveryAtOneTime() {
        limitA(new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, "in-delivery", "a"), new Bound.Count(1),
                "shaping.toml:3"));
        submit("one.example", "a", 2);
        submit("two.example", "a", 1);
        submit("two.example", "b", 1);
        QueueItem first = harness.take(harness.readyQueue("one.example"));
        assertThat(drain("two.example")).containsExactly("b");
        assertThat(harness.queue.items("two.example", 1).getFirst().waitingFor())
                .isEqualTo("in-delivery 1 of a (shaping.toml:3)");
        harness.queue.finished(first);
        harness.queue.runDue();
        assertThat(drain("two.example")).containsExactly("a");
        harness.queue.runDue();
        harness.advance(Duration.ofSeconds(1));
        assertThat(drain("one.example")).containsExactly("a");
    }

    private void oneInDelivery() {
        limitA(new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, "in-delivery", "a"), new Bound.Count(1),
                "shaping.toml:3"));
    }

    /** However often it asked, it is told once: the next end is for whoever asked after it. */
    @Test
    void whoAskedManyTimesForTheEndOfADeliveryHasOneTurn() {
        oneInDelivery();
        submit("one.example", "a", 1);
        submit("two.example", "a", 1);
        QueueItem first = harness.take(harness.readyQueue("one.example"));
        for (int i = 0; i < 5; i++) {
            assertThat(drain("two.example")).isEmpty();
            harness.advance(Duration.ofSeconds(1));
        }
        submit("three.example", "a", 1);
        assertThat(drain("three.example")).isEmpty();
        harness.queue.finished(first);
        harness.queue.runDue();
        harness.shaper.runDue();
        assertThat(drain("two.example")).containsExactly("a");
        harness.shaper.runDue();
        assertThat(drain("three.example")).containsExactly("a");
    }

    @Test
    void theEndOfADeliveryIsForTheNextWhenTheFirstHasNoMailAnyMore() {
        oneInDelivery();
        submit("one.example", "a", 1);
        submit("two.example", "a", 1);
        submit("three.example", "a", 1);
        QueueItem first = harness.take(harness.readyQueue("one.example"));
        assertThat(drain("two.example")).isEmpty();
        assertThat(drain("three.example")).isEmpty();
        QueueHarness.takeOld(harness.readyQueue("two.example"), Long.MAX_VALUE).forEach(harness.queue::finished);
        harness.queue.finished(first);
        harness.shaper.runDue();
        assertThat(drain("three.example")).containsExactly("a");
    }

    @Test
    void aNewValueHoldsForMailThatWaits() {
        limitA(perTenant(Measure.MESSAGE_RATE, "a", "1/d"));
        submit("one.example", "a", 3);
        assertThat(drain("one.example")).hasSize(1);
        limitA(perTenant(Measure.MESSAGE_RATE, "a", "100/s"));
        harness.shaper.changed();
        harness.queue.forEachReadyQueue(harness.admission::reconfigured);
        assertThat(drain("one.example")).as("its slot is in 10 ms").isEmpty();
        harness.advance(Duration.ofMillis(10));
        assertThat(drain("one.example")).hasSize(1);
        harness.advance(Duration.ofMillis(10));
        assertThat(drain("one.example")).hasSize(1);
    }

    /** What a source may not take by its rate goes by the other of its pool, and waits when neither may. */
    @Test
    void aSourceIsChosenNoOftenerThanItsRateSays() {
        FakeLimitBook selections = new FakeLimitBook();
        selections.others((path, _) -> new PathLimits(TrafficLimits.DEFAULT, List.of(FakeLimitBook.rate(
                Measure.SOURCE_SELECTION_RATE, "source_selection_rate", path.source(), "1/h,max_burst=10"))));
        QueueHarness two = QueueHarness.open(selections,
                new Pools(Map.of("shared",
                        new Pool("shared", List.of(new Member("ip-1", 3), new Member("ip-2", 1)), true)),
                        Map.of(), Map.of(), "shared"));
        for (int i = 0; i < 30; i++) {
            two.submit("one.example");
        }
        Map<String, Integer> bySource = new TreeMap<>();
        for (int hour = 0; hour <= 5; hour++) {
            for (int round = 0; round < 5; round++) {
                for (ReadyQueue queue : List.copyOf(two.ready)) {
                    for (QueueItem item = two.poll(queue); item != null; item = two.poll(queue)) {
                        bySource.merge(item.source(), 1, Integer::sum);
                        two.queue.sent(item, 1);
                        two.queue.finished(item);
                    }
                }
                two.advance(Duration.ofSeconds(3));
            }
            int most = 10 + hour;
            assertThat(bySource).as("after %d hours", hour).hasSize(2)
                    .allSatisfy((_, sent) -> assertThat(sent).isEqualTo(most));
            two.advance(Duration.ofHours(1).minusSeconds(15));
        }
    }

    private static Pools allBy(String pool) {
        return new Pools(Map.of(pool, new Pool(pool, List.of(new Member("ip-1", 1)), true)), Map.of(), Map.of(), pool);
    }

    @Test
    void mailThatGoesByAnotherPoolFromNowOnIsBoundByWhatBindsThat() {
        book.senders((_, sender) -> sender.pool().equals("old")
                ? List.of(perTenant(Measure.MESSAGE_RATE, "a", "1/h"))
                : List.of());
        QueueHarness pools = QueueHarness.open(book, allBy("old"));
        for (int i = 0; i < 3; i++) {
            pools.submit("one.example", "a", "", QueueHarness.SIZE);
        }
        ReadyQueue queue = pools.readyQueue("one.example");
        QueueItem first = pools.take(queue);
        pools.queue.sent(first, 1);
        pools.queue.finished(first);
        assertThat(pools.poll(queue)).isNull();
        pools.queue.reconfigure(allBy("new"));
        pools.advance(Duration.ofSeconds(1));
        assertThat(pools.drain(queue)).hasSize(2);
    }

    /** One site's mail waits for an hour, the other's for a minute. */
    @Test
    void aSiteThatMayNotBeChosenHoldsUpNoOtherOfThePool() {
        FakeLimitBook selections = new FakeLimitBook();
        selections.others((path, _) -> new PathLimits(TrafficLimits.DEFAULT,
                List.of(FakeLimitBook.rate(Measure.SOURCE_SELECTION_RATE, "source_selection_rate",
                        path.site().name(), path.site().name().startsWith("slow") ? "1/h" : "1/min"))));
        QueueHarness pool = QueueHarness.open(selections, new Pools(
                Map.of("shared", new Pool("shared", List.of(new Member("ip-1", 1)), true)), Map.of(), Map.of(),
                "shared"));
        for (int i = 0; i < 3; i++) {
            pool.submit("slow.example");
        }
        for (int i = 0; i < 3; i++) {
            pool.submit("fast.example");
        }
        Map<String, Integer> sent = new TreeMap<>();
        for (int second = 0; second < 300; second += 5) {
            for (ReadyQueue queue : List.copyOf(pool.ready)) {
                for (QueueItem item = pool.poll(queue); item != null; item = pool.poll(queue)) {
                    sent.merge(item.domain(), 1, Integer::sum);
                    pool.queue.sent(item, 1);
                    pool.queue.finished(item);
                }
            }
            pool.advance(Duration.ofSeconds(5));
        }
        assertThat(sent).isEqualTo(Map.of("slow.example", 1, "fast.example", 3));
    }
}
