package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

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
