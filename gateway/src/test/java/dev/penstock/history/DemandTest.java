package dev.penstock.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import dev.penstock.testing.Patience;

class DemandTest {
    private static final long FRESH = 500;

    private final Demand demand = new Demand(0);

    @Test
    void whoAsksWaitsUntilWhatTheLogHadThenIsShown() {
        long early = demand.ask(1);
        long seen = demand.asked();
        long late = demand.ask(2);
        CompletableFuture<Boolean> waits = CompletableFuture
                .supplyAsync(() -> demand.await(late, Patience.LONG));
        demand.answer(seen, 0);
        assertThat(demand.isOpen(early)).isFalse();
        assertThat(demand.isOpen(late)).as("it was asked when the log had been looked at").isTrue();
        assertThat(demand.await(late, Duration.ZERO)).isFalse();
        demand.answer(demand.asked(), 0);
        assertThat(waits.join()).isTrue();
    }

    @Test
    void whatIsFreshIsNotAskedForAgain() {
        demand.answer(demand.ask(1), 1 + FRESH);
        assertThat(demand.isOpen(demand.ask(FRESH))).isFalse();
        assertThat(demand.isOpen(demand.ask(1 + FRESH))).isTrue();
    }

    @Test
    void nobodyWaitsForWhatIsClosed() {
        long ask = demand.ask(1);
        CompletableFuture<Boolean> waits = CompletableFuture.supplyAsync(() -> demand.await(ask, Patience.LONG));
        demand.close();
        assertThat(waits.join()).isFalse();
        assertThat(demand.isOpen(demand.ask(2))).isFalse();
    }

    /** Asks and rounds at random: an ask is answered exactly when a round that began after it has ended, or it was fresh. */
    @Test
    void anAskIsAnsweredByARoundThatBeganAfterIt() {
        for (long seed = 1; seed <= 50; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            Demand its = new Demand(0);
            TreeMap<Long, Long> open = new TreeMap<>(); // when each was asked
            long round = -1;
            long begun = 0;
            long freshUntil = 0;
            for (long now = 1; now < 3_000; now += random.nextInt(1, 60)) {
                if (random.nextInt(3) > 0) {
                    long ask = its.ask(now);
                    assertThat(its.isOpen(ask)).as("seed %d at %d", seed, now).isEqualTo(now >= freshUntil);
                    if (now >= freshUntil) {
                        open.put(ask, now);
                    }
                } else if (round < 0) {
                    round = its.asked();
                    begun = now;
                } else {
                    if (its.isOpen(round)) {
                        its.answer(round, begun + FRESH);
                        freshUntil = begun + FRESH;
                    }
                    long since = begun;
                    open.values().removeIf(asked -> asked <= since);
                    round = -1;
                }
                for (long ask = 1; ask <= its.asked(); ask++) {
                    assertThat(its.isOpen(ask)).as("seed %d at %d ask %d", seed, now, ask)
                            .isEqualTo(open.containsKey(ask));
                }
            }
        }
    }
}
