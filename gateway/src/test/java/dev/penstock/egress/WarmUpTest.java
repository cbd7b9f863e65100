package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.WarmUpConfig;
import dev.penstock.config.WarmUpSchedule;
import dev.penstock.config.WarmUpSchedule.Step;
import dev.penstock.egress.WarmUpLedger.Day;
import dev.penstock.egress.WarmUpLedger.Lease;
import dev.penstock.testing.Said;

/** Schedules over days of a clock that the test turns. */
class WarmUpTest {
    private static final LocalDate START = LocalDate.of(2026, 12, 1);
    private static final WarmUpLedger.Key GOOGLE = new WarmUpLedger.Key("ip-17", "google");
    private static final int DAYS = 40;
    private static final long MINUTE = 60_000;
    private static final long DAY = 24 * 60 * MINUTE;

    @TempDir
    Path directory;

    private long now = START.atStartOfDay(ZoneId.of("UTC")).toInstant().toEpochMilli();
    private WarmUpLedger ledger = new WarmUpLedger();

    /** All that is wanted is on the disk at once. */
    private void lease() {
        List<Lease> wanted = ledger.wanted();
        ledger.leased(wanted);
    }

    private boolean take(WarmUpPlan plan, WarmUpLedger.Key key) {
        Day day = plan.day(key.provider(), now);
        if (day.allowance() == WarmUpSchedule.UNLIMITED) {
            return true;
        }
        boolean taken = ledger.take(key, day, now) == Quota.GRANTED;
        lease();
        return taken;
    }

    /** At the first asking what it takes from may not be leased yet. */
    private boolean takeInTwo(WarmUpPlan plan) {
        boolean atOnce = take(plan, GOOGLE);
        return atOnce || take(plan, GOOGLE);
    }

    private static WarmUpPlan plan(WarmUpSchedule schedule, String zone) {
        return new WarmUpPlan("gentle", new WarmUpConfig(schedule, ZoneId.of(zone), Map.of()), START);
    }

    private static WarmUpSchedule growing() {
        return new WarmUpSchedule(List.of(), 50, 20, DAYS);
    }

    @Test
    void overFortyDaysEachHasWhatTheScheduleSaysSpreadOverTheDay() {
        WarmUpPlan plan = plan(growing(), "UTC");
        for (int day = 1; day <= DAYS; day++) {
            long allowance = growing().allowance(day);
            long asked = DAY / (allowance + allowance / 2 + 1_000); // there is more to send than may be
            long begin = now;
            long end = now + DAY;
            long[] quarters = new long[4];
            while (now < end) {
                if (take(plan, GOOGLE)) {
                    quarters[(int) ((now - begin) * 4 / DAY)]++;
                }
                now += asked;
            }
            now = end;
            long sent = quarters[0] + quarters[1] + quarters[2] + quarters[3];
            assertThat(sent).as("day " + day).isLessThanOrEqualTo(allowance)
                    .isCloseTo(allowance, within(Math.max(1, allowance / 100)));
            for (long quarter : quarters) {
                assertThat(quarter).as("a quarter of day " + day).isCloseTo(allowance / 4,
                        within(Math.max(2, allowance / 50)));
            }
        }
        assertThat(growing().allowance(DAYS)).isGreaterThan(60_000).isLessThan(80_000);
        assertThat(take(plan, GOOGLE)).as("warm").isTrue();
        assertThat(take(plan, GOOGLE)).as("warm").isTrue();
    }

    @Test
    void aKillCostsADayABlockAtMostAndNeverGivesItMore() {
        SplittableRandom random = new SplittableRandom(1);
        WarmUpPlan plan = plan(new WarmUpSchedule(List.of(new Step(1, 20_000)), 0, 0, 5), "UTC");
        long end = now + DAY;
        long sent = 0;
        long kill = now + 60 * MINUTE;
        Map<Long, Lease> disk = new TreeMap<>();
        while (now < end) {
            Day day = plan.day("google", now);
            sent += ledger.take(GOOGLE, day, now) == Quota.GRANTED ? 1 : 0;
            List<Lease> wanted = ledger.wanted();
            wanted.forEach(lease -> disk.put(lease.day(), lease));
            ledger.leased(wanted);
            now += 1_000 + random.nextInt(100);
            if (now > kill) {
                kill += 60 * MINUTE;
                ledger = new WarmUpLedger();
                disk.values().forEach(ledger::recover);
            }
        }
        assertThat(sent).isLessThanOrEqualTo(20_000).isGreaterThan(20_000 * 85 / 100);
    }

    @Test
    void whatADayHadLeftIsSpreadOverItsRest() {
        WarmUpPlan plan = plan(new WarmUpSchedule(List.of(new Step(1, 240)), 0, 0, 1), "UTC");
        now += 12 * 60 * MINUTE;
        int burst = 0;
        while (takeInTwo(plan)) {
            burst++;
        }
        assertThat(burst).as("nothing was saved up over the morning").isLessThanOrEqualTo(3);
        long sent = burst;
        for (; now < START.plusDays(1).atStartOfDay(ZoneId.of("UTC")).toInstant().toEpochMilli(); now += MINUTE) {
            sent += take(plan, GOOGLE) ? 1 : 0;
        }
        assertThat(sent).isBetween(238L, 240L);
    }

