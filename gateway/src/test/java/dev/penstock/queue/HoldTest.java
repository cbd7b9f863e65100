package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;

/** Mail that asked for a later delivery (RFC 4865). */
class HoldTest {
    private static final String DOMAIN = "example.com";
    private static final Duration HOLD = Duration.ofDays(30); // longer than any wait of the schedule
    private static final Duration TICK = Duration.ofMillis(TimingWheel.TICK_MILLIS);

    private final QueueHarness harness = QueueHarness.open();
    private final long received = harness.clock.millis();
    private final long end = received + HOLD.toMillis();

    @Test
    void heldMailComesUpWhenTheHoldEndsAndAgesFromThere() {
        submit(0, 0);
        harness.advance(HOLD.minus(TICK));
        assertThat(harness.queue.stats().scheduled()).isEqualTo(1);
        harness.advance(TICK.multipliedBy(2));
        assertThat(harness.take(harness.readyQueue(DOMAIN)).receivedMillis()).isEqualTo(end);
    }

    @Test
    void heldMailThatAnAttemptDeferredWaitsAsLongAsAnyOther() {
        harness.advance(HOLD);
        submit(1, harness.clock.millis() + Duration.ofMinutes(5).toMillis());
        harness.advance(Duration.ofMinutes(5).plus(TICK));
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        assertThat(item.attempts()).isEqualTo(1);
        assertThat(item.receivedMillis()).isEqualTo(end);
    }

    @Test
    void aHoldThatIsOverHoldsNothing() {
        harness.advance(HOLD);
        submit(0, 0);
        harness.queue.runDue();
        assertThat(harness.take(harness.readyQueue(DOMAIN)).attempts()).isZero();
    }

    private void submit(int attempts, long dueMillis) {
        harness.queue
                .submit(Destinations.of(TestEntries.entry(7, 0), DOMAIN, "", "", received, end, attempts, dueMillis,
                        QueueHarness.SIZE));
    }
}
