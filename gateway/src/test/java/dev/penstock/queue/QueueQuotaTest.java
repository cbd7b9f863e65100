package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.WarmUpSchedule;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pool.Member;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.egress.WarmUp;
import dev.penstock.egress.WarmUps;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.ManualClock;

/** Mail of sources that may send so much and no more: when it counts, where it goes instead, and whose turn it is. */
class QueueQuotaTest {
    private static final String DOMAIN = "a.example";
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Pools ONE = pools("ip-1");
    private static final Pools FOUR = pools("ip-1", "ip-2", "ip-3", "ip-4");

    private final Portions portions = new Portions();

    @TempDir
    Path directory;

    private static Pools pools(String... sources) {
        List<Member> members = new ArrayList<>();
        for (String source : sources) {
            members.add(new Member(source, 1));
        }
        return new Pools(Map.of("shared", new Pool("shared", members, true)), Map.of(), Map.of(), "shared");
    }

    /** So many from each source to each provider until more is allowed. */
    private static final class Portions implements Quota {
        /** By source and provider. */
        final Map<String, Integer> left = new HashMap<>();
        private final Map<String, Integer> expected = new HashMap<>();
        int each = 5;
        boolean limits = true;
        long asked;

        private int left(String key) {
            return left.getOrDefault(key, each);
        }

        void more(String source, int messages) {
            left.merge(source, messages, Integer::sum);
        }

        @Override
        public long expect(String source, String provider, long nowMillis) {
            asked++;
            String key = source + provider;
            if (!limits) {
                return UNLIMITED;
            }
            if (left(key) <= expected.getOrDefault(key, 0)) {
                return Long.MAX_VALUE;
            }
            expected.merge(key, 1, Integer::sum);
            return GRANTED;
        }

        @Override
        public void expectNot(String source, String provider, long messages) {
            expected.computeIfPresent(source + provider, (_, soon) -> (int) Math.max(0, soon - messages));
        }

        @Override
        public long take(String source, String provider, long nowMillis) {
            String key = source + provider;
            if (!limits) {
                return UNLIMITED;
            }
            if (left(key) == 0) {
                return Long.MAX_VALUE;
            }
            left.put(key, left(key) - 1);
            expected.computeIfPresent(key, (_, soon) -> Math.max(0, soon - 1));
            return GRANTED;
        }

        @Override
        public void giveBack(String source, String provider, long takenMillis) {
            left.merge(source + provider, 1, Integer::sum);
        }

        @Override
        public boolean limits(String source, String provider, long nowMillis) {
            return limits;
        }
    }

    private static void submit(QueueHarness to, String domain, String tenant, int messages) {
        for (int i = 0; i < messages; i++) {
            to.submit(domain, tenant, "", QueueHarness.SIZE);
        }
        to.queue.runDue();
    }

    /** By source, the mail ready to that site. */
    private static Map<String, Integer> ready(QueueHarness of) {
        Map<String, Integer> ready = new TreeMap<>();
        for (ReadyQueueSnapshot each : of.queue.readyQueues()) {
            if (each.ready() > 0) {
                ready.merge(each.key().source(), each.ready(), Integer::sum);
            }
        }
        return ready;
    }

