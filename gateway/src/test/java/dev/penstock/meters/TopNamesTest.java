package dev.penstock.meters;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.ManualTicker;

class TopNamesTest {
    private static final int MOST = 3;
    private static final int HOURS_PER_DAY = 24;

    private final ManualTicker clock = new ManualTicker();
    private final TopNames<LongAdder> names = new TopNames<>(MOST, LongAdder::new, clock);

    private void count(String name, int times) {
        for (int i = 0; i < times; i++) {
            names.of(name).increment();
        }
    }

    private Map<String, Long> hourLater() {
        clock.advance(TopNames.PERIOD);
        return figures();
    }

    private Map<String, Long> figures() {
        Map<String, Long> figures = new HashMap<>();
        names.figures().forEach((name, counted) -> figures.put(name, counted.sum()));
        return figures;
    }

    @Test
    void theFirstNamesHaveFiguresOfTheirOwnAndTheOthersShareOne() {
        for (String name : List.of("a", "b", "c", "d", "e", "a")) {
            count(name, 1);
        }
        count("", 5);
        count(TopNames.OTHER, 2);
        assertThat(figures()).isEqualTo(Map.of("a", 2L, "b", 1L, "c", 1L, TopNames.OTHER, 9L));
    }

    @Test
    void aNameThatGrowsTakesThePlaceOfTheSmallestAndIsCountedFromThenOn() {
        count("a", 100);
        count("b", 50);
        count("c", 10);
        count("late", 21);
        assertThat(figures()).containsEntry("c", 10L).as("until it is time").doesNotContainKey("late");
        assertThat(hourLater()).containsOnlyKeys("a", "b", "late", TopNames.OTHER).containsEntry("late", 0L)
                .as("they stay where they were counted").containsEntry(TopNames.OTHER, 21L);
        count("late", 7);
        count("c", 3);
        assertThat(figures()).containsEntry("late", 7L).containsEntry(TopNames.OTHER, 24L);
    }

    @Test
    void aNameThatIsNotTwiceAsLargeWaits() {
        count("a", 100);
        count("b", 50);
        count("c", 10);
        count("late", 20);
        assertThat(hourLater()).containsOnlyKeys("a", "b", "c", TopNames.OTHER);
    }

    @Test
    void whatANameWasCountedLongAgoKeepsNobodyOutForEver() {
        count("a", 1_000_000);
        count("b", 1_000_000);
        count("c", 1_000_000);
        int days = 0;
        while (!figures().containsKey("new")) {
            for (int hour = 0; hour < HOURS_PER_DAY; hour++) {
                count("new", 500);
                hourLater();
            }
            days++;
            assertThat(days).isLessThan(10);
        }
        assertThat(days).as("a day takes half").isGreaterThan(3);
    }

    /** Two providers that are about as large, one by day and one by night, for a month. */
    @Test
    void namesThatAreAboutAsLargeDontChangePlacesForEver() {
        count("a", 1_000);
        count("b", 1_000);
        Set<String> had = new HashSet<>();
        int changes = 0;
        Set<String> before = Set.of();
        for (int hour = 0; hour < 30 * HOURS_PER_DAY; hour++) {
            count("a", 1_000);
            count("b", 1_000);
            count(hour / 12 % 2 == 0 ? "day" : "night", 100);
            Set<String> now = hourLater().keySet();
            changes += now.equals(before) ? 0 : 1;
            before = now;
            had.addAll(now);
        }
        assertThat(changes).isEqualTo(1);
        assertThat(had).containsExactlyInAnyOrder("a", "b", "day", TopNames.OTHER);
    }

    @Test
    void aFloodOfNamesTakesNoMoreThanItsRoomAndKeepsNoLargeOneOut() {
        TopNames<LongAdder> many = new TopNames<>(8, LongAdder::new, clock);
        for (int i = 0; i < 8; i++) {
            many.of("first-" + i).increment();
        }
        SplittableRandom random = new SplittableRandom(7);
        int hours = 0;
        while (!many.figures().containsKey("large")) {
            for (int i = 0; i < 10_000; i++) {
                many.of(i % 20 == 0 ? "large" : "x" + random.nextInt(1_000_000)).increment();
            }
            assertThat(many.figures()).hasSize(9);
            clock.advance(TopNames.PERIOD);
            assertThat(hours++).isLessThan(48);
        }
    }

    /** Against what is added up beside it, over random names, volumes and hours. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void nothingIsLostOrCountedTwiceAndFewSeriesBeginInAnHour(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        TopNames<LongAdder> top = new TopNames<>(8, LongAdder::new, clock);
        Set<LongAdder> ever = new HashSet<>();
        long counted = 0;
        Set<String> before = new HashSet<>();
        for (int hour = 0; hour < 300; hour++) {
            int shift = hour / 50; // names grow and shrink
            for (int i = 0; i < 400; i++) {
                int rank = (int) Math.pow(40, random.nextDouble()) + shift * 5;
                top.of("n" + rank).increment();
                counted++;
            }
            ever.addAll(top.figures().values()); // before any of them loses its place
            if (random.nextInt(3) > 0) {
                clock.advance(TopNames.PERIOD.dividedBy(1 + random.nextInt(2)));
            }
            Map<String, LongAdder> figures = top.figures();
            ever.addAll(figures.values());
            assertThat(figures).as("seed %d", seed).hasSize(9);
            List<String> begun = new ArrayList<>(figures.keySet());
            begun.removeAll(before);
            assertThat(begun.size()).as("seed %d, hour %d", seed, hour)
                    .isLessThanOrEqualTo(before.isEmpty() ? 9 : TopNames.MOST_CHANGES);
            before = Set.copyOf(figures.keySet());
        }
        assertThat(ever.stream().mapToLong(LongAdder::sum).sum()).as("seed %d", seed).isEqualTo(counted);
        assertThat(ever.size()).as("names did change, seed %d", seed).isGreaterThan(9);
    }

    @Test
    void manyThreadsCountWhilePlacesChange() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            long seed = thread;
            threads.add(Thread.ofPlatform().start(() -> {
                SplittableRandom random = new SplittableRandom(seed);
                for (int i = 0; i < 200_000; i++) {
                    names.of("n" + random.nextInt(1 + i / 1_000)).increment();
                }
            }));
        }
        while (threads.stream().anyMatch(Thread::isAlive)) {
            clock.advance(TopNames.PERIOD);
            assertThat(names.figures().size()).isLessThanOrEqualTo(MOST + 1);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(names.figures()).hasSize(MOST + 1);
    }
}
