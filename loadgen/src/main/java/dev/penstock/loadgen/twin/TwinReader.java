package dev.penstock.loadgen.twin;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

import dev.penstock.loadgen.twin.TwinLimit.Per;
import dev.penstock.loadgen.twin.TwinProfile.Latency;
import dev.penstock.loadgen.twin.TwinProfile.Reputation;
import dev.penstock.units.Durations;
import dev.penstock.units.Rate;

/** Reads the description of one twin. Confined to one reading, which finds all errors. */
final class TwinReader {
    private static final Duration PROMPT = Duration.ofMillis(5);
    private static final int MOST = 1_000_000_000;

    private record Problem(int line, int column, String text) {}

    private final List<Problem> problems = new ArrayList<>();

    private TwinReader() {}

    /**
     * @param name of the twin
     * @param file for messages
     * @throws IllegalArgumentException with a line {@code file:line:column: key: what is wrong} for each error
     */
    static TwinProfile read(String name, String file, String toml) {
        TwinReader reader = new TwinReader();
        TomlParseResult parsed = Toml.parse(toml);
        for (TomlParseError error : parsed.errors()) {
            reader.problems.add(new Problem(error.position().line(), error.position().column(),
                    Objects.requireNonNullElse(error.getMessage(), "is no TOML")));
        }
        TwinProfile profile = parsed.hasErrors() ? null : reader.profile(name, parsed);
        if (profile == null || !reader.problems.isEmpty()) {
            reader.problems.sort(Comparator.comparingInt(Problem::line).thenComparingInt(Problem::column));
            throw new IllegalArgumentException(reader.problems.stream()
                    .map(each -> file + ":" + each.line + ":" + each.column + ": " + each.text)
                    .collect(Collectors.joining("\n")));
        }
        return profile;
    }

    private TwinProfile profile(String name, TomlTable root) {
        Table top = new Table(root, "");
        String about = top.text("about", "");
        String host = top.text("host", "mx." + name + ".test");
        List<String> domains = top.texts("domains", List.of(name + ".test"));
        Table timing = top.table("latency");
        Latency latency = new Latency(timing.time("connect", PROMPT), timing.time("greeting", PROMPT),
                timing.time("command", PROMPT), timing.time("content", PROMPT), timing.share("spread", 0),
                timing.time("tarpit", Duration.ZERO));
        timing.end();
        Table opinion = top.table("reputation");
        Reputation reputation = new Reputation(opinion.share("unknown", 1), opinion.share("per-hour", 0),
                opinion.share("excess", 0), opinion.share("complaints", 0), opinion.share("complaint", 0));
        opinion.end();
        List<TwinLimit> limits = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (Table table : top.tables("limit")) {
            TwinLimit limit = limit(table);
            if (limit != null) {
                limits.add(limit);
                if (!names.add(limit.name()) || limit.name().equals(Twin.BLOCKED)) {
                    table.reject("name",
                            "another limit is called \"" + limit.name() + "\"; allowed: a name of its own");
                }
            }
            table.end();
        }
        Escalation escalation = null;
        if (root.contains("escalation")) {
            Table table = top.table("escalation");
            escalation = new Escalation(table.count("after"), table.time("within", null), table.time("block", null),
                    table.word("at", TwinPhase.MAIL, List.of(TwinPhase.values())), table.replies());
            table.end();
        }
        top.end();
        return new TwinProfile(name, about, host, domains, latency, reputation, limits, escalation);
    }

    private enum Kind {
        CONNECTIONS,
        RATE,
        SESSION_MESSAGES,
        DAILY,
        GREYLIST,
        CHANCE
    }

