package dev.penstock.egress;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.WarmUpConfig;
import dev.penstock.config.WarmUpSchedule;
import dev.penstock.egress.WarmUpLedger.Day;

/** What one source may send by its schedule. Immutable but for the day that it remembers. Thread-safe. */
final class WarmUpPlan {
    private final String schedule;
    private final WarmUpConfig config;
    private final LocalDate start;
    private volatile Bounds bounds = new Bounds(LocalDate.MIN, 0, 0);

    /** A day's first moment and the next one's. */
    private record Bounds(LocalDate date, long startMillis, long endMillis) {}

    WarmUpPlan(String schedule, WarmUpConfig config, LocalDate start) {
        this.schedule = schedule;
        this.config = config;
        this.start = start;
    }

    /** Of all sources that are warmed up, by name. */
    static Map<String, WarmUpPlan> of(GatewayConfig config) {
        Map<String, WarmUpPlan> plans = new HashMap<>();
        config.sources().forEach((name, source) -> source.warmUpStart().ifPresent(start -> {
            WarmUpConfig schedule = config.warmUps().get(source.warmUp());
            if (schedule != null) {
                plans.put(name, new WarmUpPlan(source.warmUp(), schedule, start));
            }
        }));
        return Map.copyOf(plans);
    }

    String schedule() {
        return schedule;
    }

    /** The day at this moment; its allowance is {@link WarmUpSchedule#UNLIMITED} towards a provider where it is warm. */
    Day day(String provider, long nowMillis) {
        Bounds now = bounds(nowMillis);
        WarmUpSchedule towards = config.towards(provider);
        return new Day(now.date().toEpochDay(), now.startMillis(), now.endMillis(), towards.allowance(ageOn(now)));
    }

    /** Of the source, in days; 1 on its first, less before. */
    long age(long nowMillis) {
        return ageOn(bounds(nowMillis));
    }

    private long ageOn(Bounds now) {
        return now.date().toEpochDay() - start.toEpochDay() + 1;
    }

    private Bounds bounds(long nowMillis) {
        Bounds known = bounds;
        if (nowMillis >= known.startMillis() && nowMillis < known.endMillis()) {
            return known;
        }
        ZoneId zone = config.timeZone();
        LocalDate date = Instant.ofEpochMilli(nowMillis).atZone(zone).toLocalDate();
        Bounds found = new Bounds(date, date.atStartOfDay(zone).toInstant().toEpochMilli(),
                date.plusDays(1).atStartOfDay(zone).toInstant().toEpochMilli());
        bounds = found;
        return found;
    }
}
