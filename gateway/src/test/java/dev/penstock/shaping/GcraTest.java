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
    void takesTheLatestSlotBackThoughItsTimeIsPast() {
        Gcra gcra = gcra("1/s");
        long slot = clock.nanoTime() + gcra.reserve(clock.nanoTime(), 0);
        clock.advance(Duration.ofMillis(5));
        assertThat(gcra.refund(slot, clock.nanoTime())).isTrue();
        assertThat(gcra.reserve(clock.nanoTime(), 0)).isZero();
        assertThat(gcra.lost()).isZero();
    }

    @Test
    void takesSlotsBackInReverseOrderThoughTheirTimesArePast() {
        Gcra gcra = gcra("1/s");
        long first = clock.nanoTime() + gcra.reserve(clock.nanoTime());
        long second = clock.nanoTime() + gcra.reserve(clock.nanoTime());
        clock.advance(Duration.ofMinutes(1));
        assertThat(gcra.refund(second, clock.nanoTime())).isTrue();
        assertThat(gcra.refund(first, clock.nanoTime())).isTrue();
        assertThat(gcra.lost()).isZero();
    }

    @Test
    void givesAnEarlierSlotThatCameBackToTheNextEventAtItsOwnTime() {
        Gcra gcra = gcra("1/s");
        long start = clock.nanoTime();
        gcra.reserve(start);
        long second = start + gcra.reserve(start);
        long third = start + gcra.reserve(start);
        assertThat(gcra.refund(second, start)).isTrue();
        clock.advance(Duration.ofMillis(300));
        assertThat(clock.nanoTime() + gcra.peek(clock.nanoTime())).isEqualTo(second);
        assertThat(gcra.reserve(clock.nanoTime(), SECOND / 2)).as("too far away").isEqualTo(SECOND * 7 / 10);
        assertThat(clock.nanoTime() + gcra.reserve(clock.nanoTime())).isEqualTo(second);
        assertThat(clock.nanoTime() + gcra.reserve(clock.nanoTime())).isEqualTo(third + SECOND);
    }

    @Test
    void countsASlotThatCameBackTooLateOrThatNobodyAskedForInTime() {
        Gcra gcra = gcra("1/s");
        long start = clock.nanoTime();
        for (int i = 0; i < 5; i++) {
            gcra.reserve(start);
        }
        assertThat(gcra.refund(start + 3 * SECOND, start)).isTrue();
        clock.advance(Duration.ofSeconds(2));
        assertThat(gcra.refund(start + SECOND, clock.nanoTime())).as("it is past").isFalse();
        assertThat(gcra.lost()).isEqualTo(1);
        clock.advance(Duration.ofSeconds(2));
        assertThat(clock.nanoTime() + gcra.reserve(clock.nanoTime())).isEqualTo(start + 5 * SECOND);
        assertThat(gcra.lost()).as("the fourth is past too").isEqualTo(2);
    }

    @Test
    void losesWhatIsReturnedOverItsBoundAndCountsIt() {
        Gcra gcra = gcra("1000/s");
        long start = clock.nanoTime();
        for (int i = 0; i < Gcra.MAX_RETURNED + 2; i++) {
            gcra.reserve(start);
        }
        for (int i = 0; i < Gcra.MAX_RETURNED; i++) {
            assertThat(gcra.refund(start + i * SECOND / 1_000, start)).isTrue();
        }
        assertThat(gcra.refund(start + Gcra.MAX_RETURNED * SECOND / 1_000, start)).isFalse();
        assertThat(gcra.lost()).isEqualTo(1);
    }

    @Test
    void losesReturnedSlotsWhenTheRateIsChangedAndCountsThem() {
        Gcra gcra = gcra("1/s");
        long start = clock.nanoTime();
        for (int i = 0; i < 4; i++) {
            gcra.reserve(start);
        }
        gcra.refund(start + SECOND, start);
        gcra.reconfigure(Rate.parse("1/s"), start);
        assertThat(gcra.peek(start)).as("the same rate").isEqualTo(SECOND);
        gcra.reconfigure(Rate.parse("10/s"), start);
        assertThat(gcra.lost()).isEqualTo(1);
        assertThat(gcra.peek(start)).isEqualTo(SECOND / 10);
    }

    @Test
    void handsASlotOfTheOldRateOnAtItsTimeOnly() {
        Gcra gcra = gcra("1/h");
        long start = clock.nanoTime();
        long first = start + gcra.reserve(start);
        long second = start + gcra.reserve(start);
        gcra.reconfigure(Rate.parse("1/s"), start);
        assertThat(gcra.refund(second, start)).isTrue();
        assertThat(gcra.peek(start)).as("no credit at the new rate").isEqualTo(SECOND);
        assertThat(gcra.refund(first, start + 1)).as("nor for one that is past").isFalse();
        assertThat(gcra.peek(start)).isEqualTo(SECOND);
    }

    @Test
    void withoutARateTakesEverythingBack() {
        Gcra gcra = new Gcra(null, clock.nanoTime());
        assertThat(gcra.refund(clock.nanoTime() + gcra.reserve(clock.nanoTime()), clock.nanoTime())).isTrue();
        assertThat(gcra.lost()).isZero();
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
    void givesEachSlotToOneThreadThoughTheyComeBackAllTheTime() throws InterruptedException {
        long seed = 20_261_128;
        long start = Long.MAX_VALUE - SECOND; // the slots lie on both sides of the wrap
        long interval = SECOND / 1_000;
        Gcra gcra = new Gcra(Rate.parse("1000/s"), start);
        List<List<Long>> held = new ArrayList<>();
        List<Thread> running = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            List<Long> mine = new ArrayList<>();
            held.add(mine);
            SplittableRandom random = new SplittableRandom(seed + t);
            running.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 20_000; i++) {
                    if (mine.size() < 100 && random.nextBoolean() || mine.isEmpty()) {
                        mine.add(start + gcra.reserve(start));
                    } else {
                        gcra.refund(mine.remove(random.nextInt(mine.size())), start);
                    }
                }
            }));
        }
        for (Thread thread : running) {
            thread.join();
        }
        List<Long> all = new ArrayList<>(held.stream().flatMap(List::stream).map(slot -> slot - start).toList());
        assertThat(all).as("seed %d", seed).doesNotHaveDuplicates().isNotEmpty();
        assertThat(gcra.lost()).isZero();
        long last = all.stream().max(Long::compare).orElseThrow();
        while (all.size() <= last / interval) {
            all.add(gcra.reserve(start)); // fills the gaps first
        }
        all.sort(Long::compare);
        for (int i = 0; i < all.size(); i++) {
            assertThat(all.get(i)).as("seed %d", seed).isEqualTo(i * interval);
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