    @Test
    void whatIsBeyondASourcesQuotaGoesToTheOthersAndThenWaits() {
        QueueHarness harness = QueueHarness.open(FOUR, portions);
        submit(harness, DOMAIN, "", 50);
        assertThat(ready(harness)).isEqualTo(Map.of("ip-1", 5, "ip-2", 5, "ip-3", 5, "ip-4", 5, "", 30));
        assertThat(harness.queue.items(DOMAIN, 100)).filteredOn(item -> item.readyQueue().isEmpty()).hasSize(30)
                .allSatisfy(item -> assertThat(item.waitingFor()).contains("have sent what they may"));

        harness.health.suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "gone", SourceHealth.UNTIL_RESUMED, 0);
        harness.queue.runDue();
        assertThat(ready(harness)).isEqualTo(Map.of("ip-2", 5, "ip-3", 5, "ip-4", 5, "", 35));
        portions.each = 8;
        harness.advance(TICK);
        assertThat(ready(harness)).isEqualTo(Map.of("ip-2", 8, "ip-3", 8, "ip-4", 8, "", 26));
    }

    @Test
    void aMessageCountsOnceSomethingOfItIsSent() {
        QueueHarness harness = QueueHarness.open(ONE, portions);
        submit(harness, DOMAIN, "", 20);
        ReadyQueue readyQueue = harness.readyQueue("ip-1", DOMAIN);
        QueueItem sent = harness.take(readyQueue);
        QueueItem postponed = harness.take(readyQueue);
        QueueItem expired = harness.take(readyQueue);
        QueueItem held = harness.take(readyQueue);
        QueueItem untried = harness.take(readyQueue);
        assertThat(portions.left).containsEntry("ip-1", 0);
        harness.queue.sent(sent, 1);
        harness.queue.retry(sent, harness.clock.millis() + 60_000, 1);
        harness.queue.retry(postponed, harness.clock.millis() + 60_000, 0);
        harness.queue.finished(expired);
        harness.queue.hold(held, "it is looked at", Long.MAX_VALUE / 2);
        harness.queue.requeue(untried);
        assertThat(portions.left).containsEntry("ip-1", 4);
    }

    @Test
    void mailThatLeavesASourceUnsentIsntCountedThere() {
        QueueHarness harness = QueueHarness.open(FOUR, portions);
        submit(harness, DOMAIN, "", 20);
        assertThat(ready(harness)).containsEntry("ip-1", 5);
        harness.queue.reconfigure(pools("ip-2", "ip-3", "ip-4"));
        harness.queue.runDue();
        harness.advance(TICK);
        assertThat(portions.left).as("nothing was sent").isEmpty();
        assertThat(ready(harness)).isEqualTo(Map.of("ip-2", 5, "ip-3", 5, "ip-4", 5, "", 5));
    }

    @Test
    void aScheduleThatAReloadBringsHoldsForMailThatIsQueued() {
        portions.limits = false;
        QueueHarness harness = QueueHarness.open(ONE, portions);
        submit(harness, DOMAIN, "", 30);
        assertThat(ready(harness)).isEqualTo(Map.of("ip-1", 30));
        portions.limits = true;
        ReadyQueue readyQueue = harness.readyQueue("ip-1", DOMAIN);
        for (int i = 0; i < 5; i++) {
            harness.queue.sent(harness.take(readyQueue), 1);
        }
        assertThat(harness.poll(readyQueue)).as("a sixth").isNull();
        assertThat(readyQueue.violation()).isNull();
        harness.queue.runDue();
        assertThat(ready(harness)).as("the others wait, or go by others").isEqualTo(Map.of("", 25));
        portions.more("ip-1", 3);
        harness.advance(TICK);
        assertThat(ready(harness)).isEqualTo(Map.of("ip-1", 3, "", 22));
    }

    @Test
    void whatTheSourceMayNotSendToOneProviderHoldsNothingUpForAnother() {
        portions.limits = false;
        QueueHarness harness = QueueHarness.open(ONE, portions);
        harness.router.set("big.example", FakeRouter.hosts("mx1.mail.example"));
        submit(harness, "big.example", "", 10);
        portions.limits = true;
        portions.left.put("ip-1mail", 0);
        ReadyQueue readyQueue = harness.readyQueue("ip-1", "mx1.mail.example");
        assertThat(harness.poll(readyQueue)).isNull();
        assertThat(harness.queue.items("big.example", 1)).singleElement()
                .satisfies(item -> assertThat(item.waitingFor()).contains("source ip-1 may send more to mail"));
        submit(harness, DOMAIN, "", 3);
        harness.advance(TICK);
        assertThat(harness.drain(harness.readyQueue("ip-1", DOMAIN))).hasSize(3);
        assertThat(ready(harness)).isEqualTo(Map.of("", 10));
    }

    @Test
    void tenantsAndDomainsThatWaitTakeTurns() {
        portions.each = 0;
        QueueHarness harness = QueueHarness.open(ONE, portions);
        submit(harness, "b.example", "big", 1_000);
        submit(harness, "c.example", "big", 1_000);
        submit(harness, DOMAIN, "small", 10);
        Map<String, Integer> first = new TreeMap<>();
        for (int second = 0; second < 20; second++) {
            portions.more("ip-1", 1);
            submit(harness, "b.example", "big", 10); // what comes later waits, too
            harness.advance(TICK);
            for (String domain : List.of(DOMAIN, "b.example", "c.example")) {
                for (QueueItem item = poll(harness, domain); item != null; item = poll(harness, domain)) {
                    harness.queue.sent(item, 1);
                    harness.queue.finished(item);
                    first.merge(item.tenant() + " to " + item.domain(), 1, Integer::sum);
                }
            }
        }
        assertThat(first).isEqualTo(Map.of("small to a.example", 10, "big to b.example", 5, "big to c.example", 5));
    }

    @Test
    void poolsThatShareASourceTakeTurns() {
        portions.each = 0;
        QueueHarness harness = QueueHarness.open(new Pools(
                Map.of("a", new Pool("a", List.of(new Member("ip-1", 1)), true),
                        "b", new Pool("b", List.of(new Member("ip-1", 1)), true)),
                Map.of(), Map.of("of-b", "b"), "a"), portions);
        submit(harness, DOMAIN, "of-a", 100);
        submit(harness, DOMAIN, "of-b", 100);
        for (int second = 0; second < 20; second++) {
            portions.more("ip-1", 1);
            harness.advance(TICK);
        }
        Map<String, Integer> placed = new TreeMap<>();
        harness.queue.items(DOMAIN, 200).stream().filter(item -> !item.readyQueue().isEmpty())
                .forEach(item -> placed.merge(item.tenant(), 1, Integer::sum));
        assertThat(placed).isEqualTo(Map.of("of-a", 10, "of-b", 10));
    }

    /** Mail that came to wait while it wasn't known whose hosts its domain has. */
    @Test
    void oneMessageFindsOutWhoseHostsItsDomainHas() {
        portions.each = 0;
        QueueHarness harness = QueueHarness.open(ONE, portions);
        harness.health.suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "gone", SourceHealth.UNTIL_RESUMED, 0);
        harness.router.hold(DOMAIN);
        submit(harness, DOMAIN, "", 1_000);
        harness.health.resume("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "back");
        harness.queue.runDue();
        assertThat(ready(harness)).isEqualTo(Map.of("", 999));
        assertThat(harness.queue.stats().routing()).isEqualTo(1);
        harness.router.answer(DOMAIN, FakeRouter.hosts("mx1.mail.example"));
        harness.queue.runDue();
        assertThat(ready(harness)).as("nothing may be sent").isEqualTo(Map.of("", 1_000));
        portions.left.put("ip-1mail", 7);
        harness.advance(TICK);
        harness.advance(TICK);
        assertThat(ready(harness)).isEqualTo(Map.of("ip-1", 7, "", 993));
    }

    private static @Nullable QueueItem poll(QueueHarness harness, String site) {
        return harness.ready.stream().anyMatch(each -> each.key().site().name().equals(site))
                ? harness.poll(harness.readyQueue("ip-1", site))
                : null;
    }

    /** What is done for a second's quota is as much as that is, and not as much as waits. */
    @Test
    void aTickCostsWhatItPlacesHoweverMuchWaits() {
        portions.each = 0;
        QueueHarness harness = QueueHarness.open(ONE, portions);
        for (int i = 0; i < 200_000; i++) {
            harness.submit("d" + i % 1_000 + ".example", "t" + i % 10, "", QueueHarness.SIZE);
        }
        harness.queue.runDue();
        assertThat(ready(harness)).isEqualTo(Map.of("", 200_000));
        portions.asked = 0;
        for (int second = 0; second < 10; second++) {
            portions.more("ip-1", 7);
            harness.advance(TICK);
        }
        assertThat(ready(harness)).isEqualTo(Map.of("ip-1", 70, "", 199_930));
        assertThat(portions.asked).as("questions for 70 messages in ten ticks").isLessThanOrEqualTo(80);
    }

    /** Neither a reload nor a source that comes back takes up a whole domain in one hold of its lock. */
    @Test
    void aBacklogMovesInBatches() {
        portions.limits = false;
        QueueHarness harness = QueueHarness.open(pools("ip-1"), portions);
        submit(harness, DOMAIN, "", 200_000);
        harness.queue.reconfigure(pools("ip-2"));
        int turns = 0;
        long asked = portions.asked;
        while (harness.queue.scheduler.turn() == 0) {
            turns++;
            assertThat(portions.asked - asked).as("placed in turn %d", turns).isLessThanOrEqualTo(Scheduler.BATCH);
            asked = portions.asked;
        }
        assertThat(turns).isGreaterThanOrEqualTo(200_000 / Scheduler.BATCH);
        assertThat(ready(harness)).isEqualTo(Map.of("ip-2", 200_000));
    }

    /** Of forty days, restarts and reloads among them, each has what its schedule says. */
    @Test
    void overFortyDaysEachSendsWhatTheScheduleSays() throws IOException {
        LocalDate start = LocalDate.ofInstant(ManualClock.START, ZoneOffset.UTC).plusDays(1);
        WarmUpSchedule schedule = new WarmUpSchedule(List.of(), 50, 12, 40);
        Duration passed = Duration.between(ManualClock.START, start.atStartOfDay(ZoneOffset.UTC).toInstant());
        Map<LocalDate, Long> sent = new TreeMap<>();
        for (int half = 0; half < 80; half++) { // a gateway lives from noon to midnight or from midnight to noon
            passed = live(passed, schedule, start, sent);
        }
        for (int day = 1; day <= 40; day++) {
            long allowance = schedule.allowance(day);
            assertThat(sent.get(start.plusDays(day - 1L))).as("day %d", day).isLessThanOrEqualTo(allowance)
                    .isCloseTo(allowance, within(Math.max(1, allowance / 100)));
        }
    }

    private Duration live(Duration passed, WarmUpSchedule schedule, LocalDate start, Map<LocalDate, Long> sent)
            throws IOException {
        ManualClock clock = new ManualClock();
        clock.advance(passed);
        try (WarmUp warmUp = WarmUps.open(directory, "ip-1", schedule, start, clock)) {
            QueueHarness harness = QueueHarness.open(ONE, warmUp);
            harness.clock.advance(passed);
            LocalDate today = LocalDate.ofInstant(harness.clock.instant(), ZoneOffset.UTC);
            long allowance = schedule.allowance((int) (today.toEpochDay() - start.toEpochDay()) + 1);
            Duration step = Duration.ofSeconds(Math.clamp(24 * 3_600 / allowance / 4, 10, 60));
            long steps = Duration.ofHours(12).dividedBy(step);
            for (long i = 0; i < steps; i++) {
                if (i % (steps / 4) == 0) { // there is always more than may be sent
                    submit(harness, "d" + i % 3 + ".example", "t" + i % 2, (int) allowance / 2 + 50);
                    harness.queue.reconfigure(QueueConfig.DEFAULT);
                    harness.queue.reconfigure(i == 0 ? pools("ip-1", "ip-1") : ONE);
                }
                WarmUps.write(warmUp);
                harness.queue.runDue();
                WarmUps.write(warmUp);
                for (ReadyQueue readyQueue : List.copyOf(harness.ready)) {
                    for (QueueItem item = harness.poll(readyQueue); item != null; item = harness.poll(readyQueue)) {
                        if (item.entry().messageId() % 3_072 == 0) { // a third find no host, and aren't counted
                            harness.queue.retry(item, harness.clock.millis() + 3_600_000, 1);
                            continue;
                        }
                        harness.queue.sent(item, 1);
                        harness.queue.finished(item);
                        sent.merge(LocalDate.ofInstant(harness.clock.instant(), ZoneOffset.UTC), 1L, Long::sum);
                    }
                }
                harness.clock.advance(step);
            }
            return passed.plus(Duration.ofHours(12));
        }
    }
}
