package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.config.QueueConfig;

/** Somebody sets the wall clock while mail waits. */
class ClockJumpTest {
    private static final String DOMAIN = "example.com";
    private static final Duration WAIT = Duration.ofMinutes(10);
    private static final Duration TICK = Duration.ofMillis(TimingWheel.TICK_MILLIS);

    private final QueueHarness harness = QueueHarness.open();
    private ReadyQueue readyQueue;

    ClockJumpTest() {
        harness.submit(DOMAIN);
        readyQueue = harness.readyQueue(DOMAIN);
        harness.queue.retry(harness.take(readyQueue), harness.clock.millis() + WAIT.toMillis(), 1);
    }

    private void expectDueAfter(Duration wait) {
        harness.advance(wait.minus(TICK));
        assertThat(harness.poll(readyQueue)).isNull();
        harness.advance(TICK.multipliedBy(2));
        harness.take(readyQueue);
    }

    @Test
    void aClockSetForwardMakesNothingDueAtOnce() {
        harness.clock.setWallClock(Duration.ofDays(400));
        harness.queue.runDue();
        expectDueAfter(WAIT);
    }

    @Test
    void aClockSetBackMakesNothingWaitLonger() {
        harness.clock.setWallClock(Duration.ofDays(-400));
        harness.queue.runDue();
        expectDueAfter(WAIT);
    }

    @Test
    void tellsTheNextAttemptByTheClockAsItIsNow() {
        harness.clock.setWallClock(Duration.ofHours(-3));
        assertThat(harness.queue.items(DOMAIN, 1).getFirst().nextAttemptMillis())
                .isEqualTo(harness.clock.millis() + WAIT.toMillis());
    }

    @Test
    void waitsBegunAfterAJumpLastAsLongAsTheyShould() {
        harness.advance(WAIT.plus(TICK));
        harness.clock.setWallClock(Duration.ofHours(-7));
        harness.queue.retry(harness.take(readyQueue), harness.clock.millis() + WAIT.toMillis(), 2);
        expectDueAfter(WAIT);
    }

    @Test
    void aSuspensionLastsAsLongAsItShould() {
        for (Duration jump : new Duration[]{Duration.ofHours(20), Duration.ofHours(-20)}) {
            ReadyQueue refused = suspend("refusing" + jump.toHours() + ".example");
            Duration length = RetrySchedule.shortest(QueueConfig.DEFAULT);
            harness.clock.setWallClock(jump);
            assertThat(harness.queue.items(refused.key().site().name(), 1).getFirst().nextAttemptMillis())
                    .isEqualTo(harness.clock.millis() + length.toMillis());
            harness.advance(length.minusMillis(1));
            assertThat(harness.hasBegun(refused)).isFalse();
            harness.advance(Duration.ofMillis(1));
            assertThat(harness.hasBegun(refused)).isTrue();
        }
    }

    private ReadyQueue suspend(String domain) {
        harness.submit(domain);
        harness.submit(domain);
        ReadyQueue queue = harness.readyQueue(domain);
        assertThat(harness.fail(queue, ReadyQueue.Trouble.REFUSED).suspension()).isNotNull();
        return queue;
    }

    @Test
    void recoveredMailDatedByAWrongClockWaitsNoLongerThanTheScheduleAllows() {
        harness.submit("late.example", "", "", QueueHarness.SIZE, 1,
                harness.clock.millis() + Duration.ofDays(3_000).toMillis());
        harness.advance(Duration.ofHours(4).plusMinutes(24).plus(TICK)); // 4 h and 10 %
        harness.take(harness.readyQueue("late.example"));
    }

    @Test
    void absurdTimesHarmNothing() {
        harness.submit("past.example", "", "", QueueHarness.SIZE, 1, Long.MIN_VALUE);
        harness.submit("future.example", "", "", QueueHarness.SIZE, Integer.MAX_VALUE, Long.MAX_VALUE);
        assertThat(harness.take(harness.readyQueue("past.example")).attempts()).isEqualTo(1);
        harness.advance(Duration.ofHours(5));
        QueueItem item = harness.take(harness.readyQueue("future.example"));
        assertThat(item.attempts()).isEqualTo(QueueItem.MAX_ATTEMPTS);
        harness.queue.retry(item, Long.MAX_VALUE, 2);
        harness.advance(Duration.ofDays(1_000));
        assertThat(harness.queue.items("future.example", 1)).extracting(ItemView::state)
                .containsExactly(QueueItem.State.SCHEDULED);
    }
}
