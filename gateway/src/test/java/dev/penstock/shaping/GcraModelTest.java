package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.units.Rate;

/** Random reservations, returns and steps of time, and what they must leave of the rate. */
final class GcraModelTest {
    private static final long SEED = 20_261_128;
    private static final int SCHEDULES = 300;
    private static final int STEPS = 2_000;
    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1) / 10;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void whatIsGivenBackNeverBringsEventsNearerThanTheRateAllows(int burst) {
        for (long seed = SEED; seed < SEED + SCHEDULES; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            long start = random.nextLong(); // near a wrap, too
            long now = start;
            Gcra gcra = new Gcra(Rate.parse("10/s,max_burst=" + burst), now);
            List<Long> held = new ArrayList<>();
            long longestStep = INTERVAL * (1L << random.nextInt(4)) / 2;
            for (int step = 0; step < STEPS; step++) {
                switch (random.nextInt(4)) {
                    case 0, 1 -> {
                        long longestWait = random.nextInt(3) * 5L * INTERVAL;
                        long peeked = gcra.peek(now);
                        long wait = gcra.reserve(now, longestWait);
                        assertThat(wait).as("seed %d step %d", seed, step).isEqualTo(peeked);
                        if (wait <= longestWait) {
                            held.add(now + wait);
                        }
                    }
                    case 2 -> {
                        if (!held.isEmpty()) {
                            int back = Math.min(held.size(), 1 + random.nextInt(30));
                            gcra.refund(held.remove(held.size() - 1 - random.nextInt(back)), now);
                        }
                    }
                    case 3 -> now += random.nextBoolean() ? random.nextLong(longestStep) : random.nextInt(4) * INTERVAL;
                }
            }
            assertConforms(held.stream().map(slot -> slot - start).sorted().toList(), burst, seed);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {SEED, SEED + 1, SEED + 2})
    void everySlotThatComesBackInTimeIsUsedWhenMoreEventsWait(long seed) {
        Ledger ledger = whileEventsWait(seed, INTERVAL);
        assertThat(ledger.lost).as("seed %d", seed).isZero();
        assertThat(ledger.usedAgain).as("seed %d", seed).isGreaterThan(10_000);
    }

    @ParameterizedTest
    @ValueSource(longs = {SEED, SEED + 1, SEED + 2})
    void everySlotThatComesBackTooLateIsCounted(long seed) {
        Ledger ledger = whileEventsWait(seed, -INTERVAL);
        assertThat(ledger.lost).as("seed %d", seed).isPositive();
        assertThat(ledger.usedAgain).as("seed %d", seed).isGreaterThan(10_000);
    }

    private record Ledger(int usedAgain, long lost) {}

    /**
     * Takes each slot of the next ten intervals at each step, and gives back one at times; asserts that each slot of the
     * rate is used or counted as lost.
     *
     * @param nearest how far ahead a slot is at least when it is given back; a step takes less than an interval
     */
    private static Ledger whileEventsWait(long seed, long nearest) {
        SplittableRandom random = new SplittableRandom(seed);
        long start = Long.MAX_VALUE - 1_000 * INTERVAL; // the clock wraps on the way
        long now = start;
        Gcra gcra = new Gcra(Rate.parse("10/s"), now);
        TreeSet<Long> held = new TreeSet<>(); // from the start
        int usedAgain = 0;
        for (int step = 0; step < 50_000; step++) {
            long wait;
            while ((wait = gcra.reserve(now, 10 * INTERVAL)) <= 10 * INTERVAL) {
                long slot = now + wait - start;
                usedAgain += held.higher(slot) == null ? 0 : 1;
                assertThat(held.add(slot)).as("seed %d step %d", seed, step).isTrue();
            }
            List<Long> candidates = List.copyOf(held.tailSet(now - start + nearest));
            if (random.nextBoolean()) {
                long slot = candidates.get(random.nextInt(candidates.size()));
                held.remove(slot);
                gcra.refund(start + slot, now);
            }
            now += random.nextLong(INTERVAL);
        }
        long wait;
        while ((wait = gcra.reserve(now, 10 * INTERVAL)) <= 10 * INTERVAL) {
            held.add(now + wait - start);
        }
        assertConforms(List.copyOf(held), 1, seed);
        assertThat(held.size() + gcra.lost()).as("seed %d", seed).isEqualTo(held.last() / INTERVAL + 1);
        return new Ledger(usedAgain, gcra.lost());
    }

    static void assertConforms(List<Long> used, int burst, long seed) {
        long tolerance = (burst - 1) * INTERVAL;
        long arrival = Long.MIN_VALUE / 2;
        for (int i = 0; i < used.size(); i++) {
            long time = used.get(i);
            assertThat(time).as("seed %d event %d", seed, i).isGreaterThanOrEqualTo(arrival - tolerance);
            arrival = Math.max(arrival, time) + INTERVAL;
        }
    }
}
