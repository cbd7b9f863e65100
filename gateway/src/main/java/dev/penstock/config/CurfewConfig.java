package dev.penstock.config;

import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.texts;

import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Set;

import dev.penstock.units.MailClass;

/**
 * Hours in which mail waits: {@code [curfew."night"]}. Each component is the key of its name. It binds what fits all of its
 * lists; an empty one fits everything.
 *
 * @param days on which it begins
 * @param to   when this is no later than {@code from}, on the day after
 */
public record CurfewConfig(List<String> tenants, List<String> pools, List<String> providers, Set<MailClass> classes,
        Set<DayOfWeek> days, LocalTime from, LocalTime to, ZoneId timeZone) implements TableRecord<CurfewConfig> {
    static final Table<CurfewConfig> TABLE = Table.of(CurfewConfig.class, CurfewConfig::new, "")
            .rule(CurfewReader::check);
    public static final Key<CurfewConfig, List<String>> TENANTS = TABLE
            .key("tenants", CurfewConfig::tenants, texts(PoolReader::name), "Whose mail waits. Empty: everybody's.")
            .example("[\"shop\"]");
    public static final Key<CurfewConfig, List<String>> POOLS = TABLE
            .key("pools", CurfewConfig::pools, texts(PoolReader::poolName),
                    "By which pools of sources it would go. Empty: any.")
            .example("[\"marketing\"]");
    public static final Key<CurfewConfig, List<String>> PROVIDERS = TABLE
            .key("providers", CurfewConfig::providers, texts(PoolReader::name),
                    "To whose hosts it would go, by the names of providers. Empty: any.")
            .example("[\"google\"]");
    public static final Key<CurfewConfig, Set<MailClass>> CLASSES = TABLE.key("classes", CurfewConfig::classes,
            CurfewReader.classes(), "Of which classes: \"bulk\", \"transactional\".");
    public static final Key<CurfewConfig, Set<DayOfWeek>> DAYS = TABLE.key("days", CurfewConfig::days,
            CurfewReader.days(), "The days on which it begins, \"mon\" to \"sun\".");
    public static final Key<CurfewConfig, LocalTime> FROM = TABLE
            .key("from", CurfewConfig::from,
                    text("a time of day in quotes, like \"22:00\"", LocalTime.MIDNIGHT, CurfewReader::time,
                            CurfewReader::written),
                    "When it begins, by the clocks of its time zone.")
            .required().example("\"22:00\"");
    public static final Key<CurfewConfig, LocalTime> TO = TABLE
            .key("to", CurfewConfig::to,
                    text("a time of day in quotes, like \"06:00\"", LocalTime.MIDNIGHT, CurfewReader::time,
                            CurfewReader::written),
                    "When it ends: on the day after when that is no later than from. \"24:00\" is the day's end.")
            .required().example("\"06:00\"");
    public static final Key<CurfewConfig, ZoneId> TIME_ZONE = TABLE.key("time-zone", CurfewConfig::timeZone,
            text("a time zone in quotes, like \"UTC\" or \"Europe/Berlin\"", ZoneId.of("UTC"), WarmUpReader::zone,
                    ZoneId::getId),
            "Whose clocks and days count: an hour that is there twice counts twice, one that is left out not at all.");

    public static final CurfewConfig DEFAULT = TABLE.defaults();

    public CurfewConfig {
        tenants = List.copyOf(tenants);
        pools = List.copyOf(pools);
        providers = List.copyOf(providers);
        classes = Set.copyOf(classes);
        days = Set.copyOf(days);
    }

    private CurfewConfig(Values<CurfewConfig> values) {
        this(values.get(TENANTS), values.get(POOLS), values.get(PROVIDERS), values.get(CLASSES), values.get(DAYS),
                values.get(FROM), values.get(TO), values.get(TIME_ZONE));
    }
}
