package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.message.MessageId;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.spool.TestEntries;

/** What comes and goes at random, mostly in order and of many destinations now and then, against a sorted map. */
class IdIndexTest {
    private static final int SEEDS = 20;
    private static final int STEPS = 6_000;
    private static final SubQueue HOME = QueueHarness.subQueue();

    @Test
    void itHasInOrderWhatCameAndHasNotGone() {
        int most = 0;
        for (long seed = 1; seed <= SEEDS; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            IdIndex index = new IdIndex();
            TreeMap<Cursor, QueueItem> model = new TreeMap<>();
            long next = 1;
            for (int step = 0; step < STEPS; step++) {
                boolean grows = step / 1_500 % 2 == 0;
                if (random.nextInt(10) < (grows ? 8 : 1)) {
                    long id = random.nextInt(4) == 0 ? random.nextLong() : next++;
                    add(index, model, new QueueItem(TestEntries.entry(id, 0), HOME, 0, 0));
                    for (int destination = 1; random.nextInt(8) == 0; destination++) {
                        add(index, model, new QueueItem(TestEntries.entry(id, destination), HOME, 0, 0));
                    }
                } else if (!model.isEmpty()) {
                    Cursor near = model.ceilingKey(new Cursor(random.nextLong(next + 1), 0));
                    QueueItem item = requireNonNull(model.remove(near == null ? model.firstKey() : near));
                    assertThat(index.remove(item)).isTrue();
                    assertThat(index.remove(item)).isFalse();
                }
                if (step % 50 == 0) {
                    String where = "seed " + seed + " step " + step;
                    assertThat(all(index, Cursor.START, 1 + random.nextInt(400))).as(where)
                            .containsExactlyElementsOf(model.values());
                    Cursor place = new Cursor(random.nextLong(next + 1), random.nextInt(3) - 1);
                    assertThat(all(index, place, 7)).as(where)
                            .containsExactlyElementsOf(model.tailMap(place, false).values());
                    most = Math.max(most, index.chunks());
                }
            }
            assertThat(index.chunks()).as("seed " + seed)
                    .isLessThanOrEqualTo(2 + 4 * model.size() / IdIndex.CHUNK);
        }
        assertThat(most).isGreaterThan(5);
    }

    @Test
    void whatStaysIsShownOnceToWhoGoesOnFromTheLastWhateverComesAndGoes() {
        for (long seed = 1; seed <= SEEDS; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            IdIndex index = new IdIndex();
            List<QueueItem> stay = new ArrayList<>();
            List<QueueItem> others = new ArrayList<>();
            for (long id = 1; id <= 3_000; id++) {
                QueueItem item = new QueueItem(TestEntries.entry(3 * id, 0), HOME, 0, 0);
                index.add(item);
                (random.nextInt(8) == 0 ? stay : others).add(item);
            }
            List<QueueItem> shown = new ArrayList<>();
            @Nullable
            QueueItem[] some = new QueueItem[20];
            Cursor from = Cursor.START;
            for (int size = index.behind(from, some); size > 0; size = index.behind(from, some)) {
                for (int i = 0; i < size; i++) {
                    shown.add(requireNonNull(some[i]));
                }
                from = IdIndex.key(shown.getLast());
                for (int i = 0; i < 60 && !others.isEmpty(); i++) {
                    assertThat(index.remove(others.remove(random.nextInt(others.size())))).isTrue();
                }
                for (int i = 0; i < 10; i++) {
                    index.add(new QueueItem(TestEntries.entry(3L * random.nextInt(3_000) + 1, shown.size() * 10 + i),
                            HOME, 0, 0));
                }
            }
            assertThat(shown).as("seed " + seed).doesNotHaveDuplicates().containsAll(stay);
        }
    }

    @Test
    void itTakesLittleMoreThanAReferenceForWhatComesInOrder() {
        IdIndex index = new IdIndex();
        for (long id = 0; id < 10L * IdIndex.CHUNK; id++) {
            index.add(new QueueItem(TestEntries.entry(id, 0), HOME, 0, 0));
        }
        assertThat(index.chunks()).isEqualTo(10);
        assertThat(IdIndex.before(new MessageId(5))).isLessThan(new Cursor(5, 0)).isGreaterThan(new Cursor(4, 9));
    }

    private static void add(IdIndex index, Map<Cursor, QueueItem> model, QueueItem item) {
        if (model.putIfAbsent(IdIndex.key(item), item) == null) {
            index.add(item);
        }
    }

    /** All behind a place, in steps. */
    private static List<QueueItem> all(IdIndex index, Cursor place, int step) {
        List<QueueItem> all = new ArrayList<>();
        @Nullable
        QueueItem[] some = new QueueItem[step];
        Cursor from = place;
        int size;
        do {
            size = index.behind(from, some);
            for (int i = 0; i < size; i++) {
                all.add(requireNonNull(some[i]));
                from = IdIndex.key(all.getLast());
            }
        } while (size == step);
        return all;
    }
}
