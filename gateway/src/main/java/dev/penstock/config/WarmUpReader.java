package dev.penstock.config;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import dev.penstock.config.ValueType.Plain;

/** Reads the tables {@code [warm-up."gentle"]}, and who is warmed up by them. Stateless. */
final class WarmUpReader {
    static final String WARM_UP = "warm-up";
    static final String WARM_UP_START = "warm-up-start";

    private WarmUpReader() {}

    static Map<String, WarmUpConfig> read(TableBinder table) {
        Map<String, WarmUpConfig> schedules = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder schedule = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            WarmUpConfig config = WarmUpConfig.TABLE.read(schedule, WarmUpConfig.TABLE.defaults());
            config.schedule().check(schedule, "warm-up.\"" + name + '"');
            schedules.put(name, config);
        }
        return schedules;
    }

    static Map<String, WarmUpSchedule> providers(TableBinder table) {
        Map<String, WarmUpSchedule> providers = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder provider = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            WarmUpSchedule schedule = WarmUpSchedule.TABLE.read(provider, WarmUpSchedule.NONE);
            schedule.check(provider, "provider.\"" + name + '"');
            providers.put(name, schedule);
        }
        return providers;
    }

    static ZoneId zone(String text) {
        try {
            return ZoneId.of(text);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(
                    "no time zone; expected one like \"UTC\", \"+01:00\" or \"Europe/Berlin\"",
                    e);
        }
    }

    /** Written as TOML's date or as a text; none by default. */
    static Plain<Optional<LocalDate>> date() {
        return new Plain<>(Optional.empty(), TableBinder::date, date -> date.map(LocalDate::toString).orElse(""),
                () -> Types.schema("string", "pattern", "^(\\d{4}-\\d{2}-\\d{2})?$"), "a date, like 2026-12-01", false);
    }

    /** Of one source. */
    static void check(TableBinder table, SourceConfig source) {
        if (!source.warmUp().isEmpty() && source.warmUpStart().isEmpty() && !table.has(WARM_UP_START)) {
            table.reject(WARM_UP_START,
                    "is missing; expected the day on which the source begins to send, like 2026-12-01");
        }
        if (source.warmUp().isEmpty() && source.warmUpStart().isPresent()) {
            table.reject(WARM_UP_START, "has no meaning without warm-up, the name of a schedule");
        }
    }

    static void check(TableBinder sources, Map<String, SourceConfig> configs, Set<String> schedules) {
        configs.forEach((name, source) -> {
            if (!source.warmUp().isEmpty() && !schedules.contains(source.warmUp())) {
                String nearest = Nearest.to(source.warmUp(), schedules);
                sources.table(name).reject(WARM_UP, '"' + source.warmUp() + "\": there is no table [warm-up.\""
                        + source.warmUp() + "\"]" + (nearest == null ? "" : "; did you mean \"" + nearest + "\"?"));
            }
        });
    }
}
