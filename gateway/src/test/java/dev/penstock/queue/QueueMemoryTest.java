package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.ref.Reference;
import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;

/** What a queued destination costs. The spool's handles are made before and not counted. */
class QueueMemoryTest {
    private static final int MESSAGES = 1_000_000;
    private static final int DOMAINS = 1_000;
    /** 48 for the item (compact object headers), 4.5 for its place by id, the rest for what a thousand domains and their ready queues share. */
    private static final int MOST_BYTES_EACH = 60;

    private final MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
    private final QueueHarness harness = QueueHarness.open();

    @Test
    void aMillionQueuedMessagesStaySmall() {
        SpoolEntry[] entries = new SpoolEntry[MESSAGES];
        String[] domains = new String[DOMAINS];
        for (int i = 0; i < MESSAGES; i++) {
            entries[i] = TestEntries.entry(i, 0);
        }
        for (int d = 0; d < DOMAINS; d++) {
            domains[d] = "domain" + d + ".example";
        }
        long now = harness.clock.millis();
        long before = used();
        double each;
        try {
            fill(entries, domains, now);
            each = (double) (used() - before) / MESSAGES;
        } finally {
            Reference.reachabilityFence(entries);
        }
        System.out.printf("queue: %.1f bytes of heap for each of %,d messages%n", each, MESSAGES);
        assertThat(each).isBetween(30.0, (double) MOST_BYTES_EACH);
        assertThat(harness.queue.stats().queued()).isEqualTo(MESSAGES);
    }

    private void fill(SpoolEntry[] entries, String[] domains, long now) {
        for (int i = 0; i < MESSAGES; i++) {
            boolean ready = i % 2 == 0;
            harness.queue
                    .submit(Destinations.of(entries[i], domains[i % DOMAINS], "tenant" + i % 10, "", now, ready ? 0 : 1,
                            ready ? 0 : now + i % Duration.ofHours(4).toMillis(), 4_096));
        }
    }

    /** The least of some looks: whatever else lives in this JVM may make something meanwhile, or let go of it. */
    private long used() {
        long least = Long.MAX_VALUE;
        for (int look = 0; look < 4; look++) {
            System.gc();
            least = Math.min(least, memory.getHeapMemoryUsage().getUsed());
        }
        return least;
    }
}
