package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

class AgeCountsTest {
    private static final int NOW = 30_000_000;
    private static final int WEEK = 7 * 24 * 60;

    @Test
    void bucketsAreThoseOfQshape() {
        int[] ages = {-1, 0, 4, 5, 9, 10, 19, 20, 79, 80, 639, 640, 1279, 1280, 100_000};
        int[] buckets = {0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 7, 8, 8, 9, 9};
        for (int i = 0; i < ages.length; i++) {
            assertThat(QueueCounts.ageBucket(ages[i])).as("age " + ages[i]).isEqualTo(buckets[i]);
        }
    }

    @Test
    void whatWasNotPutInIsNotTakenOut() {
        AgeCounts counts = new AgeCounts();
        counts.add(NOW);
        assertThatThrownBy(() -> counts.remove(NOW - 1)).isInstanceOf(IllegalStateException.class);
    }

    /** Whatever comes and goes in whatever order, none is lost, and each age is told to a sixteenth. */
    @Test
    void everyAgeIsToldToASixteenth() {
        for (long seed = 1; seed <= 50; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            AgeCounts counts = new AgeCounts();
            List<Integer> minutes = new ArrayList<>();
            int now = NOW;
            for (int step = 0; step < 2_000; step++) {
                now += random.nextInt(20) == 0 ? random.nextInt(200) : random.nextInt(2);
                if (minutes.isEmpty() || random.nextInt(5) > 1) {
                    int minute = random.nextInt(10) == 0 ? now - random.nextInt(WEEK) : now; // recovered, or new
                    counts.add(minute);
                    minutes.add(minute);
                } else {
                    int place = random.nextInt(minutes.size());
                    counts.remove(minutes.set(place, minutes.getLast()));
                    minutes.removeLast();
                }
                if (step % 50 == 0) {
                    assertPrecise(counts, minutes, now, seed);
                }
            }
            minutes.forEach(counts::remove);
            assertThat(counts.oldestMinute()).as("seed " + seed).isEqualTo(Integer.MAX_VALUE);
        }
    }

    private static void assertPrecise(AgeCounts counts, List<Integer> minutes, int now, long seed) {
        long[] told = new long[QueueCounts.AGE_BOUNDS.size() + 1];
        counts.addTo(told, now);
        long upTo = 0;
        for (int i = 0; i < told.length; i++) {
            upTo += told[i];
            double bound = i == told.length - 1 ? 1e9 : QueueCounts.AGE_BOUNDS.get(i);
            assertThat(upTo).as("seed %d, younger than %s min", seed, bound)
                    .isBetween(younger(minutes, now, bound * 15 / 16 - 1), younger(minutes, now, bound * 17 / 15 + 1));
        }
    }

    private static long younger(List<Integer> minutes, int now, double age) {
        return minutes.stream().filter(minute -> now - minute < age).count();
    }

    @Test
    void aWeekTakesLessThanTwoKilobytes() {
        AgeCounts counts = new AgeCounts();
        int most = 0;
        for (int minute = NOW; minute < NOW + 2 * WEEK; minute++) {
            counts.add(minute);
            if (minute >= NOW + WEEK) {
                counts.remove(minute - WEEK);
            }
            most = Math.max(most, counts.octets());
        }
        assertThat(most).isBetween(500, 2_000);
    }
}