    @Test
    void whoIsToldATimeFindsASlotThen() {
        WarmUpPlan plan = plan(new WarmUpSchedule(List.of(new Step(1, 24)), 0, 0, 1), "UTC");
        assertThat(takeInTwo(plan)).isTrue();
        long next = ledger.take(GOOGLE, plan.day("google", now), now);
        assertThat(next - now).isEqualTo(60 * MINUTE);
        now = next - 1;
        assertThat(take(plan, GOOGLE)).isFalse();
        now = next;
        assertThat(take(plan, GOOGLE)).isTrue();
    }

    @Test
    void beforeItsFirstDayASourceSendsNothing() {
        WarmUpPlan plan = plan(growing(), "UTC");
        now -= 1;
        assertThat(ledger.take(GOOGLE, plan.day("google", now), now)).isEqualTo(now + 1);
        assertThat(plan.age(now)).isZero();
        assertThat(plan.age(now + 1)).isEqualTo(1);
    }

    @Test
    void aClockThatGoesBackFindsWhatTheDayHasHad() {
        WarmUpPlan plan = plan(new WarmUpSchedule(List.of(new Step(1, 10)), 0, 0, 9), "UTC");
        assertThat(takeAllDay(plan, START)).isEqualTo(10);
        assertThat(takeAllDay(plan, START.plusDays(1))).isEqualTo(10);
        assertThat(takeAllDay(plan, START)).isZero();
        assertThat(takeAllDay(plan, START.plusDays(5))).isEqualTo(10);
        assertThat(takeAllDay(plan, START.plusDays(1))).isZero();
        assertThat(takeAllDay(plan, START.plusDays(2))).isEqualTo(10);
    }

    @Test
    void aDayOfTwentyThreeOrTwentyFiveHoursIsADay() {
        WarmUpSchedule schedule = new WarmUpSchedule(List.of(new Step(1, 48)), 0, 0, 365);
        ZoneId berlin = ZoneId.of("Europe/Berlin");
        for (LocalDate date : List.of(LocalDate.of(2027, 3, 28), LocalDate.of(2027, 10, 31))) {
            WarmUpPlan plan = plan(schedule, "Europe/Berlin");
            Day day = plan.day("google", date.atTime(12, 0).atZone(berlin).toInstant().toEpochMilli());
            assertThat(Duration.ofMillis(day.endMillis() - day.startMillis()).toHours())
                    .isEqualTo(date.getMonthValue() == 3 ? 23 : 25);
            assertThat(takeAllDay(plan, date)).as(date.toString()).isBetween(47, 48);
        }
    }

    private int takeAllDay(WarmUpPlan plan, LocalDate date) {
        now = date.atTime(12, 0).atZone(ZoneId.of("UTC")).toInstant().toEpochMilli();
        Day day = plan.day("google", now);
        int taken = 0;
        for (now = day.startMillis(); now < day.endMillis(); now += MINUTE) {
            taken += take(plan, GOOGLE) ? 1 : 0;
        }
        return taken;
    }

    @Test
    void schedulesAreListsStepsOrGrowth() {
        WarmUpSchedule list = new WarmUpSchedule(List.of(new Step(1, 50), new Step(2, 100)), 0, 0, 0);
        assertThat(List.of(list.allowance(0), list.allowance(1), list.allowance(2), list.allowance(3)))
                .containsExactly(0L, 50L, 100L, WarmUpSchedule.UNLIMITED);
        WarmUpSchedule steps = new WarmUpSchedule(List.of(new Step(1, 50), new Step(4, 200)), 0, 0, 6);
        assertThat(List.of(steps.allowance(3), steps.allowance(4), steps.allowance(6), steps.allowance(7)))
                .containsExactly(50L, 200L, 200L, WarmUpSchedule.UNLIMITED);
        WarmUpSchedule growth = new WarmUpSchedule(List.of(), 100, 50, 700);
        assertThat(List.of(growth.allowance(1), growth.allowance(2), growth.allowance(3), growth.allowance(700)))
                .containsExactly(100L, 150L, 225L, 1_000_000_000L);
    }

    @Test
    void aProviderMayHaveAnotherScheduleAndDomainsOfNoKnownOneToo() {
        WarmUpSchedule one = new WarmUpSchedule(List.of(new Step(1, 1)), 0, 0, 0);
        WarmUpSchedule two = new WarmUpSchedule(List.of(new Step(1, 2)), 0, 0, 0);
        WarmUpSchedule three = new WarmUpSchedule(List.of(new Step(1, 3)), 0, 0, 0);
        WarmUpConfig config = new WarmUpConfig(one, ZoneId.of("UTC"), Map.of("google", two, "other", three));
        WarmUpPlan plan = new WarmUpPlan("gentle", config, START);
        assertThat(List.of(plan.day("yahoo", now).allowance(), plan.day("google", now).allowance(),
                plan.day("", now).allowance())).containsExactly(1L, 2L, 3L);
    }