    private @Nullable TwinLimit limit(Table table) {
        Kind kind = table.find("kind", null, List.of(Kind.values()));
        if (kind == null) {
            return null;
        }
        String name = table.text("name", kind.name().toLowerCase(Locale.ROOT).replace('_', '-'));
        List<TwinReply> replies = table.replies();
        return switch (kind) {
            case CONNECTIONS -> new TwinLimit.Connections(name, TwinPhase.GREETING, replies, table.weight(0),
                    table.count("most"));
            case SESSION_MESSAGES -> new TwinLimit.SessionMessages(name, TwinPhase.MAIL, replies, table.weight(0),
                    table.count("most"));
            case GREYLIST -> new TwinLimit.Greylist(name, TwinPhase.RCPT, replies, table.weight(0),
                    table.time("wait", null));
            case DAILY -> new TwinLimit.Daily(name, table.word("at", TwinPhase.MAIL, List.of(TwinPhase.MAIL)), replies,
                    table.weight(1), table.count("most"), table.zone("zone"));
            case CHANCE ->
                new TwinLimit.Chance(name, table.word("at", TwinPhase.RCPT, List.of(TwinPhase.values())), replies,
                        table.weight(0), table.share("share", null));
            case RATE -> {
                Per per = table.word("per", Per.SOURCE, List.of(Per.values()));
                TwinPhase at = switch (per) {
                    case SOURCE -> table.word("at", TwinPhase.MAIL, List.of(TwinPhase.values()));
                    case TENANT -> table.word("at", TwinPhase.CONTENT, List.of(TwinPhase.MAIL, TwinPhase.RCPT,
                            TwinPhase.CONTENT));
                    case RECIPIENT -> table.word("at", TwinPhase.RCPT, List.of(TwinPhase.RCPT));
                };
                double full = table.rate("rate", null);
                yield new TwinLimit.Pace(name, at, replies, table.weight(per == Per.SOURCE ? 1 : 0), per,
                        table.rate("floor", full), full, table.time("burst", Duration.ofSeconds(1)),
                        table.time("pause", Duration.ZERO));
            }
        };
    }

    /** One table, whose keys are ticked off as they are read. */
    private final class Table {
        private final TomlTable table;
        private final String path;
        private final Set<String> read = new HashSet<>();

        Table(TomlTable table, String path) {
            this.table = table;
            this.path = path;
        }

        void reject(String key, String why) {
            TomlPosition at = table.contains(List.of(key)) ? table.inputPositionOf(List.of(key)) : null;
            TomlPosition place = at != null ? at : first();
            problems.add(new Problem(place == null ? 1 : place.line(), place == null ? 1 : place.column(),
                    path + key + ": " + why));
        }

        private @Nullable TomlPosition first() {
            return table.keySet().stream().map(key -> table.inputPositionOf(List.of(key)))
                    .filter(position -> position != null).min(Comparator.comparingInt(TomlPosition::line))
                    .orElse(null);
        }

        void end() {
            for (String key : table.keySet()) {
                if (!read.contains(key)) {
                    reject(key, "unknown key; allowed: " + read.stream().sorted().collect(Collectors.joining(", ")));
                }
            }
        }

        private @Nullable Object value(String key) {
            read.add(key);
            return table.get(List.of(key));
        }

        /** @param fallback null for a key that must be there */
        private <T> T parsed(String key, @Nullable T fallback, T broken, String allowed,
                Function<String, T> parser) {
            Object value = value(key);
            if (value == null) {
                if (fallback == null) {
                    reject(key, "is missing; allowed: " + allowed);
                    return broken;
                }
                return fallback;
            }
            try {
                if (value instanceof String text) {
                    return parser.apply(text);
                }
            } catch (IllegalArgumentException | DateTimeException e) {
                reject(key, "\"" + value + "\": " + e.getMessage() + "; allowed: " + allowed);
                return broken;
            }
            reject(key, value + " is no text; allowed: " + allowed);
            return broken;
        }

        String text(String key, String fallback) {
            return parsed(key, fallback, fallback, "a text", Function.identity());
        }

        Duration time(String key, @Nullable Duration fallback) {
            return parsed(key, fallback, Duration.ofSeconds(1), "a time like \"200ms\", \"5m\" or \"4h\"",
                    Durations::parse);
        }

        double rate(String key, @Nullable Double fallback) {
            return parsed(key, fallback, 1.0, "a rate like \"50/s\" or \"600/h\"", text -> {
                Rate rate = Rate.parse(text);
                return rate.count() * 1e9 / rate.period().toNanos();
            });
        }

