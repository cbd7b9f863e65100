package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

import dev.penstock.units.MailClass;

/**
 * The real queue in virtual time before a receiver that takes messages at a rate: how long who waits. Longer, with a million
 * messages: {@code -Dpenstock.fair.million=true}.
 */
@Timeout(900)
class FairShareTest {
    private static final String DOMAIN = "example.com";
    private static final int RATE = 100; // messages a second
    private static final Duration SLOT = Duration.ofMillis(1_000 / RATE);

    private final QueueHarness harness = QueueHarness.open();
    private final Map<Long, Long> submittedAt = new HashMap<>();
    private final Map<String, List<Long>> waits = new HashMap<>();

    private void submit(int count, MailClass mailClass, String tenant) {
        for (int i = 0; i < count; i++) {
            submittedAt.put(harness.submit(mailClass, DOMAIN, tenant, ""), harness.clock.millis());
        }
    }

    /** The receiver takes so many messages, one in each slot. */
    private void deliver(int messages) {
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        for (int i = 0; i < messages; i++) {
            harness.advance(SLOT);
            QueueItem item = harness.poll(readyQueue);
            if (item == null) {
                return;
            }
            Long since = submittedAt.remove(item.entry().messageId());
            if (since != null) {
                waits.computeIfAbsent(item.tenant(), _ -> new ArrayList<>()).add(harness.clock.millis() - since);
            }
            harness.queue.finished(item);
        }
    }

    private long waitOf(String tenant, int percentile) {
        List<Long> sorted = new ArrayList<>(waits.get(tenant));
        Collections.sort(sorted);
        return sorted.get((sorted.size() - 1) * percentile / 100);
    }

    @Test
    void oneWhoComesBehindABacklogOf200000WaitsLessThanTwiceAsLongAsAlone() {
        submit(100, MailClass.BULK, "alone");
        deliver(100);
        submit(200_000, MailClass.BULK, "a");
        submittedAt.clear();
        deliver(1_000);
        submit(100, MailClass.BULK, "b");
        deliver(200);
        assertThat(waits.get("b")).hasSize(100);
        assertThat(waitOf("b", 50)).as("median wait, alone %d ms", waitOf("alone", 50))
                .isLessThan(2 * waitOf("alone", 50));
    }

    @Test
    void threeToOneIsThreeToOneWhateverTheSizes() {
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 20_000; i++) {
            harness.submit(DOMAIN, "a", "", random.nextInt(200_000));
            harness.submit(DOMAIN, "b", "", random.nextInt(200_000));
        }
        harness.reconfigure(QueueHarness.weights(Map.of("a", 3)), Map.of());
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        Map<String, Integer> sent = new HashMap<>();
        for (int i = 0; i < 10_000; i++) {
            QueueItem item = harness.take(readyQueue);
            sent.merge(item.tenant(), 1, Integer::sum);
            harness.queue.finished(item);
        }
        double ratio = (double) sent.getOrDefault("a", 0) / sent.getOrDefault("b", 0);
        assertThat(ratio).isBetween(3 * 0.95, 3 * 1.05);
    }

    @Test
    void transactionalMailWaitsLessThanASecondBehindABacklog() {
        transactionalBehind(100_000, 20_000);
    }

    @Test
    @EnabledIfSystemProperty(named = "penstock.fair.million", matches = "true")
    void transactionalMailWaitsLessThanASecondBehindAMillion() {
        transactionalBehind(1_000_000, 60_000);
    }

    /** Up to a half of what the receiver takes is transactional, in bursts of up to 20. */
    private void transactionalBehind(int backlog, int slots) {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < backlog; i++) {
            harness.submit(MailClass.BULK, DOMAIN, "news" + i % 50, "c" + i % 3);
        }
        int bulk = 0;
        int last = 0;
        for (int slot = 0; slot < slots; slot++) {
            if (random.nextInt(20) == 0) {
                submit(random.nextInt(1, 21), MailClass.TRANSACTIONAL, "shop");
            }
            int before = waits.getOrDefault("shop", List.of()).size();
            deliver(1);
            if (waits.getOrDefault("shop", List.of()).size() == before) {
                bulk++;
                assertThat(slot - last).as("slots between two bulk messages").isLessThanOrEqualTo(10);
                last = slot;
            }
        }
        List<Long> urgent = waits.getOrDefault("shop", List.of());
        assertThat(urgent).hasSizeGreaterThan(slots / 4);
        assertThat(waitOf("shop", 99)).as("p99 of %d, bulk %d", urgent.size(), bulk).isLessThan(1_000);
        assertThat(harness.readyQueue(DOMAIN).ready()).isGreaterThan(backlog - slots);
    }
}
