package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.shaping.SenderLimits.Waiter;

/** How fast one sender's limits let his mail go is measured while they alone hold it back. */
class SenderPaceTest {
    private final Waiter waiter = new Waiter(() -> false);
    private long now = Long.MAX_VALUE - Duration.ofHours(1).toNanos(); // which is passed here

    private void waits(Duration told) {
        waiter.waits(now, told.toNanos(), false);
    }

    private void passes(Duration time) {
        now += time.toNanos();
    }

    private void goes(boolean more) {
        waiter.goes(now, more);
    }

    private void backlog(int messages) {
        for (int i = 0; i < messages; i++) {
            passes(Duration.ofMillis(400)); // a session has the one before in hand
            waits(Duration.ofMillis(4_600));
            passes(Duration.ofMillis(4_600));
            goes(true);
        }
    }

    private void assertInterval(Duration expected) {
        assertThat(waiter.intervalNanos()).isCloseTo((double) expected.toNanos(), within(1e6));
    }

    @Test
    void nothingIsKnownBeforeAMessageHadToWait() {
        goes(true);
        passes(Duration.ofSeconds(3));
        goes(true);
        assertThat(waiter.intervalNanos()).isZero();
    }

    @Test
    void ofABacklogItIsTheTimeFromOneMessageToTheNext() {
        goes(true);
        backlog(40);
        assertInterval(Duration.ofSeconds(5));
    }

    @Test
    void whatGoesFasterThanBeforeIsBelieved() {
        goes(true);
        backlog(40);
        for (int i = 0; i < 200; i++) {
            passes(Duration.ofSeconds(1));
            goes(true);
        }
        assertThat(waiter.intervalNanos()).isBetween(0.99e9, 1.1e9);
    }

    @Test
    void aPauseOfTheirPathIsNoTimeThatTheLimitsTake() {
        goes(true);
        backlog(40);
        waits(Duration.ofSeconds(5));
        passes(Duration.ofMinutes(20));
        goes(true);
        passes(Duration.ofMinutes(20));
        goes(true);
        assertInterval(Duration.ofSeconds(5));
    }

    @Test
    void theEndOfADaysCountIsWaitedForAndNotItsPace() {
        goes(true);
        backlog(40);
        waiter.waits(now, Duration.ofMinutes(50).toNanos(), true);
        passes(Duration.ofMinutes(50));
        goes(true);
        assertInterval(Duration.ofSeconds(5));
    }

    @Test
    void whoIsRefusedOnceMoreBehindAPauseHasWaitedForTheLimitsAlone() {
        goes(true);
        backlog(40);
        waits(Duration.ofSeconds(5));
        passes(Duration.ofMinutes(20));
        waits(Duration.ofSeconds(5)); // others were before it
        passes(Duration.ofSeconds(5));
        goes(true);
        assertThat(waiter.intervalNanos()).isCloseTo(5e9 + 5e9 / 32, within(1e6));
    }

    @Test
    void aPaceOfHoursIsOne() {
        goes(true);
        for (int i = 0; i < 3; i++) {
            waits(Duration.ofHours(2));
            passes(Duration.ofHours(2));
            goes(true);
        }
        assertInterval(Duration.ofHours(2));
    }

    @Test
    void aMessageThatComesBackUntriedCountsOnce() {
        goes(true);
        backlog(40);
        for (int i = 0; i < 40; i++) {
            waiter.cameBack();
            goes(true);
        }
        assertInterval(Duration.ofSeconds(5));
    }

    @Test
    void whatPassesWithoutLimitsIsNotMeasured() {
        goes(true);
        backlog(40);
        waits(Duration.ofSeconds(5));
        waiter.isFree();
        passes(Duration.ofMinutes(5));
        goes(true);
        assertInterval(Duration.ofSeconds(5));
    }

    @Test
    void theTimeInWhichThereWasNoMailIsNone() {
        goes(true);
        backlog(40);
        goes(false);
        passes(Duration.ofMinutes(9));
        waits(Duration.ofSeconds(5));
        passes(Duration.ofSeconds(5));
        goes(false);
        assertThat(waiter.intervalNanos()).isBetween(4.8e9, 5e9); // one went with the one before
    }

    @Test
    void afterALongTimeWithoutMailItIsMeasuredAnew() {
        goes(true);
        backlog(40);
        passes(Duration.ofMinutes(11));
        waits(Duration.ofSeconds(1));
        passes(Duration.ofSeconds(1));
        goes(true);
        assertInterval(Duration.ofSeconds(1));
    }
}
