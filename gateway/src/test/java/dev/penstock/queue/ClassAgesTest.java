package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Predicate;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.spool.TestEntries;
import dev.penstock.units.MailClass;

/** How old the queue's mail is, by class, through the queue's own verbs. */
class ClassAgesTest {
    private static final String DOMAIN = "dest.example";
    private static final List<String> TRANSACTIONAL = List.of("transactional");
    private static final List<String> BULK = List.of("bulk");

    private final QueueHarness harness = QueueHarness.open();

    private static long old(Map<List<String>, Long> ages, List<String> mailClass) {
        return ages.getOrDefault(mailClass, -1L);
    }

    @Test
    void theOldestOfAClassIsTheOneThatWasAcceptedFirst() {
        assertThat(harness.queue.oldest()).isEqualTo(Map.of(TRANSACTIONAL, 0L, BULK, 0L));
        submit(MailClass.BULK);
        harness.advance(Duration.ofMinutes(10));
        submit(MailClass.TRANSACTIONAL);
        harness.advance(Duration.ofMinutes(5));
        assertThat(old(harness.queue.oldest(), BULK)).isEqualTo(15 * 60);
        assertThat(old(harness.queue.oldest(), TRANSACTIONAL)).isEqualTo(5 * 60);
        assertThat(requireNonNull(harness.queue.ages().get(BULK)).count()).isEqualTo(1);
    }

    @Test
    void mailThatWasTriedOnceIsOldAndNotUntried() {
        submit(MailClass.TRANSACTIONAL);
        harness.advance(Duration.ofMinutes(7));
        assertThat(old(harness.queue.oldestUntried(), TRANSACTIONAL)).isEqualTo(7 * 60);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        harness.queue.requeue(item);
        assertThat(old(harness.queue.oldestUntried(), TRANSACTIONAL)).as("put back untried").isEqualTo(7 * 60);
        item = harness.take(harness.readyQueue(DOMAIN));
        harness.queue.retry(item, harness.clock.millis() + Duration.ofHours(1).toMillis(), 1);
        assertThat(old(harness.queue.oldestUntried(), TRANSACTIONAL)).isZero();
        assertThat(old(harness.queue.oldest(), TRANSACTIONAL)).isEqualTo(7 * 60);
    }

    /** What a model would count, after each of a random order of what the queue does with its items. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void agesAreThoseOfWhatIsQueuedWhateverBecomesOfIt(long seed) {
        record Kept(QueueItem item, boolean tried) {}
        SplittableRandom random = new SplittableRandom(seed);
        ClassAges ages = new ClassAges();
        submit(MailClass.BULK);
        submit(MailClass.TRANSACTIONAL);
        SubQueue[] homes = {harness.take(harness.readyQueue(DOMAIN)).home,
            harness.take(harness.readyQueue(DOMAIN)).home};
        List<Kept> model = new ArrayList<>();
        long now = Duration.ofDays(20_000).toMillis();
        for (int step = 0; step < 2_000; step++) {
            now += random.nextLong(Duration.ofMinutes(3).toMillis());
            int what = random.nextInt(3);
            if (what == 0 || model.isEmpty()) {
                int attempts = random.nextInt(3); // recovered ones have some
                QueueItem item = new QueueItem(TestEntries.entry(step, 0), homes[random.nextInt(2)], now, 1);
                item.schedule(now, attempts);
                ages.add(item, attempts);
                model.add(new Kept(item, attempts > 0));
            } else {
                int at = random.nextInt(model.size());
                QueueItem item = model.get(at).item();
                if (what == 1) {
                    int attempts = item.attempts() + random.nextInt(2);
                    ages.attempted(item, item.attempts(), attempts);
                    item.schedule(now, attempts);
                    model.set(at, new Kept(item, attempts > 0));
                } else {
                    ages.remove(item);
                    model.remove(at);
                }
            }
            for (MailClass mailClass : MailClass.values()) {
                List<String> key = List.of(mailClass.word());
                Predicate<Kept> of = kept -> kept.item().mailClass() == mailClass;
                assertThat(requireNonNull(ages.histograms(now).get(key)).count()).as("seed %d, step %d", seed, step)
                        .isEqualTo(model.stream().filter(of).count());
                assertThat(old(ages.oldest(now), key)).as("seed %d, step %d", seed, step)
                        .isEqualTo(oldest(model.stream().filter(of).map(Kept::item).toList(), now));
                assertThat(old(ages.oldestUntried(now), key)).as("seed %d, step %d", seed, step)
                        .isEqualTo(oldest(model.stream().filter(of.and(kept -> !kept.tried())).map(Kept::item).toList(),
                                now));
            }
        }
    }

    private static long oldest(List<QueueItem> items, long now) {
        long minute = Duration.ofMinutes(1).toMillis();
        return items.stream().mapToLong(item -> (now / minute - item.receivedMillis() / minute) * 60).max().orElse(0);
    }

    private void submit(MailClass mailClass) {
        harness.submit(mailClass, DOMAIN, "", "");
    }
}
