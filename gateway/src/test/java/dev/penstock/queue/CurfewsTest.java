package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.CurfewConfig;
import dev.penstock.queue.Curfews.Curfew;

/** When curfews begin and end, by the clocks of their time zones. */
class CurfewsTest {
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
    private static final long MINUTE = TimeUnit.MINUTES.toMillis(1);

    private static Curfew curfew(String from, String to, DayOfWeek... days) {
        CurfewConfig config = CurfewConfig.DEFAULT.with(CurfewConfig.FROM, LocalTime.parse(from))
                .with(CurfewConfig.TO, LocalTime.parse(to)).with(CurfewConfig.TIME_ZONE, BERLIN);
        return new Curfew("night", days.length == 0 ? config : config.with(CurfewConfig.DAYS, Set.of(days)));
    }

    private static long at(String local) {
        return LocalDateTime.parse(local).atZone(BERLIN).toInstant().toEpochMilli();
    }

    /** The next changes from then on, in the zone's time. */
    private static List<String> changes(Curfew curfew, String from, int count) {
        List<String> changes = new ArrayList<>();
        long now = at(from);
        for (int i = 0; i < count; i++) {
            now = curfew.nextChangeMillis(now);
            changes.add(Instant.ofEpochMilli(now).atZone(BERLIN).toOffsetDateTime().toString());
        }
        return changes;
    }

    @Test
    void beginsAndEndsEachNight() {
        Curfew night = curfew("22:00", "06:00");
        assertThat(night.isInForce(at("2026-12-01T21:59"))).isFalse();
        assertThat(night.isInForce(at("2026-12-01T22:00"))).isTrue();
        assertThat(night.isInForce(at("2026-12-02T05:59"))).isTrue();
        assertThat(night.isInForce(at("2026-12-02T06:00"))).isFalse();
        assertThat(changes(night, "2026-12-01T12:00", 3)).containsExactly("2026-12-01T22:00+01:00",
                "2026-12-02T06:00+01:00", "2026-12-02T22:00+01:00");
    }

    @Test
    void theDayIsThatOnWhichItBegins() {
        Curfew night = curfew("22:00", "06:00", DayOfWeek.SATURDAY);
        assertThat(changes(night, "2026-12-01T12:00", 3)).containsExactly("2026-12-05T22:00+01:00",
                "2026-12-06T06:00+01:00", "2026-12-12T22:00+01:00");
    }

    @Test
    void daysThatFollowEachOtherAreOneCurfew() {
        Curfew weekend = curfew("00:00", "00:00", DayOfWeek.SATURDAY, DayOfWeek.SUNDAY);
        assertThat(changes(weekend, "2026-12-01T12:00", 2)).containsExactly("2026-12-05T00:00+01:00",
                "2026-12-07T00:00+01:00");
    }

    @Test
    void theNightInWhichClocksGoForwardIsAnHourShorter() {
        assertThat(changes(curfew("22:00", "06:00"), "2027-03-27T12:00", 2)).containsExactly("2027-03-27T22:00+01:00",
                "2027-03-28T06:00+02:00");
    }

    @Test
    void anHourThatClocksLeaveOutIsNoCurfew() {
        assertThat(changes(curfew("02:15", "02:45"), "2027-03-28T00:00", 2)).containsExactly("2027-03-29T02:15+02:00",
                "2027-03-29T02:45+02:00");
        assertThat(changes(curfew("02:30", "04:00"), "2027-03-28T00:00", 2)).as("it begins with the clocks at 3")
                .containsExactly("2027-03-28T03:00+02:00", "2027-03-28T04:00+02:00");
    }

    @Test
    void anHourThatClocksReadTwiceIsCurfewTwice() {
        assertThat(changes(curfew("02:15", "02:45"), "2026-10-25T00:00", 4)).containsExactly("2026-10-25T02:15+02:00",
                "2026-10-25T02:45+02:00", "2026-10-25T02:15+01:00", "2026-10-25T02:45+01:00");
    }

    /** Minute by minute, over the changes of clocks, what was said to be next is what comes. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void theNextChangeIsTheNextThatComes(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<String> zones = List.of("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC");
        for (int round = 0; round < 20; round++) {
            Set<DayOfWeek> days = new HashSet<>(Set.of(DayOfWeek.of(random.nextInt(1, 8))));
            for (DayOfWeek day : DayOfWeek.values()) {
                if (random.nextBoolean()) {
                    days.add(day);
                }
            }
            CurfewConfig config = CurfewConfig.DEFAULT
                    .with(CurfewConfig.FROM, LocalTime.of(random.nextInt(24), random.nextInt(4) * 15))
                    .with(CurfewConfig.TO, LocalTime.of(random.nextInt(24), random.nextInt(4) * 15))
                    .with(CurfewConfig.TIME_ZONE, ZoneId.of(zones.get(random.nextInt(zones.size()))))
                    .with(CurfewConfig.DAYS, days);
            Curfew curfew = new Curfew("c", config);
            long now = at(random.nextBoolean() ? "2026-10-24T00:00" : "2027-03-27T00:00")
                    + random.nextInt(4 * 24 * 60) * MINUTE;
            long said = curfew.nextChangeMillis(now);
            boolean before = curfew.isInForce(now);
            long real = now;
            while (curfew.isInForce(real) == before && real < now + TimeUnit.DAYS.toMillis(8)) {
                real += MINUTE;
            }
            if (curfew.isInForce(real) == before) {
                assertThat(said).as("seed %d: %s never changes", seed, config)
                        .isGreaterThan(now + TimeUnit.DAYS.toMillis(8));
            } else {
                assertThat(Instant.ofEpochMilli(said))
                        .as("seed %d: %s from %s", seed, config, Instant.ofEpochMilli(now))
                        .isEqualTo(Instant.ofEpochMilli(real));
            }
        }
    }

    @Test
    void ofSeveralTheFirstChangeCounts() {
        Curfews both = new Curfews(Map.of("a", curfew("22:00", "06:00").config(), "b",
                curfew("20:00", "21:00").config()));
        assertThat(both.nextChangeMillis(at("2026-12-01T12:00"))).isEqualTo(at("2026-12-01T20:00"));
        assertThat(both.at(at("2026-12-01T20:30"))).extracting(Curfew::name).containsExactly("b");
        assertThat(both.at(at("2026-12-01T12:00"))).isEmpty();
        assertThat(Curfews.NONE.nextChangeMillis(0)).isEqualTo(Long.MAX_VALUE);
    }
}
