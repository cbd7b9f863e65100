package dev.penstock.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.testing.ManualTicker;

/** What a watcher gets, and how little it costs those who are watched. */
@Timeout(300)
class WatchTest {
    private static final Duration LONG = Duration.ofMinutes(5);

    private final ManualTicker ticker = new ManualTicker();
    private final TraceHub hub = new TraceHub(ticker);

    private static TraceLine line(String session, int number) {
        return new TraceLine(session, Direction.IN, number, Speaker.CLIENT, false, "NOOP");
    }

    @Test
    void whatARingCanNotTakeIsCountedAndSaidInItsPlace() throws InterruptedException {
        try (Watch watch = hub.open(TraceFilter.ALL, false, LONG)) {
            for (int i = 0; i < Watch.MAX_LINES + 312; i++) {
                watch.offer(line("a", i), ticker.getAsLong());
            }
            Watch.Batch batch = watch.take(Duration.ZERO);
            assertThat(batch.lines()).hasSize(Watch.MAX_LINES);
            assertThat(batch.lines().getLast().nanos()).isEqualTo(Watch.MAX_LINES - 1);
            assertThat(batch.leftOut()).isEqualTo(312);
            watch.offer(line("a", 7), ticker.getAsLong());
            assertThat(watch.take(Duration.ZERO)).isEqualTo(new Watch.Batch(List.of(line("a", 7)), 0, false));
        }
    }

    @Test
    void longLinesFillARingByTheirOctets() throws InterruptedException {
        try (Watch watch = hub.open(TraceFilter.ALL, false, LONG)) {
            TraceLine longest = new TraceLine("a", Direction.IN, 0, Speaker.CLIENT, false,
                    "x".repeat(Mask.MAX_SHOWN));
            for (int i = 0; i < Watch.MAX_LINES; i++) {
                watch.offer(longest, ticker.getAsLong());
            }
            Watch.Batch batch = watch.take(Duration.ZERO);
            assertThat(batch.lines().size() * (long) longest.weight()).isLessThanOrEqualTo(Watch.MAX_OCTETS);
            assertThat(batch.lines().size() + batch.leftOut()).isEqualTo(Watch.MAX_LINES);
            assertThat(batch.leftOut()).isPositive();
        }
    }

    @Test
    void aWatchEndsByItselfWhoeverNoticesFirst() throws InterruptedException {
        Watch offered = hub.open(TraceFilter.ALL, false, Duration.ofSeconds(30));
        Watch taken = hub.open(TraceFilter.ALL, false, Duration.ofSeconds(30));
        Watch opened = hub.open(TraceFilter.ALL, false, Duration.ofSeconds(30));
        ticker.advance(Duration.ofSeconds(30));
        offered.offer(line("a", 1), ticker.getAsLong());
        assertThat(offered.isOver()).isTrue();
        assertThat(taken.take(LONG)).isEqualTo(new Watch.Batch(List.of(), 0, true));
        hub.open(TraceFilter.ALL, false, LONG).close();
        assertThat(hub.watchers()).isZero();
        assertThat(opened.take(LONG).over()).isTrue();
    }

    @Test
    void nobodyWatchesForLongerThanAnHour() {
        try (Watch watch = hub.open(TraceFilter.ALL, false, Duration.ofDays(1))) {
            assertThat(watch.left()).isEqualTo(Watch.LONGEST_TIME);
        }
    }

    @Test
    void soManyMayWatchAndNoMore() {
        List<Watch> all = new ArrayList<>();
        for (int i = 0; i < TraceHub.MAX_WATCHERS; i++) {
            all.add(hub.open(TraceFilter.ALL, false, LONG));
        }
        assertThatThrownBy(() -> hub.open(TraceFilter.ALL, false, LONG)).isInstanceOf(TooManyWatchersException.class)
                .hasMessage("16 watchers trace already, and no more can at one time");
        all.getFirst().close();
        hub.open(TraceFilter.ALL, false, LONG).close();
    }

    @Test
    void whatWasSaidBeforeTheEndIsStillThere() throws InterruptedException {
        Watch watch = hub.open(TraceFilter.ALL, false, LONG);
        watch.offer(line("a", 1), ticker.getAsLong());
        watch.close();
        watch.offer(line("a", 2), ticker.getAsLong());
        assertThat(watch.take(LONG)).isEqualTo(new Watch.Batch(List.of(line("a", 1)), 0, true));
    }

    /** Threads of sessions against one watcher: everything is taken once in the session's order, or counted. */
    @Test
    void nothingIsLostOrDoubledAmongThreads() throws Exception {
        int threads = 4;
        int each = 50_000;
        TraceHub busy = new TraceHub(System::nanoTime, 500, Watch.MAX_OCTETS);
        Map<String, Long> last = new HashMap<>();
        long taken = 0;
        long leftOut = 0;
        try (Watch watch = busy.open(TraceFilter.ALL, false, LONG);
                ExecutorService sessions = Executors.newFixedThreadPool(threads)) {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                String session = "s" + thread;
                running.add(sessions.submit(() -> {
                    for (int i = 0; i < each; i++) {
                        watch.offer(line(session, i), System.nanoTime());
                    }
                }));
            }
            while (taken + leftOut < (long) threads * each) {
                Watch.Batch batch = watch.take(LONG);
                for (TraceLine line : batch.lines()) {
                    Long before = last.put(line.session(), line.nanos());
                    assertThat(before == null || before < line.nanos()).as("%s after %s", line, before).isTrue();
                }
                taken += batch.lines().size();
                leftOut += batch.leftOut();
            }
            for (Future<?> session : running) {
                session.get();
            }
            assertThat(watch.take(Duration.ZERO).lines()).isEmpty();
        }
        assertThat(taken + leftOut).isEqualTo((long) threads * each);
        assertThat(taken).isPositive();
    }
}