    @Test
    void theFileKeepsLeasesAndATornLineCountsForNothing() throws IOException {
        Path file = directory.resolve("warm-up");
        WarmUpLedger.Key odd = new WarmUpLedger.Key("ip 17\n", "größer");
        try (WarmUpJournal journal = new WarmUpJournal(file)) {
            journal.rewrite(List.of(new Lease(GOOGLE, 1, 5)));
            journal.append(List.of(new Lease(odd, 2, 7), new Lease(GOOGLE, 1, 9)));
        }
        String whole = Files.readString(file);
        Files.writeString(file, whole.lines().toList().getFirst().substring(0, 12), StandardOpenOption.APPEND);
        assertThat(new WarmUpJournal(file).read()).containsExactly(new Lease(GOOGLE, 1, 5), new Lease(odd, 2, 7),
                new Lease(GOOGLE, 1, 9));
        for (int length = 0; length < whole.length(); length++) {
            Files.writeString(file, whole.substring(0, length));
            List<Lease> read = new WarmUpJournal(file).read();
            assertThat(read).isEqualTo(List.of(new Lease(GOOGLE, 1, 5), new Lease(odd, 2, 7), new Lease(GOOGLE, 1, 9))
                    .subList(0, read.size()));
        }
    }

    @Test
    void countsAreTheSameAfterAStopAndNotLessAfterAKill() throws IOException {
        try (WarmUp warmUp = open()) {
            takeSome(warmUp, 3);
            assertThat(warmUp.progress()).extracting(WarmUp.Progress::sent).containsExactly(3L);
        }
        WarmUp killed = open();
        assertThat(killed.progress()).extracting(WarmUp.Progress::sent).containsExactly(3L);
        takeSome(killed, 4);
        try (WarmUp after = open()) {
            assertThat(after.progress()).singleElement().satisfies(progress -> {
                assertThat(progress.sent()).isBetween(7L, 8L); // a block of one more may have been leased
                assertThat(progress.allowance()).isEqualTo(50);
                assertThat(progress.day()).isEqualTo(1);
            });
        }
        killed.close();
    }

    /** What else of a configuration can't be used is found out in between. */
    @Test
    void whatIsPreparedIsNotInForceYet() throws IOException {
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [warm-up.gentle]
                messages = [50, 100]
                [source.one]
                source-address = ["127.0.0.1"]
                warm-up = "gentle"
                warm-up-start = 2026-12-01
                """);
        GatewayConfig changed = ((ConfigReader.Valid) ConfigReader.read(file)).config();
        try (WarmUp warmUp = WarmUp.of(directory, Map.of(), InstantSource.system()).open()) {
            Runnable takeUp = warmUp.prepare(changed);
            assertThat(warmUp.limits()).isFalse();
            takeUp.run();
            assertThat(warmUp.limits()).isTrue();
        }
    }

    @Test
    void aDayThatBeginsAndAnAllowanceThatIsUsedUpAreTold() throws IOException {
        try (WarmUp warmUp = open(); Said said = Said.by(WarmUp.class)) {
            warmUp.tellChanges();
            assertThat(said.lines()).isEmpty();
            takeSome(warmUp, 1);
            warmUp.tellChanges();
            warmUp.tellChanges();
            assertThat(said.lines()).containsExactly(
                    "event=warm-up-day source=ip-17 provider=google schedule=gentle day=1 allowance=50");
            now = START.plusDays(1).atStartOfDay(ZoneId.of("UTC")).toInstant().toEpochMilli() - 1;
            takeSomeAt(warmUp, 49);
            warmUp.tellChanges();
            warmUp.tellChanges();
            assertThat(said.lines()).containsExactly("event=warm-up-allowance-used source=ip-17 provider=google day=1 "
                    + "allowance=50 next=2026-12-02T00:00:00Z");
            now++;
            warmUp.tellChanges();
            assertThat(said.lines()).containsExactly(
                    "event=warm-up-day source=ip-17 provider=google schedule=gentle day=2 allowance=60");
        }
    }

    /** At one moment. */
    private void takeSomeAt(WarmUp warmUp, int number) {
        for (int taken = 0; taken < number;) {
            if (warmUp.take("ip-17", "google", now) == Quota.GRANTED) {
                taken++;
            } else {
                Thread.onSpinWait();
            }
        }
    }

    private WarmUp open() throws IOException {
        InstantSource clock = () -> Instant.ofEpochMilli(now);
        return WarmUp.of(directory, Map.of("ip-17", plan(growing(), "UTC")), clock).open();
    }

    private void takeSome(WarmUp warmUp, int number) {
        int taken = 0;
        while (taken < number) {
            long answer = warmUp.take("ip-17", "google", now);
            if (answer == Quota.GRANTED) {
                taken++;
                now += 30 * MINUTE;
            } else {
                assertThat(answer - now).as("only its lease is waited for").isLessThanOrEqualTo(20);
                Thread.onSpinWait();
            }
        }
        assertThat(warmUp.take("ip-1", "google", now)).as("one that isn't warmed up").isEqualTo(Quota.UNLIMITED);
    }
}