        ZoneId zone(String key) {
            return parsed(key, ZoneId.of("UTC"), ZoneId.of("UTC"), "a time zone like \"Asia/Shanghai\"", ZoneId::of);
        }

        <E extends Enum<E>> E word(String key, @Nullable E fallback, List<E> allowed) {
            E found = find(key, fallback, allowed);
            return found == null ? allowed.getFirst() : found;
        }

        <E extends Enum<E>> @Nullable E find(String key, @Nullable E fallback, List<E> allowed) {
            String words = allowed.stream().map(TwinReader::wordOf).collect(Collectors.joining(", "));
            Object value = value(key);
            if (value == null && fallback != null) {
                return fallback;
            }
            for (E each : allowed) {
                if (wordOf(each).equals(value)) {
                    return each;
                }
            }
            reject(key, (value == null ? "is missing" : value + " is none of them") + "; allowed: " + words);
            return fallback;
        }

        int count(String key) {
            Object value = value(key);
            if (value instanceof Long count && count >= 1 && count <= MOST) {
                return (int) (long) count;
            }
            reject(key,
                    (value == null ? "is missing" : value + " isn't one") + "; allowed: a number from 1 to " + MOST);
            return 1;
        }

        double share(String key, @Nullable Integer fallback) {
            Object value = value(key);
            if (value == null && fallback != null) {
                return fallback;
            }
            if (value instanceof Number number && number.doubleValue() >= 0 && number.doubleValue() <= 1) {
                return number.doubleValue();
            }
            reject(key, (value == null ? "is missing" : value + " isn't one") + "; allowed: a share from 0 to 1");
            return 0;
        }

        double weight(int fallback) {
            Object value = value("excess");
            if (value == null) {
                return fallback;
            }
            if (value instanceof Number number && number.doubleValue() >= 0) {
                return number.doubleValue();
            }
            reject("excess", value + " isn't one; allowed: a number from 0, what a refusal counts as excess");
            return 0;
        }

        List<String> texts(String key, List<String> fallback) {
            Object value = value(key);
            if (value == null) {
                return fallback;
            }
            if (value instanceof TomlArray array && !array.isEmpty()
                    && array.toList().stream().allMatch(String.class::isInstance)) {
                return array.toList().stream().map(String.class::cast).toList();
            }
            reject(key, "allowed: an array of texts in quotes, with one at least");
            return fallback;
        }

        List<TwinReply> replies() {
            List<TwinReply> replies = new ArrayList<>();
            for (String line : texts("replies", List.of())) {
                try {
                    TwinReply reply = TwinReply.parse(line);
                    if (reply.isPositive()) {
                        reject("replies", "\"" + line + "\" refuses nothing; allowed: replies with 4xx and 5xx");
                    }
                    replies.add(reply);
                } catch (IllegalArgumentException e) {
                    reject("replies", "\"" + line + "\": " + e.getMessage());
                }
            }
            if (replies.isEmpty()) {
                reject("replies", "is missing; allowed: an array of replies like \"451 4.7.1 Try again later\"");
            }
            return replies;
        }

        Table table(String key) {
            Object value = value(key);
            if (value instanceof TomlTable inner) {
                return new Table(inner, path + key + ".");
            }
            if (value != null) {
                reject(key, "allowed: a table [" + key + "]");
            }
            return new Table(Toml.parse(""), path + key + ".");
        }

        List<Table> tables(String key) {
            Object value = value(key);
            List<Table> tables = new ArrayList<>();
            if (value instanceof TomlArray array && array.toList().stream().allMatch(TomlTable.class::isInstance)) {
                for (int i = 0; i < array.size(); i++) {
                    tables.add(new Table(array.getTable(i), path + key + "[" + (i + 1) + "]."));
                }
            } else if (value != null) {
                reject(key, "allowed: tables [[" + key + "]]");
            }
            return tables;
        }
    }

    private static String wordOf(Enum<?> each) {
        return each.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
