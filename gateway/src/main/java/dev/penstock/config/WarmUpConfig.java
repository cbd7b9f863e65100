package dev.penstock.config;

import static dev.penstock.config.Types.inline;
import static dev.penstock.config.Types.map;
import static dev.penstock.config.Types.text;

import java.time.ZoneId;
import java.util.Map;

/**
 * A schedule by which sources are warmed up, {@code [warm-up."gentle"]}. Immutable.
 *
 * @param schedule  towards each provider, and towards all domains of no known one together
 * @param timeZone  whose days are counted
 * @param providers towards these providers another one, by their names; {@link #OTHER} for domains of no known provider
 */
public record WarmUpConfig(WarmUpSchedule schedule, ZoneId timeZone, Map<String, WarmUpSchedule> providers)
        implements
            TableRecord<WarmUpConfig> {
    /** Stands for the domains of no known provider. */
    public static final String OTHER = "other";

    static final Table<WarmUpConfig> TABLE = Table.of(WarmUpConfig.class, WarmUpConfig::new, "");
    static final Key<WarmUpConfig, WarmUpSchedule> SCHEDULE = TABLE.key("", WarmUpConfig::schedule,
            inline(WarmUpSchedule.TABLE, WarmUpSchedule.NONE, WarmUpSchedule.TABLE::readKeys), "");
    public static final Key<WarmUpConfig, ZoneId> TIME_ZONE = TABLE.key("time-zone", WarmUpConfig::timeZone,
            text("a time zone in quotes, like \"UTC\" or \"Europe/Berlin\"", ZoneId.of("UTC"), WarmUpReader::zone,
                    ZoneId::getId),
            "Whose days are counted; they have 23 and 25 hours where clocks are changed.");
    public static final Key<WarmUpConfig, Map<String, WarmUpSchedule>> PROVIDERS = TABLE.key("provider",
            WarmUpConfig::providers,
            map(WarmUpSchedule.TABLE, (table, key) -> WarmUpReader.providers(table.table(key))),
            "Another schedule towards a provider, by its name; \"other\" is for all domains of no known provider.");

    public WarmUpConfig {
        providers = Map.copyOf(providers);
    }

    WarmUpConfig(Values<WarmUpConfig> values) {
        this(values.get(SCHEDULE), values.get(TIME_ZONE), values.get(PROVIDERS));
    }

    /** @param provider empty for domains of no known one */
    public WarmUpSchedule towards(String provider) {
        return providers.getOrDefault(provider.isEmpty() ? OTHER : provider, schedule);
    }
}
