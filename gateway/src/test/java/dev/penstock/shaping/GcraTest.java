package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import dev.penstock.testing.ManualClock;
import dev.penstock.units.Rate;

class GcraTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final ManualClock clock = new ManualClock();

    private Gcra gcra(String rate) {
        return new Gcra(Rate.parse(rate), clock.nanoTime());
    }

    @Test
    void spacesEventsEvenlyWithinTheSecondFromTheFirstOn() {
        Gcra gcra = gcra("100/s");
        for (int i = 0; i < 1_000; i++) {
            assertThat(gcra.reserve(clock.nanoTime())).isEqualTo(i * SECOND / 100);
        }
    }

    @Test
    void givesNoBurstAfterAPauseUnlessOneIsConfigured() {
        Gcra gcra = gcra("100/s");
        clock.advance(Duration.ofHours(1));
        assertThat(gcra.reserve(clock.nanoTime())).isZero();
        assertThat(gcra.reserve(clock.nanoTime())).isEqualTo(SECOND / 100);
    }

    @Test
    void givesTheConfiguredBurstAndNoMore() {
        Gcra gcra = gcra("10/s,max_burst=5");
        for (int pause = 0; pause < 2; pause++) {
            for (int i = 0; i < 5; i++) {
                assertThat(gcra.reserve(clock.nanoTime(), 0)).isZero();
            }
            assertThat(gcra.reserve(clock.nanoTime(), 0)).isEqualTo(SECOND / 10);
            clock.advance(Duration.ofMinutes(10));
        }
    }

    /** What is left of an interval when an event comes late must not be lost, or the rate would fall below its value. */
    @Test
    void reachesItsRateExactlyWhenAskedInTime() {
        Gcra gcra = gcra("7/s");
        long end = clock.nanoTime() + 3_600 * SECOND;
        int events = -1; // the last one falls behind the end
        while (clock.nanoTime() < end) {
            clock.advanceNanos(gcra.reserve(clock.nanoTime()));
            events++;
        }
        assertThat(events).isEqualTo(7 * 3_600);
    }

    @Test
    void neverExceedsRateAndBurstInAnyWindow() {
        long seed = 20_261_123;
        SplittableRandom random = new SplittableRandom(seed);
        int burst = 4;
        long interval = SECOND / 50;
        Gcra gcra = gcra("50/s,max_burst=" + burst);
        Deque<Long> window = new ArrayDeque<>();
        for (int i = 0; i < 100_000; i++) {
            clock.advanceNanos(random.nextLong(2 * interval));
            if (gcra.reserve(clock.nanoTime(), 0) == 0) {
                window.addLast(clock.nanoTime());
                if (window.size() > burst + 10) {
                    long first = window.removeFirst();
                    // n events after the first need at least (n - burst + 1) intervals
                    assertThat(clock.nanoTime() - first).as("seed %d", seed).isGreaterThanOrEqualTo(11 * interval);
                }
            }
        }
    }

    @Test
    void keepsTimeWhenNanoTimeWraps() {
        ManualClock late = new ManualClock(Long.MAX_VALUE - SECOND);
        Gcra gcra = new Gcra(Rate.parse("1/s"), late.nanoTime());
        for (int i = 0; i < 10; i++) {
            assertThat(gcra.reserve(late.nanoTime(), 0)).isZero();
            assertThat(gcra.reserve(late.nanoTime(), 0)).isEqualTo(SECOND);
            late.advance(Duration.ofSeconds(1));
        }
    }

    @Test
    void takesNothingBeyondTheLongestWait() {
        Gcra gcra = gcra("1/h");
        assertThat(gcra.reserve(clock.nanoTime(), SECOND)).isZero();
        for (int i = 0; i < 100; i++) {
            assertThat(gcra.reserve(clock.nanoTime(), SECOND)).isEqualTo(3_600 * SECOND);
        }
        clock.advance(Duration.ofHours(1));
        assertThat(gcra.peek(clock.nanoTime())).isZero();
        assertThat(gcra.reserve(clock.nanoTime(), SECOND)).isZero();
    }

    @Test
    void takesTheLatestSlotBackButNoEarlierOne() {
        Gcra gcra = gcra("1/s");
        long start = clock.nanoTime();
        gcra.reserve(start);
        long second = start + gcra.reserve(start);
        long third = start + gcra.reserve(start);
        assertThat(gcra.refund(second, start)).isFalse();
        assertThat(gcra.refund(third, start)).isTrue();
        assertThat(start + gcra.reserve(start)).isEqualTo(third);
    }

    /** At burst 1 there is no second slot to make good for one that was lost. */
    @Test
    void aSlotOfNowGivenBackALittleLaterIsFreeAgain() {
        Gcra gcra = gcra("1/min");
        long slot = clock.nanoTime();
        assertThat(gcra.reserve(slot)).isZero();
        clock.advance(Duration.ofMillis(5));
        assertThat(gcra.refund(slot, clock.nanoTime())).isTrue();
        assertThat(gcra.reserve(clock.nanoTime(), 0)).isZero();
        assertThat(gcra.reserve(clock.nanoTime(), 0)).isEqualTo(60 * SECOND);
    }

    @Test
    void isNotHeldUpByASlotTakenAtTheOldRate() {
        Gcra gcra = gcra("1/h");
        gcra.reserve(clock.nanoTime());
        gcra.reconfigure(Rate.parse("100/s"), clock.nanoTime());
        assertThat(gcra.peek(clock.nanoTime())).isEqualTo(SECOND / 100);
    }

    @Test
    void doesNotGiveASpentBurstAgainWhenReconfigured() {
        Gcra gcra = gcra("1/s,max_burst=10");
        while (gcra.reserve(clock.nanoTime(), 0) == 0) {
            // spend it
        }
        gcra.reconfigure(Rate.parse("1/s,max_burst=10"), clock.nanoTime());
        assertThat(gcra.peek(clock.nanoTime())).isEqualTo(SECOND);
    }

    @Test
    void givesEachThreadItsOwnSlot() throws InterruptedException {
        Gcra gcra = gcra("1000/s");
        int threads = 4;
        int each = 5_000;
        long[] waits = new long[threads * each];
        List<Thread> running = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int offset = t * each;
            running.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < each; i++) {
                    waits[offset + i] = gcra.reserve(clock.nanoTime());
                }
            }));
        }
        for (Thread thread : running) {
            thread.join();
        }
        Arrays.sort(waits);
        for (int i = 0; i < waits.length; i++) {
            assertThat(waits[i]).isEqualTo(i * SECOND / 1_000);
        }
    }

    @Test
    void withoutARateLetsEverythingThrough() {
        Gcra gcra = new Gcra(null, clock.nanoTime());
        for (int i = 0; i < 1_000; i++) {
            assertThat(gcra.reserve(clock.nanoTime(), 0)).isZero();
        }
    }
}
