package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.delivery.ReportRate.Turn;
import dev.penstock.testing.ManualTicker;
import dev.penstock.units.Rate;

/** How many reports a sender gets, whatever comes when. */
@Timeout(120)
final class ReportRateTest {
    private static final Rate THREE = Rate.parse("3/hour");

    private final ManualTicker ticker = new ManualTicker();
    private final ReportRate rate = new ReportRate();

    @Test
    void theWholeCountMayComeAtOnceAndTheNextPeriodBeginsAnew() {
        rate.reconfigure(THREE);
        assertThat(turns(5)).containsExactly(Turn.MADE, Turn.MADE, Turn.MADE, Turn.FIRST_BEYOND, Turn.BEYOND);
        ticker.advance(Duration.ofMinutes(59));
        assertThat(turns(1)).containsExactly(Turn.BEYOND);
        ticker.advance(Duration.ofMinutes(1));
        assertThat(turns(4)).containsExactly(Turn.MADE, Turn.MADE, Turn.MADE, Turn.FIRST_BEYOND);
    }

    @Test
    void eachSenderHasItsOwnCountWhateverItsCase() {
        rate.reconfigure(Rate.parse("1/min"));
        assertThat(rate.take("a@x.example", 0).last()).isEqualTo(Turn.MADE);
        assertThat(rate.take("b@x.example", 0).last()).isEqualTo(Turn.MADE);
        assertThat(rate.take("A@X.example", 0).last()).isEqualTo(Turn.FIRST_BEYOND);
    }

    @Test
    void withoutARateAllAreMade() {
        assertThat(turns(1_000)).containsOnly(Turn.MADE);
    }

    @Test
    void aChangedRateHoldsAtOnceForWhatASenderHasHad() {
        rate.reconfigure(Rate.parse("5/hour"));
        turns(4);
        rate.reconfigure(THREE);
        assertThat(turns(2)).containsExactly(Turn.FIRST_BEYOND, Turn.BEYOND);
        rate.reconfigure(Rate.parse("5/hour"));
        assertThat(turns(2)).containsExactly(Turn.MADE, Turn.BEYOND);
    }

    @Test
    void ofManyAtOnceNoMoreThanTheCountAreMadeAndOneSaysSo() throws Exception {
        Rate hundred = Rate.parse("100/hour");
        rate.reconfigure(hundred);
        int threads = 8;
        int each = 500;
        CountDownLatch start = new CountDownLatch(1);
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            List<Future<Map<Turn, Integer>>> counted = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                counted.add(executor.submit(() -> {
                    start.await();
                    Map<Turn, Integer> mine = new HashMap<>();
                    for (int i = 0; i < each; i++) {
                        mine.merge(rate.take("busy@x.example", ticker.getAsLong()).last(), 1, Integer::sum);
                    }
                    return mine;
                }));
            }
            start.countDown();
            Map<Turn, Integer> all = new HashMap<>();
            for (Future<Map<Turn, Integer>> mine : counted) {
                mine.get().forEach((turn, count) -> all.merge(turn, count, Integer::sum));
            }
            assertThat(all).containsEntry(Turn.MADE, 100).containsEntry(Turn.FIRST_BEYOND, 1)
                    .containsEntry(Turn.BEYOND, threads * each - 101);
        }
    }

    /** Reports that are asked about, some of which can't be kept, while time passes and the rate changes. */
    @Test
    void inNoWindowDoesASenderGetMoreThanTheCount() {
        for (long seed = 0; seed < 300; seed++) {
            run(seed);
        }
    }

    private static void run(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ReportRate rate = new ReportRate();
        Rate inForce = new Rate(1 + random.nextInt(4), Duration.ofSeconds(10), 1);
        rate.reconfigure(inForce);
        Map<String, Model> senders = new HashMap<>();
        Deque<Kept> underWay = new ArrayDeque<>();
        long now = Long.MAX_VALUE - 5_000_000_000L; // overflows soon
        for (int step = 0; step < 200; step++) {
            String sender = "s" + random.nextInt(3);
            int what = random.nextInt(20);
            if (what == 0) {
                inForce = new Rate(1 + random.nextInt(4), Duration.ofSeconds(10), 1);
                rate.reconfigure(inForce);
            } else if (what < 4) {
                now += random.nextLong(6_000_000_000L);
            } else if (what < 7 && !underWay.isEmpty()) {
                Kept failed = random.nextBoolean() ? underWay.removeFirst() : underWay.removeLast();
                rate.giveBack(failed.sender, failed.place);
                Model model = Objects.requireNonNull(senders.get(failed.sender));
                if (model.windows == failed.window) {
                    model.kept--;
                }
            } else {
                Model model = senders.computeIfAbsent(sender, _ -> new Model());
                Turn expected = model.ask(now, inForce.count());
                ReportRate.Window place = rate.take(sender, now);
                assertThat(place.last()).as("seed %d, step %d, %s", seed, step, sender).isEqualTo(expected);
                if (expected == Turn.MADE) {
                    underWay.addLast(new Kept(sender, place, model.windows));
                }
            }
        }
    }

    private record Kept(String sender, ReportRate.Window place, int window) {}

    /** What is promised, written down without regard to cost. */
    private static final class Model {
        private @Nullable Long start;
        private long kept;
        private boolean told;
        private int windows;

        Turn ask(long now, long count) {
            if (start == null || now - start >= 10_000_000_000L) {
                windows++;
                start = now;
                kept = 0;
                told = false;
            }
            if (kept < count) {
                kept++;
                return Turn.MADE;
            }
            Turn turn = told ? Turn.BEYOND : Turn.FIRST_BEYOND;
            told = true;
            return turn;
        }
    }

    private List<Turn> turns(int count) {
        List<Turn> turns = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            turns.add(rate.take("one@x.example", ticker.getAsLong()).last());
        }
        return turns;
    }
}
