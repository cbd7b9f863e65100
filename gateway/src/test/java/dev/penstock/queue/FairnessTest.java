package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.config.CampaignConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.units.MailClass;

class FairnessTest {
    private static final String DOMAIN = "example.com";
    private static final int SMALL = QueueHarness.SIZE;
    private static final int MEGABYTE = 1 << 20;

    private final QueueHarness harness = QueueHarness.open();

    private void submit(int count, String tenant, String campaign, int size) {
        for (int i = 0; i < count; i++) {
            harness.submit(DOMAIN, tenant, campaign, size);
        }
    }

    private List<QueueItem> take(int count) {
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        List<QueueItem> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            items.add(harness.take(readyQueue));
        }
        return items;
    }

    private Map<String, Integer> count(int messages) {
        Map<String, Integer> counts = new HashMap<>();
        take(messages).forEach(item -> counts.merge(item.tenant() + "/" + item.campaign(), 1, Integer::sum));
        return counts;
    }

    @Test
    void aSmallTenantGetsItsTurnsAtOnceBehindABigOne() {
        submit(100_000, "big", "", SMALL);
        take(100);
        submit(10, "small", "", SMALL);
        assertThat(count(21)).containsEntry("small/", 10);
    }

    @Test
    void tenantsShareByMessages() {
        submit(1_000, "a", "", SMALL);
        submit(1_000, "b", "", SMALL);
        submit(1_000, "c", "", SMALL);
        assertThat(count(300)).containsOnly(Map.entry("a/", 100), Map.entry("b/", 100), Map.entry("c/", 100));
    }

    @Test
    void largeMessagesCountForMore() {
        submit(100, "large", "", MEGABYTE);
        submit(10_000, "small", "", SMALL);
        // 1 MB costs the most there is: 16 credits, while a small message costs one
        assertThat(count(170)).containsOnly(Map.entry("large/", 10), Map.entry("small/", 160));
    }

    @Test
    void aTenantAloneIsNotHeldBackByTheSizeOfItsMail() {
        submit(10, "large", "", 64 * MEGABYTE);
        assertThat(count(10)).containsOnly(Map.entry("large/", 10));
    }

    @Test
    void campaignsOfATenantShareItsTurns() {
        submit(10_000, "a", "newsletter", SMALL);
        submit(10, "a", "password", SMALL);
        submit(10_000, "b", "", SMALL);
        assertThat(count(40)).containsOnly(Map.entry("a/newsletter", 10), Map.entry("a/password", 10),
                Map.entry("b/", 20));
    }

    @Test
    void domainsOfASiteShareACampaignsTurns() {
        harness.router.setSite("huge.example", DOMAIN);
        harness.router.setSite("tiny.example", DOMAIN);
        for (int i = 0; i < 1_000; i++) {
            harness.submit("huge.example", "a", "", SMALL);
        }
        harness.submit("tiny.example", "a", "", SMALL);
        assertThat(take(2)).extracting(QueueItem::domain).containsExactly("huge.example", "tiny.example");
    }

    @Test
    void aTenantThatComesAndGoesGainsNothing() {
        submit(1_000, "steady", "", SMALL);
        int taken = 0;
        for (int round = 0; round < 100; round++) {
            harness.submit(DOMAIN, "flicker", "", SMALL);
            for (QueueItem item : take(2)) {
                taken += item.tenant().equals("flicker") ? 1 : 0;
                harness.queue.finished(item);
            }
        }
        assertThat(taken).isBetween(99, 100);
        assertThat(harness.readyQueue(DOMAIN).ready()).isBetween(900, 901);
    }

    @Test
    void aTenantOfWeightThreeSendsThreeMessagesForEachOfTheOthers() {
        submit(3_000, "heavy", "", SMALL);
        submit(3_000, "light", "", SMALL);
        harness.reconfigure(QueueHarness.weights(Map.of("heavy", 3)), Map.of());
        assertThat(count(400)).containsOnly(Map.entry("heavy/", 300), Map.entry("light/", 100));
    }

    @Test
    void weightsCountForLargeMailToo() {
        submit(1_000, "heavy", "", MEGABYTE);
        submit(10_000, "light", "", SMALL);
        harness.reconfigure(QueueHarness.weights(Map.of("heavy", 4)), Map.of());
        // 16 credits for a large one, 4 of which it earns a turn
        assertThat(count(500)).containsOnly(Map.entry("heavy/", 100), Map.entry("light/", 400));
    }

    @Test
    void campaignsOfATenantShareItsTurnsByTheirWeights() {
        submit(1_000, "a", "receipts", SMALL);
        submit(1_000, "a", "newsletter", SMALL);
        submit(1_000, "b", "receipts", SMALL);
        harness.reconfigure(new TenantRules(Map.of(), Map.of(new TenantRules.Campaign("a", "receipts"),
                CampaignConfig.DEFAULT.with(CampaignConfig.WEIGHT, 4))), Map.of());
        assertThat(count(100)).containsOnly(Map.entry("a/receipts", 40), Map.entry("a/newsletter", 10),
                Map.entry("b/receipts", 50));
    }

    @Test
    void otherWeightsCountForWhatIsQueuedToo() {
        submit(1_000, "a", "", SMALL);
        submit(1_000, "b", "", SMALL);
        assertThat(count(100)).containsOnly(Map.entry("a/", 50), Map.entry("b/", 50));
        harness.reconfigure(QueueHarness.weights(Map.of("b", 9)), Map.of());
        assertThat(count(100)).containsOnly(Map.entry("a/", 10), Map.entry("b/", 90));
        harness.reconfigure(TenantRules.NONE, Map.of());
        assertThat(count(100).get("a/")).isBetween(45, 50); // what was left of a turn is had
    }

    @Test
    void whoeverComesWithoutABacklogIsNextThoughManyHaveOne() {
        for (int t = 0; t < 100; t++) {
            submit(10, "t" + t, "", SMALL);
        }
        take(2);
        submit(1, "late", "", SMALL);
        assertThat(take(1)).extracting(QueueItem::tenant).containsExactly("late");
    }

    @Test
    void manyWhoComeWithoutABacklogHoldUpNobodyWhoHasOne() {
        for (int t = 0; t < 100; t++) {
            submit(10, "steady" + t, "", SMALL);
        }
        int taken = 0;
        for (int round = 0; round < 100; round++) {
            submit(1, "late" + round, "", SMALL); // as many as go
            for (QueueItem item : take(1)) {
                taken += item.tenant().startsWith("steady") ? 1 : 0;
                harness.queue.finished(item);
            }
        }
        assertThat(taken).isBetween(49, 51);
    }

    @Test
    void transactionalMailGoesBeforeBulkThatCameLongBefore() {
        submit(1_000, "shop", "spring", SMALL);
        long urgent = harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "spring");
        assertThat(take(1)).extracting(item -> item.entry().messageId()).containsExactly(urgent);
    }

    @Test
    void ofTenMessagesOneIsBulkWhileTransactionalMailWaits() {
        submit(1_000, "news", "", SMALL);
        for (int i = 0; i < 1_000; i++) {
            harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        }
        List<QueueItem> taken = take(100);
        for (int i = 0; i < taken.size(); i++) {
            assertThat(taken.get(i).mailClass()).as("message %d", i)
                    .isEqualTo(i % 10 == 9 ? MailClass.BULK : MailClass.TRANSACTIONAL);
        }
    }

    @Test
    void bulkOfATransactionalTenantIsBulk() {
        for (int i = 0; i < 10; i++) {
            harness.submit(MailClass.BULK, DOMAIN, "shop", "");
            harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        }
        assertThat(take(9)).extracting(QueueItem::mailClass).containsOnly(MailClass.TRANSACTIONAL);
    }

    @Test
    void whatIsPutBackUntriedCostsBulkNothingOfItsShare() {
        submit(1_000, "news", "", SMALL);
        for (int i = 0; i < 1_000; i++) {
            harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        }
        Map<MailClass, Integer> sent = new EnumMap<>(MailClass.class);
        for (int i = 0; i < 200; i++) {
            QueueItem item = take(1).getFirst();
            if (i % 2 == 0) { // always that one of two which would be bulk
                harness.queue.requeue(item);
            } else {
                harness.queue.finished(item);
                sent.merge(item.mailClass(), 1, Integer::sum);
            }
        }
        assertThat(sent).containsOnly(Map.entry(MailClass.TRANSACTIONAL, 90), Map.entry(MailClass.BULK, 10));
    }

    @Test
    void bulkInHandIsOvertakenUnlessItGoesInItsOwnShare() {
        submit(100, "news", "", SMALL);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        QueueItem bulk = take(1).getFirst();
        assertThat(readyQueue.isOvertaken(bulk)).isFalse();
        for (int i = 0; i < 20; i++) {
            harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        }
        assertThat(readyQueue.hasTransactional()).isTrue();
        assertThat(readyQueue.isOvertaken(bulk)).isTrue();
        QueueItem share = take(10).getLast();
        assertThat(share.mailClass()).isEqualTo(MailClass.BULK);
        assertThat(readyQueue.isOvertaken(share)).isFalse();
        take(12);
        assertThat(readyQueue.hasTransactional()).isFalse();
        assertThat(readyQueue.isOvertaken(bulk)).isFalse();
    }

    @Test
    void aTransactionalMessageWaitsNoLongerThanAMomentForASessionThatIsSlow() {
        submit(1, "news", "", SMALL);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        take(1); // and the session is at it for long
        harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        harness.advance(ReadyQueue.HASTE.minusMillis(1));
        assertThat(harness.hasBegun(readyQueue)).isFalse();
        harness.advance(Duration.ofMillis(2));
        assertThat(harness.hasBegun(readyQueue)).isTrue();
    }

    @Test
    void aTransactionalMessageIsInHasteThoughBulkHasWaitedPatientlyBefore() {
        submit(1, "news", "", SMALL);
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        take(1);
        submit(1, "news", "", SMALL);
        harness.advance(Duration.ofMillis(200));
        assertThat(harness.hasBegun(readyQueue)).isFalse();
        harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        harness.advance(ReadyQueue.HASTE.plusMillis(1));
        assertThat(harness.hasBegun(readyQueue)).isTrue();
    }

    @Test
    void aSuspendedTenantsTransactionalMailHoldsUpNobodysBulk() {
        submit(10, "news", "", SMALL);
        for (int i = 0; i < 10; i++) {
            harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        readyQueue.suspendTenant("shop", Duration.ofMinutes(1), "named");
        assertThat(readyQueue.hasTransactional()).isFalse();
        assertThat(count(10)).containsOnly(Map.entry("news/", 10));
        harness.advance(Duration.ofMinutes(2));
        assertThat(readyQueue.hasTransactional()).isTrue();
        assertThat(harness.drain(readyQueue)).hasSize(10);
    }

    @Test
    void keepsTheOrderOfEachSenderWhateverIsTakenAndPutBack() {
        long seed = 7;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 5_000; i++) {
            harness.submit(DOMAIN, "t" + random.nextInt(5), "c" + random.nextInt(3), random.nextInt(2 * MEGABYTE));
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        Map<String, Long> last = new HashMap<>();
        int finished = 0;
        while (finished < 5_000) {
            QueueItem item = harness.take(readyQueue);
            if (random.nextInt(4) == 0) {
                harness.queue.requeue(item);
                continue;
            }
            Long before = last.put(item.tenant() + item.campaign(), item.entry().messageId());
            assertThat(before == null ? -1 : before).as("seed %d", seed).isLessThan(item.entry().messageId());
            harness.queue.finished(item);
            finished++;
        }
        assertThat(harness.poll(readyQueue)).isNull();
        assertThat(readyQueue.ready()).isZero();
    }
}
