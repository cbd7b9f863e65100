package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.egress.WarmUpLedger.Day;
import dev.penstock.egress.WarmUpLedger.Lease;

/**
 * Random schedules of takes, expectations, give-backs, syncs that come late or fail, kills, stops, jumps of the clock and changed
 * allowances: on no day more is sent than its allowance and what came back.
 */
class WarmUpLedgerModelTest {
    private static final int RUNS = 300;
    private static final int STEPS = 400;
    private static final long DAY_MILLIS = 86_400_000;
    private static final List<WarmUpLedger.Key> KEYS = List.of(new WarmUpLedger.Key("a", "google"),
            new WarmUpLedger.Key("a", ""), new WarmUpLedger.Key("b", "google"));

    /** The disk, and what of it is certain. */
    private final Map<WarmUpLedger.Key, Map<Long, Long>> disk = new HashMap<>();
    private final Map<List<Object>, Long> sent = new HashMap<>();
    private WarmUpLedger ledger = new WarmUpLedger();
    private List<Lease> writing = List.of();

    @Test
    void onNoDayMoreIsSentThanItsAllowance() {
        for (int seed = 0; seed < RUNS; seed++) {
            run(new SplittableRandom(seed), "seed " + seed);
        }
    }

    private void run(SplittableRandom random, String seed) {
        disk.clear();
        sent.clear();
        ledger = new WarmUpLedger();
        writing = List.of();
        long allowance = 1L + random.nextInt(random.nextBoolean() ? 10 : 2_000);
        long now = DAY_MILLIS * 100 + random.nextLong(DAY_MILLIS);
        for (int step = 0; step < STEPS; step++) {
            WarmUpLedger.Key key = KEYS.get(random.nextInt(KEYS.size()));
            Day day = day(now, allowance);
            switch (random.nextInt(20)) {
                case 0, 1 -> now = DAY_MILLIS * 100 + random.nextLong(DAY_MILLIS * WarmUpLedger.MAX_DAYS_KEPT);
                case 2 -> kill(random);
                case 3 -> stop();
                case 4, 5 -> {
                    if (sent.getOrDefault(place(key, day), 0L) > 0) {
                        ledger.giveBack(key, day.number());
                        sent.merge(place(key, day), -1L, Long::sum);
                    }
                }
                case 6, 7, 8, 9 -> write(random, now);
                default -> {
                    now = Math.min(now + random.nextLong(DAY_MILLIS / 500),
                            DAY_MILLIS * (100 + WarmUpLedger.MAX_DAYS_KEPT) - 1);
                    day = day(now, allowance);
                    long expected = random.nextBoolean() ? ledger.expect(key, day, now) : now;
                    if (random.nextInt(4) == 0) {
                        ledger.expectNot(key, random.nextInt(3));
                    }
                    long answer = ledger.take(key, day, now);
                    if (expected == Quota.GRANTED) {
                        assertThat(answer).as(seed + ": what was sent for may be taken").isEqualTo(Quota.GRANTED);
                    }
                    if (answer == Quota.GRANTED) {
                        long count = sent.merge(place(key, day), 1L, Long::sum);
                        assertThat(count).as(seed + ", step " + step + ", " + key + " on day " + day.number())
                                .isLessThanOrEqualTo(allowance);
                        assertThat(count).as(seed + ": leased on the disk")
                                .isLessThanOrEqualTo(disk.getOrDefault(key, Map.of()).getOrDefault(day.number(), 0L));
                    } else {
                        assertThat(answer).as(seed + ": a time to come back").isGreaterThan(now);
                    }
                }
            }
        }
    }

    private static List<Object> place(WarmUpLedger.Key key, Day day) {
        return List.of(key, day.number());
    }

    private static Day day(long now, long allowance) {
        long number = Math.floorDiv(now, DAY_MILLIS);
        return new Day(number, number * DAY_MILLIS, (number + 1) * DAY_MILLIS, allowance);
    }

    private void write(SplittableRandom random, long now) {
        if (writing.isEmpty()) {
            writing = ledger.wanted();
            return;
        }
        if (random.nextInt(5) == 0) {
            writing.stream().filter(_ -> random.nextBoolean()).forEach(this::put); // some came through
            ledger.failed(writing, now);
        } else {
            writing.forEach(this::put);
            ledger.leased(writing);
        }
        writing = List.of();
    }

    private void put(Lease lease) {
        disk.computeIfAbsent(lease.key(), _ -> new HashMap<>()).put(lease.day(), lease.leased());
    }

    /** Of what was being written any part may be there. */
    private void kill(SplittableRandom random) {
        for (Lease lease : writing) {
            if (random.nextBoolean()) {
                put(lease);
            }
        }
        recover();
    }

    private void stop() {
        List<Lease> exact = ledger.close();
        disk.clear();
        exact.forEach(this::put);
        for (Lease lease : exact) {
            assertThat(lease.leased()).isGreaterThanOrEqualTo(
                    sent.getOrDefault(List.<Object>of(lease.key(), lease.day()), 0L));
        }
        recover();
    }

    private void recover() {
        writing = List.of();
        ledger = new WarmUpLedger();
        List<Lease> leases = new ArrayList<>();
        disk.forEach((key, days) -> days.forEach((day, leased) -> leases.add(new Lease(key, day, leased))));
        leases.forEach(ledger::recover);
    }
}
