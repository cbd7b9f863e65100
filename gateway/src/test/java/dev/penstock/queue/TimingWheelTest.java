package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.spool.TestEntries;

class TimingWheelTest {
    private static final long START = 1_800_000_000_123L;
    private static final SubQueue HOME = QueueHarness.subQueue();

    private long nextId;

    private QueueItem item(long dueMillis) {
        QueueItem item = new QueueItem(TestEntries.entry(nextId++, 0), HOME, START, 4_096);
        item.schedule(dueMillis, 0);
        return item;
    }

    private static long tick(QueueItem item) {
        return (item.dueMillis() + TimingWheel.TICK_MILLIS - 1) / TimingWheel.TICK_MILLIS;
    }

    private static List<QueueItem> drain(TimingWheel wheel, long nowMillis, int batch) {
        List<QueueItem> all = new ArrayList<>();
        boolean done = false;
        while (!done) {
            ItemList out = new ItemList();
            done = wheel.advance(nowMillis, batch, out);
            assertThat(out.size()).isLessThanOrEqualTo(batch);
            for (QueueItem item = out.pollFirst(); item != null; item = out.pollFirst()) {
                all.add(item);
            }
        }
        return all;
    }

    /** Random waits of all magnitudes and random steps, beside a model that can't be wrong. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void behavesAsAPriorityQueueOfTicks(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        TimingWheel wheel = new TimingWheel(START);
        PriorityQueue<QueueItem> model = new PriorityQueue<>(Comparator.comparingLong(TimingWheelTest::tick));
        List<QueueItem> waiting = new ArrayList<>(); // or come out, or removed
        long now = START;
        for (int step = 0; step < 3_000; step++) {
            for (int i = random.nextInt(8); i > 0; i--) {
                QueueItem item = item(now + magnitude(random) - 1_000);
                wheel.insert(item);
                model.add(item);
                waiting.add(item);
            }
            for (int i = random.nextInt(4); i > 0 && !waiting.isEmpty(); i--) {
                QueueItem item = waiting.get(random.nextInt(waiting.size()));
                assertThat(wheel.remove(item)).as("seed %d step %d", seed, step).isEqualTo(model.remove(item));
                assertThat(wheel.remove(item)).as("again, seed %d step %d", seed, step).isFalse();
            }
            now += magnitude(random) / (1 + random.nextInt(4));
            List<QueueItem> out = drain(wheel, now, 1 + random.nextInt(100));
            for (QueueItem item : out) {
                assertThat(item.dueMillis()).as("seed %d step %d", seed, step).isLessThanOrEqualTo(now);
            }
            List<QueueItem> expected = new ArrayList<>();
            while (!model.isEmpty() && tick(model.element()) <= now / TimingWheel.TICK_MILLIS) {
                expected.add(model.remove());
            }
            assertThat(out).as("seed %d step %d", seed, step).containsExactlyInAnyOrderElementsOf(expected);
            assertThat(wheel.size()).isEqualTo(model.size());
            if (!model.isEmpty()) {
                assertThat(wheel.nextMillis()).as("seed %d step %d", seed, step)
                        .isLessThanOrEqualTo(tick(model.element()) * TimingWheel.TICK_MILLIS).isGreaterThan(now - 16);
            }
        }
        assertThat(drain(wheel, now + Duration.ofDays(10_000).toMillis(), 1_000)).hasSameSizeAs(model);
        assertThat(wheel.nextMillis()).isEqualTo(Long.MAX_VALUE);
    }

    private static long magnitude(SplittableRandom random) {
        return random.nextLong(1L << 1 + random.nextInt(36)); // up to two years: beyond the wheel's span
    }

    @Test
    void givesOutWhatIsDueAtOnceInDueOrder() {
        TimingWheel wheel = new TimingWheel(START);
        SplittableRandom random = new SplittableRandom(42);
        for (int i = 0; i < 100_000; i++) {
            wheel.insert(item(START + 1_000 + random.nextLong(Duration.ofHours(4).toMillis())));
        }
        List<QueueItem> out = drain(wheel, START + Duration.ofHours(5).toMillis(), 512);
        assertThat(out).hasSize(100_000).isSortedAccordingTo(Comparator.comparingLong(TimingWheelTest::tick));
    }

    @Test
    void keepsTheOrderOfInsertionWithinATick() {
        TimingWheel wheel = new TimingWheel(START);
        long due = START + Duration.ofHours(1).toMillis();
        List<QueueItem> in = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            QueueItem item = item(due);
            in.add(item);
            wheel.insert(item);
        }
        assertThat(drain(wheel, due + TimingWheel.TICK_MILLIS, 100)).containsExactlyElementsOf(in);
    }

    @Test
    void isNeverEarlyAndAtMostOneTickLate() {
        for (long wait : new long[]{1, 15, 16, 17, 1_023, 1_024, 65_536, 3_600_000, 86_400_000L * 5}) {
            TimingWheel wheel = new TimingWheel(START);
            wheel.insert(item(START + wait));
            assertThat(drain(wheel, START + wait - 1, 10)).isEmpty();
            assertThat(drain(wheel, START + wait + TimingWheel.TICK_MILLIS, 10)).hasSize(1);
        }
    }

    /** What comes while a large slot is being spread must find its place. */
    @Test
    void takesInsertionsInTheMiddleOfABatch() {
        TimingWheel wheel = new TimingWheel(START);
        long due = START + Duration.ofMinutes(10).toMillis();
        for (int i = 0; i < 1_000; i++) {
            wheel.insert(item(due + i));
        }
        ItemList out = new ItemList();
        wheel.advance(due, 10, out);
        wheel.insert(item(due - 5_000));
        wheel.insert(item(due + 500));
        assertThat(drain(wheel, due + 5_000, 10).size() + out.size()).isEqualTo(1_002);
    }

    /** What is taken away while a large slot is being spread is in one of three lists, at its head or within. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void removesWhatIsBeingSpread(int first) {
        TimingWheel wheel = new TimingWheel(START);
        long due = START + Duration.ofHours(2).toMillis();
        List<QueueItem> items = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            items.add(item(due + i));
            wheel.insert(items.get(i));
        }
        ItemList out = new ItemList();
        wheel.advance(due + 600, 700, out);
        int removed = 0;
        for (int i = first; i < items.size(); i += 2) {
            removed += wheel.remove(items.get(i)) ? 1 : 0;
        }
        assertThat(wheel.size()).isEqualTo(1_000 - out.size() - removed);
        List<QueueItem> rest = drain(wheel, due + 5_000, 100);
        assertThat(rest).hasSize(1_000 - out.size() - removed).doesNotHaveDuplicates();
        assertThat(rest).isSortedAccordingTo(Comparator.comparingLong(TimingWheelTest::tick));
        assertThat(wheel.size()).isZero();
    }
}
