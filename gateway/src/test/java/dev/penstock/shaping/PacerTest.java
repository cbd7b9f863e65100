package dev.penstock.shaping;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/** Who gets which slot when, in virtual time. */
class PacerTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);

    private long now = Long.MAX_VALUE - 5 * SECOND; // the clock wraps on the way
    private final long start = now;
    private Instant wall = Instant.parse("2026-11-28T10:00:00Z");
    private final FakeLimitBook book = new FakeLimitBook();
    private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, book, () -> wall, () -> now);
    private final SplittableRandom random = new SplittableRandom(20_261_129);

    /** A session that has always a message more. */
    private final class Sender {
        private final Slot slot;
        private final Cost cost;
        private final List<Long> sent;

        Sender(Flow flow, Cost cost, List<Long> sent) {
            this.slot = flow.slot(this::granted);
            this.cost = cost;
            this.sent = sent;
        }

        void asks() {
            while (slot.take(cost, Long.MAX_VALUE, now) == 0 && slot.isTaken()) {
                sends();
            }
        }

        private void sends() {
            sent.add(now - start);
            slot.used();
        }

        private void granted() {
            sends();
            asks();
        }
    }

    private Throttle path(int number, TrafficLimits own, SharedLimit... shared) {
        EgressPath path = new EgressPath("ip-1", new Site("mx" + number + ".example"));
        book.put(path, new PathLimits(own, List.of(shared)));
        return shaper.use(path.source(), path.site(), "");
    }

    private static TrafficLimits own(String rate) {
        return TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse(rate));
    }

    private Flow flow(int number, SharedLimit... shared) {
        return path(number, TrafficLimits.DEFAULT, shared).messages(() -> {});
    }

    /** Each time something is due, or up to {@code lateNanos} after it. */
    private void passes(long nanos, long lateNanos) {
        long end = now + nanos;
        while (end - now > 0) {
            long wait = shaper.turn();
            now += Math.min(end - now, wait + (lateNanos == 0 || wait == 0 ? 0 : random.nextLong(lateNanos)));
        }
    }

    @ParameterizedTest
    @CsvSource({"1/120s, 1, 0", "1/s, 1, 0", "10/s, 1, 0", "100/s, 1, 0", "1000/s, 1, 0", "5000/s, 1, 0",
        "1/120s, 50, 0", "1/s, 50, 0", "10/s, 50, 0", "100/s, 50, 0", "1000/s, 50, 0", "5000/s, 50, 0",
        "1/120s, 50, 5", "1/s, 50, 5", "10/s, 50, 5", "100/s, 50, 5", "1000/s, 50, 5", "5000/s, 50, 5"})
    void asManyAreSentAsTheRateAllowsAndNeverMore(String rate, int flows, long lateMillis) {
        long interval = Spacing.of(Rate.parse(rate)).intervalNanos();
        List<Long> sent = new ArrayList<>();
        for (int i = 0; i < flows; i++) {
            new Sender(flow(i, FakeLimitBook.messages("all", rate)), Cost.ONE, sent).asks();
        }
        long time = 1_000 * Math.max(interval, 2 * MILLI);
        passes(time, lateMillis * MILLI);
        long allowed = time / interval + 1;
        assertThat((double) sent.size()).isBetween(0.99 * allowed, (double) allowed);
        long nearest = lateMillis == 0 ? interval : interval - Pacer.CATCH_UP_NANOS;
        for (int i = 1; i < sent.size(); i++) {
            assertThat(sent.get(i) - sent.get(i - 1)).isGreaterThanOrEqualTo(Math.max(0, nearest));
        }
        for (int i = 0; i + 100 < sent.size(); i++) { // any window, as late as they were told
            assertThat(sent.get(i + 100) - sent.get(i)).isGreaterThanOrEqualTo(
                    100 * interval - (lateMillis == 0 ? 0 : Pacer.CATCH_UP_NANOS));
        }
    }

    @Test
    void aPauseGivesNoMoreThanTheBurst() {
        List<Long> sent = new ArrayList<>();
        Sender sender = new Sender(flow(0, FakeLimitBook.messages("all", "10/s,max_burst=5")), Cost.ONE, sent);
        now += 100 * SECOND;
        sender.asks();
        passes(SECOND, 0);
        assertThat(sent.stream().filter(at -> at == 100 * SECOND)).hasSize(5);
        assertThat(sent).hasSize(5 + 9);
    }

    @Test
    void flowsThatShareARateHaveAsMuchOfItHoweverManySessionsTheyHave() {
        List<List<Long>> sent = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            sent.add(new ArrayList<>());
            Flow flow = flow(i, FakeLimitBook.messages("all", "100/s"));
            for (int session = 0; session <= i % 10; session++) {
                new Sender(flow, Cost.ONE, sent.getLast()).asks();
            }
        }
        passes(100 * SECOND, 3 * MILLI);
        assertThat(sent).allSatisfy(one -> assertThat(one.size()).isBetween(197, 203));
    }

    /** Its own rate is far below its share, and it loses none of it by waiting at both. */
    @Test
    void whoIsBoundByTwoRatesWaitsAtOneAndKeepsBoth() {
        SharedLimit provider = FakeLimitBook.messages("google", "50/s");
        List<Long> all = new ArrayList<>();
        List<Long> slow = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            new Sender(flow(i, provider), Cost.ONE, all).asks();
        }
        Flow own = path(99, own("1/s"), provider).messages(() -> {});
        new Sender(own, Cost.ONE, slow).asks();
        passes(100 * SECOND, 0);
        assertThat(all.size() + slow.size()).isBetween(4_950, 5_001);
        assertThat(slow.size()).as("of its own rate").isBetween(97, 100);
        for (int i = 1; i < slow.size(); i++) {
            assertThat(slow.get(i) - slow.get(i - 1)).isGreaterThanOrEqualTo(SECOND);
        }
    }

    @Test
    void aMessageOfManyRecipientsIsPaidForByThoseAfterIt() {
        SharedLimit recipients = FakeLimitBook.rate(Measure.RECIPIENT_RATE, "recipients", "", "100/s");
        List<Long> sent = new ArrayList<>();
        new Sender(flow(0, recipients), new Cost(50, 1), sent).asks();
        passes(10 * SECOND, 0);
        assertThat(sent).hasSize(20).startsWith(0L, SECOND / 2, SECOND);
        assertThat(path(0, TrafficLimits.DEFAULT, recipients).messages(() -> {}).weighs()).isTrue();
    }

    @Test
    void octetsAreCountedAndAreTheTurnOfTheirFlow() {
        SharedLimit octets = FakeLimitBook.rate(Measure.OCTET_RATE, "octets", "", "1000000/s");
        List<Long> small = new ArrayList<>();
        List<Long> large = new ArrayList<>();
        new Sender(flow(0, octets), new Cost(1, 10_000), small).asks();
        new Sender(flow(1, octets), new Cost(1, 100_000), large).asks();
        passes(100 * SECOND, 0);
        assertThat(small.size() * 10_000L + large.size() * 100_000L).isBetween(99_000_000L, 100_200_000L);
        assertThat((double) small.size() / large.size()).as("as many octets each").isBetween(9.5, 10.5);
    }

    @Test
    void soManyGoOnEachDayOfAZone() {
        ZoneId zone = ZoneId.of("Europe/Berlin");
        SharedLimit daily = new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "daily", ""),
                new Bound.Daily(10, zone), "shaping.toml:7");
        List<Long> sent = new ArrayList<>();
        Flow flow = flow(0, daily);
        new Sender(flow, Cost.ONE, sent).asks();
        assertThat(sent).hasSize(10);
        assertThat(flow.waitingFor(now)).hasToString("daily 10/d (Europe/Berlin) (shaping.toml:7), next in 13h");
        Instant midnight = ZonedDateTime.parse("2026-11-29T00:00:00+01:00[Europe/Berlin]").toInstant();
        wallPassesTo(midnight.minusMillis(1));
        assertThat(sent).hasSize(10);
        wallPassesTo(midnight.plusSeconds(61));
        assertThat(sent).as("the wall clock is looked at each minute").hasSize(20);
        wallPassesTo(wall.minus(Duration.ofHours(1))); // it is set back, before midnight
        assertThat(sent).hasSize(20);
    }

    private void wallPassesTo(Instant to) {
        wall = to;
        passes(61 * SECOND, 0);
    }

    @Test
    void whatIsGivenBackGoesToWhoeverWaits() {
        SharedLimit limit = FakeLimitBook.messages("all", "1/min");
        Slot first = flow(0, limit).slot();
        assertThat(first.take(Cost.ONE, -1, now)).isZero();
        Slot second = flow(1, limit).slot(() -> {});
        assertThat(second.take(Cost.ONE, Long.MAX_VALUE, now)).isEqualTo(60 * SECOND);
        assertThat(second.isWaiting()).isTrue();
        now += 20 * SECOND;
        first.giveBack(now);
        assertThat(second.isTaken()).isTrue();
    }

    @Test
    void whatIsGivenBackWhenOthersHaveGoneSinceIsLostAndCounted() {
        Flow flow = flow(0, FakeLimitBook.messages("all", "10/s"));
        Slot first = flow.slot();
        assertThat(first.take(Cost.ONE, -1, now)).isZero();
        now += SECOND / 10;
        Slot second = flow.slot();
        assertThat(second.take(Cost.ONE, -1, now)).isZero();
        first.giveBack(now);
        assertThat(shaper.lostSlots()).isEqualTo(1);
        assertThat(flow.slot().take(Cost.ONE, -1, now)).as("it would come too near").isEqualTo(SECOND / 10);
        second.giveBack(now);
        assertThat(shaper.lostSlots()).isEqualTo(1);
        assertThat(flow.slot().take(Cost.ONE, -1, now)).isZero();
    }

    @Test
    void whoFindsItsSlotTooFarAwayDoesNotWait() {
        SharedLimit limit = FakeLimitBook.messages("all", "1/min");
        assertThat(flow(0, limit).slot().take(Cost.ONE, -1, now)).isZero();
        Slot second = flow(1, limit).slot(() -> {});
        assertThat(second.take(Cost.ONE, 5 * SECOND, now)).isEqualTo(60 * SECOND);
        assertThat(second.isWaiting()).isFalse();
        passes(61 * SECOND, 0);
        assertThat(second.isTaken()).isFalse();
    }

    /** One slot a minute and fifty queues: each is woken a second before its turn, none twice, and every slot is used. */
    @Test
    void thoseThatSleepAreWokenBeforeTheirTurnAndInItsOrder() {
        SharedLimit limit = FakeLimitBook.messages("all", "1/min");
        List<Integer> woken = new ArrayList<>();
        List<Long> sent = new ArrayList<>();
        List<Flow> flows = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            int number = i;
            flows.add(path(i, TrafficLimits.DEFAULT, limit).messages(() -> woken.add(number)));
        }
        new Sender(flows.getFirst(), Cost.ONE, sent).slot.take(Cost.ONE, -1, now);
        flows.forEach(flow -> flow.sleep(5 * SECOND, now));
        for (int minute = 1; minute <= 50; minute++) {
            passes(59 * SECOND - 1, 0);
            assertThat(woken).as("minute %d", minute).hasSize(minute - 1);
            passes(MILLI, 0);
            assertThat(woken).as("minute %d", minute).hasSize(minute).endsWith(minute % 50);
            passes(SECOND / 2, 0); // it connects
            Slot slot = flows.get(minute % 50).slot(() -> sent.add(now - start));
            assertThat(slot.take(Cost.ONE, 5 * SECOND, now)).isBetween(1L, SECOND);
            passes(60 * SECOND - (now - start - (minute - 1) * 60L * SECOND), 0);
            shaper.runDue();
            assertThat(sent).as("minute %d", minute).hasSize(minute).endsWith(minute * 60L * SECOND);
        }
    }

    /** One session of a queue found its slot too far away, and another of the same asks for it. */
    @Test
    void whoComesWithoutBeingWokenIsToldThatItSleepsNoMore() {
        List<String> woken = new ArrayList<>();
        Flow flow = path(0, TrafficLimits.DEFAULT, FakeLimitBook.messages("all", "1/min"))
                .messages(() -> woken.add("woken"));
        flow.slot().take(Cost.ONE, -1, now);
        flow.sleep(5 * SECOND, now);
        shaper.runDue();
        assertThat(woken).isEmpty();
        Slot slot = flow.slot(() -> {});
        slot.take(Cost.ONE, Long.MAX_VALUE, now);
        assertThat(slot.isWaiting()).isTrue();
        shaper.runDue();
        assertThat(woken).hasSize(1);
    }

    @Test
    void whoSleepsIsWokenWhenASlotComesBack() {
        SharedLimit limit = FakeLimitBook.messages("all", "1/min");
        List<String> woken = new ArrayList<>();
        Slot slot = flow(0, limit).slot();
        slot.take(Cost.ONE, -1, now);
        path(1, TrafficLimits.DEFAULT, limit).messages(() -> woken.add("woken")).sleep(5 * SECOND, now);
        passes(SECOND, 0);
        assertThat(woken).isEmpty();
        slot.giveBack(now);
        shaper.runDue();
        assertThat(woken).containsExactly("woken");
    }

    @Test
    void aTurnThatNobodyComesForPassesToTheNext() {
        SharedLimit limit = FakeLimitBook.messages("all", "1/min");
        List<String> woken = new ArrayList<>();
        flow(0, limit).slot().take(Cost.ONE, -1, now);
        path(1, TrafficLimits.DEFAULT, limit).messages(() -> woken.add("gone")).sleep(5 * SECOND, now);
        path(2, TrafficLimits.DEFAULT, limit).messages(() -> woken.add("next")).sleep(5 * SECOND, now);
        passes(60 * SECOND, 0);
        assertThat(woken).containsExactly("gone");
        passes(10 * SECOND, 0);
        assertThat(woken).containsExactly("gone", "next");
    }

    /** Sessions that always have a message more are there already, and those that sleep come up all the same. */
    @Test
    void thoseThatSleepHaveTheirTurnAmongThoseThatAreThere() {
        SharedLimit limit = FakeLimitBook.messages("all", "50/s");
        List<Long> present = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            new Sender(flow(i, limit), Cost.ONE, present).asks();
        }
        List<Long> sent = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            Flow[] self = new Flow[1];
            self[0] = path(100 + i, TrafficLimits.DEFAULT, limit)
                    .messages(() -> new Sender(self[0], Cost.ONE, sent).asks());
            self[0].sleep(5 * SECOND, now);
        }
        passes(72 * SECOND, 0);
        assertThat(present.size() + sent.size()).isBetween(3_560, 3_601);
        assertThat((double) sent.size() / (present.size() + sent.size())).as("300 of 360").isBetween(0.75, 0.85);
    }

    /** It comes when 383 queues of bulk wait, each for its turn. */
    @Test
    void aQueueWithTransactionalMailHasTheNextSlot() {
        SharedLimit limit = FakeLimitBook.messages("all", "50/s");
        List<Long> bulk = new ArrayList<>();
        for (int i = 0; i < 383; i++) {
            new Sender(flow(i, limit), Cost.ONE, bulk).asks();
        }
        passes(10 * SECOND + 5 * MILLI, 0);
        List<String> urgent = new ArrayList<>();
        Flow inQueue = flow(400, limit);
        inQueue.hasTransactional(true, now);
        inQueue.slot(() -> {
            inQueue.hasTransactional(false, now);
            urgent.add("in its queue " + (now - start) / MILLI);
        }).take(Cost.ONE, SECOND, now);
        flow(401, limit).slot(() -> urgent.add("in hand " + (now - start) / MILLI)).take(Cost.ONE,
                MailClass.TRANSACTIONAL, SECOND, now);
        passes(SECOND, 0);
        assertThat(urgent).containsExactly("in its queue 10020", "in hand 10040");
        passes(9 * SECOND, 0);
        assertThat(bulk.size() + urgent.size()).as("of the rate").isBetween(1_000, 1_002);
    }

    @ParameterizedTest
    @CsvSource({"10, 1, 1", "25, 1, 1", "50, 1, 1", "10, 1, 20", "10, 20, 1"})
    void bulkHasItsShareOfWhatGoesWhileTransactionalMailWaits(int percent, int bulkCost, int urgentCost) {
        shaper.bulkShare(percent);
        SharedLimit limit = FakeLimitBook.rate(Measure.RECIPIENT_RATE, "recipients", "all", "100/s");
        List<List<Long>> sent = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            sent.add(new ArrayList<>());
            Flow flow = flow(i, limit);
            flow.hasTransactional(i % 2 == 0, now);
            new Sender(flow, new Cost(i % 2 == 0 ? urgentCost : bulkCost, 1), sent.getLast()).asks();
        }
        passes(2_000 * SECOND, 3 * MILLI);
        long urgent = 0;
        long bulk = 0;
        for (int i = 0; i < 20; i += 2) {
            urgent += (long) urgentCost * sent.get(i).size();
            bulk += (long) bulkCost * sent.get(i + 1).size();
            assertThat((double) sent.get(i).size()).as("in turn").isBetween(sent.getFirst().size() - 2.0,
                    sent.getFirst().size() + 2.0);
            assertThat((double) sent.get(i + 1).size()).as("in turn").isBetween(sent.get(1).size() - 2.0,
                    sent.get(1).size() + 2.0);
        }
        assertThat(100.0 * bulk / (bulk + urgent)).as("of recipients").isBetween(0.97 * percent, 1.03 * percent);
        assertThat(bulk + urgent).isBetween(198_000L, 200_100L);
    }

    /** Both kinds of its mail have their turns: the one loses none to the other. */
    @Test
    void aQueueThatHasTransactionalMailNowAndThenKeepsItsTurnsForBulk() {
        SharedLimit limit = FakeLimitBook.messages("all", "50/s");
        List<Long> others = new ArrayList<>();
        for (int i = 0; i < 99; i++) {
            new Sender(flow(i, limit), Cost.ONE, others).asks();
        }
        Flow mixed = flow(99, limit);
        int[] urgent = new int[1];
        List<Long> bulk = new ArrayList<>();
        boolean[] waits = new boolean[1];
        Slot[] self = new Slot[1];
        self[0] = mixed.slot(() -> {
            if (waits[0]) {
                waits[0] = false;
                urgent[0]++;
                mixed.hasTransactional(false, now);
            } else {
                bulk.add(now);
            }
            self[0].used();
            self[0].take(Cost.ONE, Long.MAX_VALUE, now);
        });
        self[0].take(Cost.ONE, Long.MAX_VALUE, now);
        for (int i = 0; i < 400; i++) { // far oftener than its turn comes
            waits[0] = true;
            mixed.hasTransactional(true, now);
            passes(SECOND / 2, 0);
        }
        assertThat(urgent[0]).isEqualTo(400);
        assertThat(bulk.size()).as("a hundredth of the rest").isBetween(94, 98);
        assertThat(others.size() + urgent[0] + bulk.size()).isBetween(9_990, 10_001);
    }

    @Test
    void aQueueThatSleepsIsWokenWhenTransactionalMailComes() {
        SharedLimit limit = FakeLimitBook.messages("all", "1/s");
        List<Long> bulk = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            new Sender(flow(i, limit), Cost.ONE, bulk).asks();
        }
        List<Long> woken = new ArrayList<>();
        Flow sleeper = path(200, TrafficLimits.DEFAULT, limit).messages(() -> woken.add((now - start) / MILLI));
        sleeper.sleep(5 * SECOND, now);
        passes(10 * SECOND + 500 * MILLI, 0);
        assertThat(woken).isEmpty();
        sleeper.hasTransactional(true, now);
        passes(0, 0);
        shaper.runDue();
        assertThat(woken).containsExactly(10_500L);
        List<Long> sent = new ArrayList<>();
        sleeper.slot(() -> sent.add((now - start) / MILLI)).take(Cost.ONE, 5 * SECOND, now);
        passes(2 * SECOND, 0);
        assertThat(sent).containsExactly(11_000L);
    }

    @Test
    void whatIsInHandGoesBeforeBulkOfTheSameQueue() {
        Flow flow = flow(0, FakeLimitBook.messages("all", "1/s"));
        List<String> came = new ArrayList<>();
        flow.slot().take(Cost.ONE, -1, now);
        for (int i = 0; i < 3; i++) {
            int number = i;
            flow.slot(() -> came.add("bulk " + number)).take(Cost.ONE, Long.MAX_VALUE, now);
        }
        Slot late = flow.slot(() -> came.add("once bulk"));
        late.take(Cost.ONE, Long.MAX_VALUE, now);
        flow.slot(() -> came.add("transactional")).take(Cost.ONE, MailClass.TRANSACTIONAL, Long.MAX_VALUE, now);
        late.take(Cost.ONE, MailClass.TRANSACTIONAL, Long.MAX_VALUE, now);
        passes(10 * SECOND, 0);
        assertThat(came).containsExactly("transactional", "once bulk", "bulk 0", "bulk 1", "bulk 2");
    }

    /** What went while nobody else wanted any is no debt. */
    @Test
    void whoSentMuchAloneWaitsForNobodysSakeLater() {
        SharedLimit limit = FakeLimitBook.messages("all", "50/s");
        Flow steady = flow(0, limit);
        for (int i = 0; i < 3_600; i++) {
            Slot slot = steady.slot();
            assertThat(slot.take(Cost.ONE, -1, now)).isZero();
            slot.used();
            passes(SECOND / 10, 0);
        }
        List<Long> others = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            new Sender(flow(1 + i, limit), Cost.ONE, others).asks();
        }
        List<Long> sent = new ArrayList<>();
        new Sender(steady, Cost.ONE, sent).asks();
        passes(10 * SECOND, 0);
        assertThat(sent.size()).isBetween(44, 47);
    }

    @Test
    void aNewValueHoldsForThoseWhoWait() {
        List<Long> sent = new ArrayList<>();
        List<Flow> flows = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            flows.add(flow(i, FakeLimitBook.messages("all", "1/d")));
            new Sender(flows.getLast(), Cost.ONE, sent).asks();
        }
        passes(10 * SECOND, 0);
        assertThat(sent).hasSize(1);
        everyPath("1000/s");
        passes(10 * SECOND, 0);
        assertThat(sent.size()).isBetween(9_990, 10_005);
        everyPath("1/min");
        int before = sent.size();
        passes(120 * SECOND, 0);
        assertThat(sent.size() - before).isBetween(2, 3);
        for (int i = 0; i < 10; i++) {
            path(i, TrafficLimits.DEFAULT);
        }
        for (Flow flow : flows) {
            assertThat(flow.isUnbound()).isTrue();
            assertThat(flow.violation(now)).isNull();
        }
    }

    private void everyPath(String rate) {
        for (int i = 0; i < 10; i++) {
            book.put(new EgressPath("ip-1", new Site("mx" + i + ".example")),
                    new PathLimits(TrafficLimits.DEFAULT, List.of(FakeLimitBook.messages("all", rate))));
        }
        shaper.changed();
    }

    @Test
    void onlyThePathsOfOneSourceTowardsOneProviderAreAskedAgain() {
        List<EgressPath> asked = new ArrayList<>();
        FakeLimitBook told = new FakeLimitBook();
        told.others((path, _) -> {
            asked.add(path);
            return new PathLimits(TrafficLimits.DEFAULT, List.of());
        });
        Shaper other = new Shaper(ShapingConfig.DEFAULT, told, () -> wall, () -> now);
        for (String source : List.of("ip-1", "ip-2")) {
            for (String provider : List.of("google", "yahoo")) {
                other.use(source, new Site("mx." + provider), provider);
            }
        }
        asked.clear();
        other.changed("ip-1", "google");
        assertThat(asked).containsExactly(new EgressPath("ip-1", new Site("mx.google")));
        asked.clear();
        other.changed("", "yahoo");
        assertThat(asked).hasSize(2);
    }

    /** Ten minutes after the last path that it binds; but not while anything of it is spent. */
    @Test
    void aSharedLimitIsForgottenWhenNobodyUsesItAndNothingOfItIsSpent() {
        SharedLimit daily = new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "daily", ""),
                new Bound.Daily(10, ZoneId.of("UTC")), "");
        Throttle spent = path(0, TrafficLimits.DEFAULT, daily);
        spent.messages(() -> {}).slot().take(Cost.ONE, -1, now);
        shaper.letGo(spent);
        shaper.letGo(path(1, TrafficLimits.DEFAULT, FakeLimitBook.messages("a", "10/s")));
        assertThat(shaper.sharedLimits()).hasSize(2);
        now += 2 * Shaper.IDLE.toNanos();
        path(2, TrafficLimits.DEFAULT);
        now += 2 * Shaper.IDLE.toNanos();
        path(3, TrafficLimits.DEFAULT);
        assertThat(shaper.sharedLimits()).containsExactly(daily);
        wall = wall.plus(Duration.ofDays(1));
        now += 2 * Shaper.IDLE.toNanos();
        path(4, TrafficLimits.DEFAULT);
        assertThat(shaper.sharedLimits()).isEmpty();
    }

    /** Else who keeps it and who asks next would count by themselves. */
    @Test
    void aLimitOfWhatIsInDeliveryIsNotForgottenWhenItHasJustBeenAskedFor() {
        SharedLimit inDelivery = FakeLimitBook.connections("a", 1);
        book.senders((_, _) -> List.of(inDelivery));
        long[] time = {0};
        Shaper fresh = new Shaper(ShapingConfig.DEFAULT, book, () -> wall, () -> time[0]);
        Throttle throttle = fresh.use(new Site("a.example"));
        time[0] = 2 * Shaper.IDLE.toNanos();
        fresh.of(throttle, new LimitBook.Sender("a", "", "", "one.example"));
        fresh.use(new Site("b.example")); // time to forget what is idle
        assertThat(fresh.sharedLimits()).containsExactly(inDelivery);
    }

    /** Each is told once, and the next when it has no use for that. */
    @Test
    void whoIsRefusedManyTimesWaitsOnceForTheEndOfADelivery() {
        book.senders((_, _) -> List.of(FakeLimitBook.connections("a", 1)));
        SenderLimits limits = shaper.of(path(0, TrafficLimits.DEFAULT),
                new LimitBook.Sender("a", "", "", "one.example"));
        SenderLimits.Taken taken = limits.take(Cost.ONE, new SenderLimits.Waiter(() -> true), now).taken();
        List<String> told = new ArrayList<>();
        SenderLimits.Waiter first = new SenderLimits.Waiter(() -> !told.add("first"));
        SenderLimits.Waiter second = new SenderLimits.Waiter(() -> told.add("second"));
        SenderLimits.Waiter third = new SenderLimits.Waiter(() -> told.add("third"));
        for (int i = 0; i < 1_000; i++) {
            assertThat(limits.take(Cost.ONE, first, now).taken()).isNull();
        }
        assertThat(limits.take(Cost.ONE, second, now).taken()).isNull();
        assertThat(limits.take(Cost.ONE, third, now).taken()).isNull();
        requireNonNull(taken).giveBack(true, now);
        shaper.runDue();
        assertThat(told).containsExactly("first", "second");
    }

    private record Turn(SenderLimits.Waiter waiter, long atNanos) {}

    /** They come one by one, and who comes late costs no slot. */
    @ParameterizedTest
    @CsvSource({"10000, 0", "10000, 9", "10000, 15", "1, 9"})
    void thoseOfOneSenderThatWaitForARateAskAFewTimesForEachSlotHoweverManyTheyAre(int waiters, long lateMillis) {
        book.senders((_, _) -> List.of(FakeLimitBook.rate(Measure.MESSAGE_RATE, "per-tenant", "a", "100/s")));
        SenderLimits limits = shaper.of(path(0, TrafficLimits.DEFAULT),
                new LimitBook.Sender("a", "", "", "one.example"));
        PriorityQueue<Turn> turns = new PriorityQueue<>((a, b) -> Long.signum(a.atNanos - b.atNanos));
        for (int i = 0; i < waiters; i++) {
            turns.add(new Turn(new SenderLimits.Waiter(() -> true), now));
        }
        Map<SenderLimits.Waiter, Integer> sent = new HashMap<>();
        int slots = 40_000;
        int askings = 0;
        while (turns.element().atNanos - start < slots * 10L * MILLI && askings < 20 * slots) {
            Turn turn = turns.remove();
            now = turn.atNanos;
            SenderLimits.Answer answer = limits.take(Cost.ONE, turn.waiter, now);
            askings++;
            if (answer.taken() != null) {
                sent.merge(turn.waiter, 1, Integer::sum);
            }
            long late = lateMillis == 0 || answer.taken() != null ? 0 : random.nextLong(lateMillis * MILLI);
            turns.add(new Turn(turn.waiter, now + answer.waitNanos() + late));
        }
        assertThat(askings).isLessThan(waiters + 8 * slots);
        assertThat(sent).hasSize(waiters);
        assertThat(sent.values())
                .allSatisfy(each -> assertThat(each).isBetween(slots / waiters / 4, 3 * slots / waiters));
        assertThat(sent.values().stream().mapToInt(each -> each).sum()).isBetween((int) (0.99 * slots), slots + 1);
    }

    @Test
    void whoWaitsForARateBehindOthersThatHaveGoneComesAgainSoon() {
        book.senders((_, _) -> List.of(FakeLimitBook.rate(Measure.MESSAGE_RATE, "per-tenant", "a", "1/s")));
        SenderLimits limits = shaper.of(path(0, TrafficLimits.DEFAULT),
                new LimitBook.Sender("a", "", "", "one.example"));
        for (int i = 0; i < 10_000; i++) {
            limits.take(Cost.ONE, new SenderLimits.Waiter(() -> true), now);
        }
        SenderLimits.Waiter last = new SenderLimits.Waiter(() -> true);
        now += limits.take(Cost.ONE, last, now).waitNanos();
        assertThat(now - start).isBetween(30 * SECOND, 60 * SECOND);
        assertThat(limits.take(Cost.ONE, last, now).taken()).isNotNull();
    }

    @Test
    void anotherProviderIsAChangeOfLimits() {
        Throttle throttle = path(0, TrafficLimits.DEFAULT);
        int before = shaper.changes();
        shaper.provider(throttle, "");
        assertThat(shaper.changes()).isEqualTo(before);
        shaper.provider(throttle, "mail");
        assertThat(shaper.changes()).isNotEqualTo(before);
    }

    @Test
    void theNamesOfAllThatBindsAreThere() {
        Throttle throttle = path(0, own("1/min"), FakeLimitBook.messages("ip-1->google", "1/h"),
                FakeLimitBook.connections("ip-1->google", 1));
        assertThat(throttle.waitingFor(now)).isNull();
        throttle.messages(() -> {}).slot().take(Cost.ONE, -1, now);
        assertThat(throttle.waitingFor(now))
                .hasToString("provider_max_message_rate 1/h of ip-1->google (shaping.toml:12), next in 1h");
        now += 3_600 * SECOND;
        SessionLimiter.Waiter owner = new SessionLimiter.Waiter() {
        };
        assertThat(throttle.tryShared(owner, true)).isNotNull();
        assertThat(throttle.waitingFor(now))
                .hasToString("provider_connection_limit 1 of ip-1->google (shaping.toml:11)");
        assertThat(shaper.snapshot()).singleElement()
                .satisfies(snapshot -> assertThat(snapshot.shared()).hasSize(2));
        assertThat(shaper.open(FakeLimitBook.connections("ip-1->google", 1).id())).isEqualTo(1);
    }

    @Test
    void aSlotIsGivenBackThoughItsPathWasBoundToNothingMeanwhile() {
        SharedLimit all = FakeLimitBook.messages("all", "1/s");
        Slot slot = path(1, TrafficLimits.DEFAULT, all).messages(() -> {}).slot();
        assertThat(slot.take(Cost.ONE, Long.MAX_VALUE, now)).isZero();
        path(1, TrafficLimits.DEFAULT);
        shaper.changed();
        path(1, TrafficLimits.DEFAULT, all);
        shaper.changed();
        slot.giveBack(now);
        Slot another = flow(2, all).slot();
        assertThat(another.take(Cost.ONE, Long.MAX_VALUE, now)).as("the other's").isZero();
    }

    @Test
    void slotsThatAreGivenBackAreNotOfBulksShare() {
        shaper.bulkShare(10);
        SharedLimit all = FakeLimitBook.messages("all", "100/s");
        Flow urgent = flow(2, all);
        urgent.hasTransactional(true, now);
        new Sender(urgent, Cost.ONE, new ArrayList<>()).asks();
        int[] used = {0};
        int[] had = {0};
        Slot[] slot = new Slot[1];
        slot[0] = flow(1, all).slot(() -> {
            if (++had[0] % 2 == 0) {
                slot[0].giveBack(now);
            } else {
                used[0]++;
                slot[0].used();
            }
            slot[0].take(Cost.ONE, Long.MAX_VALUE, now);
        });
        slot[0].take(Cost.ONE, Long.MAX_VALUE, now);
        passes(100 * SECOND, 0);
        assertThat(used[0]).as("about a tenth of 10,000, and not half of that").isBetween(900, 1020);
    }

    @Test
    void whoComesFirstWhenAnotherSlotOfItsFlowGoesMayHaveItsOwnAtOnce() {
        SharedLimit day = new SharedLimit(new SharedLimit.Id(Measure.RECIPIENT_RATE, "d", "all"),
                new Bound.Daily(100, ZoneId.of("UTC")), "x:1");
        Flow flow = flow(1, day);
        Slot before = flow.slot();
        before.take(new Cost(50, 1), Long.MAX_VALUE, now);
        before.used();
        Slot dear = flow.slot();
        dear.take(new Cost(80, 1), Long.MAX_VALUE, now);
        Slot cheap = flow.slot();
        cheap.take(new Cost(1, 1), Long.MAX_VALUE, now);
        assertThat(cheap.isWaiting()).isTrue();
        dear.giveBack(now);
        assertThat(flow.violation(now)).isNull();
        assertThat(cheap.isTaken()).isTrue();
    }
}
