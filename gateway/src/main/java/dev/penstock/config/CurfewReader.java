package dev.penstock.config;

import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.LocalTime;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.penstock.config.ValueType.Plain;
import dev.penstock.units.MailClass;

/** Reads the tables {@code [curfew."night"]}. Stateless. */
final class CurfewReader {
    private static final String END_OF_DAY = "24:00";
    private static final List<String> DAYS = Stream.of(DayOfWeek.values()).map(CurfewReader::word).toList();
    private static final List<String> CLASSES = Stream.of(MailClass.values()).map(MailClass::word).toList();

    private CurfewReader() {}

    static Map<String, CurfewConfig> read(TableBinder table) {
        Map<String, CurfewConfig> curfews = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder curfew = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            CurfewConfig config = CurfewConfig.TABLE.read(curfew, CurfewConfig.TABLE.defaults());
            try {
                curfews.put(PoolReader.poolName(name), config);
            } catch (IllegalArgumentException e) {
                table.reject(name, String.valueOf(e.getMessage()));
            }
        }
        return curfews;
    }

    static void check(TableBinder table, CurfewConfig curfew) {
        for (String key : List.of(CurfewConfig.FROM.name(), CurfewConfig.TO.name())) {
            if (!table.has(key)) {
                table.reject(key, "is missing; expected a time of day like \"22:00\"");
            }
        }
        boolean complete = table.has(CurfewConfig.FROM.name()) && table.has(CurfewConfig.TO.name());
        if (complete && curfew.from().equals(curfew.to()) && curfew.days().size() == DAYS.size()) {
            table.reject(CurfewConfig.TO.name(), "it would never end: from and to are the same, on all days");
        }
    }

    /**
     * Pools and providers that are named have to be there.
     *
     * @param all whether all providers are known: else the shaping file was left out
     */
    static void check(TableBinder file, GatewayConfig config, boolean all) {
        Set<String> providers = config.shaping().providers().stream().map(ProviderConfig::name)
                .collect(Collectors.toSet());
        config.curfews().forEach((name, curfew) -> {
            TableBinder table = file.table("curfew").table(name);
            for (String pool : curfew.pools()) {
                if (!pool.equals(PoolReader.DEFAULT) && !config.pools().containsKey(pool)) {
                    table.reject(CurfewConfig.POOLS.name(), unknown("pool", pool, config.pools().keySet()));
                }
            }
            for (String provider : curfew.providers()) {
                if (all && !providers.contains(provider)) {
                    table.reject(CurfewConfig.PROVIDERS.name(), unknown("provider", provider, providers));
                }
            }
        });
    }

    private static String unknown(String what, String name, Set<String> known) {
        String nearest = Nearest.to(name, known);
        return "there is no " + what + " \"" + name + "\""
                + (nearest == null ? "" : "; did you mean \"" + nearest + "\"?");
    }

    /** The end of a day is its beginning: a curfew that ends no later than it began ends on the day after. */
    static LocalTime time(String text) {
        try {
            return text.equals(END_OF_DAY) ? LocalTime.MIDNIGHT : LocalTime.parse(text);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("expected a time of day like \"22:00\", up to \"" + END_OF_DAY + "\"",
                    e);
        }
    }

    static String written(LocalTime time) {
        return time.toString();
    }

    static Plain<Set<DayOfWeek>> days() {
        return new Plain<>(EnumSet.allOf(DayOfWeek.class), (table, key, otherwise) -> {
            List<DayOfWeek> days = table.list(key, List.copyOf(otherwise), CurfewReader::day);
            if (table.isEmptyArray(key)) {
                table.reject(key, "at least one is needed");
            }
            return Set.copyOf(days);
        }, days -> days.stream().sorted().map(CurfewReader::word).toList(),
                () -> Types.schema("array", "items", Types.schema("string", "enum", DAYS), "minItems", 1),
                Types.quoted(DAYS), false);
    }

    private static DayOfWeek day(String text) {
        return Stream.of(DayOfWeek.values()).filter(day -> word(day).equals(text)).findFirst().orElseThrow(
                () -> new IllegalArgumentException("unknown; allowed: " + Types.quoted(DAYS)));
    }

    private static String word(DayOfWeek day) {
        return day.name().substring(0, 3).toLowerCase(Locale.ROOT);
    }

    static Plain<Set<MailClass>> classes() {
        return new Plain<>(Set.of(MailClass.BULK), (table, key, otherwise) -> {
            List<MailClass> classes = table.list(key, List.copyOf(otherwise), CurfewReader::mailClass);
            if (table.isEmptyArray(key)) {
                table.reject(key, "at least one is needed");
            }
            return Set.copyOf(classes);
        }, classes -> classes.stream().sorted().map(MailClass::word).toList(),
                () -> Types.schema("array", "items", Types.schema("string", "enum", CLASSES), "minItems", 1),
                Types.quoted(CLASSES), false);
    }

    private static MailClass mailClass(String text) {
        return Stream.of(MailClass.values()).filter(each -> each.word().equals(text)).findFirst().orElseThrow(
                () -> new IllegalArgumentException("unknown; allowed: " + Types.quoted(CLASSES)));
    }
}
