package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

class RaceTest {
    private static final int SCHEDULES = 2_000;
    private static final int STEPS = 24;
    private static final int MOST_ATTEMPTS = 5;

    @Test
    void theFirstToConnectWinsAndAllOthersAreToldThatTheyLost() throws InterruptedException {
        for (long seed = 0; seed < SCHEDULES; seed++) {
            new Schedule(seed).run();
        }
    }

    @Test
    void anAttemptEndsOnce() {
        Race<String> race = new Race<>(1);
        race.start();
        race.connected(0, "a");
        assertThatThrownBy(() -> race.failed(0, new IOException("late"))).isInstanceOf(IllegalStateException.class);
    }

    /** What a race is, said again in another way: the list of what happened so far. */
    private static final class Schedule {
        private final long seed;
        private final SplittableRandom random;
        private final int attempts;
        private final Race<Integer> race;
        private final List<Integer> underWay = new ArrayList<>();
        private final List<Integer> failed = new ArrayList<>();
        private int started;
        private int winner = -1;
        private boolean abandoned;

        Schedule(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            this.attempts = random.nextInt(1, MOST_ATTEMPTS + 1);
            this.race = new Race<>(attempts);
        }

        void run() throws InterruptedException {
            for (int i = 0; i < STEPS; i++) {
                step();
                boolean over = abandoned || winner >= 0 || failed.size() == attempts;
                assertThat(race.isOver()).as("over, seed %d", seed).isEqualTo(over);
                assertThat(race.await(0)).as("awaited, seed %d", seed).isEqualTo(over);
                assertThat(race.winner()).as("winner, seed %d", seed).isEqualTo(winner);
                assertThat(race.connection()).as("connection, seed %d", seed).isEqualTo(winner < 0 ? null : winner);
                for (int attempt = 0; attempt < attempts; attempt++) {
                    assertThat(race.failures().get(attempt) != null).as("failed, seed %d", seed)
                            .isEqualTo(failed.contains(attempt));
                }
            }
        }

        private void step() {
            switch (random.nextInt(12)) {
                case 0, 1, 2, 3 -> {
                    boolean mayStart = !abandoned && winner < 0 && started < attempts;
                    assertThat(race.start()).as("starts, seed %d", seed).isEqualTo(mayStart ? started : -1);
                    if (mayStart) {
                        underWay.add(started++);
                    }
                }
                case 4, 5, 6, 7 -> {
                    if (!underWay.isEmpty()) {
                        int index = random.nextInt(underWay.size());
                        int attempt = underWay.get(index);
                        underWay.subList(index, index + 1).clear();
                        race.failed(attempt, new IOException("refused"));
                        failed.add(attempt);
                    }
                }
                case 8, 9, 10 -> {
                    if (!underWay.isEmpty()) {
                        int index = random.nextInt(underWay.size());
                        int attempt = underWay.get(index);
                        underWay.subList(index, index + 1).clear();
                        boolean wins = !abandoned && winner < 0;
                        assertThat(race.connected(attempt, attempt)).as("wins, seed %d", seed).isEqualTo(wins);
                        winner = wins ? attempt : winner;
                    }
                }
                default -> {
                    if (random.nextInt(4) == 0) {
                        assertThat(race.abandon()).as("given up, seed %d", seed)
                                .isEqualTo(winner < 0 ? null : winner);
                        abandoned = true;
                    }
                }
            }
        }
    }
}
