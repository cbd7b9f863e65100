package dev.penstock.config;

import static dev.penstock.config.Types.integer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.tomlj.TomlArray;
import org.tomlj.TomlTable;

import dev.penstock.config.ValueType.Plain;

/**
 * How many messages a day a source may send to one provider, by the source's age in days; day 1 is the first. Immutable.
 *
 * @param messages of the days on which the figure changes, in ascending order; empty when it grows evenly
 * @param first    messages on day 1 when it grows evenly, 0 when it doesn't
 * @param growth   percent by which each day has more than the one before
 * @param days     that the warm-up lasts; 0 for as many as {@code messages} says
 */
public record WarmUpSchedule(List<Step> messages, int first, int growth, int days)
        implements
            TableRecord<WarmUpSchedule> {
    /** A source that is warm, or isn't warmed up. */
    public static final long UNLIMITED = Long.MAX_VALUE;
    /** Two years. */
    static final int MAX_DAYS = 730;
    static final int MAX_MESSAGES = 1_000_000_000;
    private static final int MAX_GROWTH = 1_000;
    private static final double PERCENT = 100;
    private static final String MESSAGES_KEY = "messages";

    /** From {@code day} on so many messages a day. */
    public record Step(int day, int messages) {}

    static final Table<WarmUpSchedule> TABLE = Table.of(WarmUpSchedule.class, WarmUpSchedule::new, "");
    public static final Key<WarmUpSchedule, List<Step>> MESSAGES = TABLE.key(MESSAGES_KEY, WarmUpSchedule::messages,
            steps(), "Messages on each day from the first: [50, 100, 200], or from some days on: "
                    + "[{day=1, messages=50}, {day=4, messages=200}]. After the last the source is warm.")
            .example("[50, 100, 200, 400, 800]");
    public static final Key<WarmUpSchedule, Integer> FIRST = TABLE.key("first", WarmUpSchedule::first,
            integer(0, 0, MAX_MESSAGES),
            "Instead of messages: so many on the first day. 0: messages says it.");
    public static final Key<WarmUpSchedule, Integer> GROWTH = TABLE.key("growth", WarmUpSchedule::growth,
            integer(0, 0, MAX_GROWTH), "With first: percent by which each day has more than the one before.");
    public static final Key<WarmUpSchedule, Integer> DAYS = TABLE.key("days", WarmUpSchedule::days,
            integer(0, 0, MAX_DAYS),
            "How long the warm-up lasts; the last figure of messages holds until then. 0: as long as messages says.");

    static final WarmUpSchedule NONE = new WarmUpSchedule(List.of(), 0, 0, 0);

    public WarmUpSchedule {
        messages = List.copyOf(messages);
    }

    WarmUpSchedule(Values<WarmUpSchedule> values) {
        this(values.get(MESSAGES), values.get(FIRST), values.get(GROWTH), values.get(DAYS));
    }

    /** @param day of the source's life, 1 for the first; none before */
    public long allowance(long day) {
        if (day < 1) {
            return 0;
        }
        if (day > length()) {
            return UNLIMITED;
        }
        if (first > 0) {
            return (long) Math.min(MAX_MESSAGES,
                    Math.floor(first * Math.pow(1 + growth / PERCENT, (double) (day - 1))));
        }
        int messagesThen = 0;
        for (Step step : messages) {
            if (step.day() > day) {
                break;
            }
            messagesThen = step.messages();
        }
        return messagesThen;
    }

    /** Days until the source is warm. */
    public int length() {
        return Math.max(days, messages.isEmpty() ? 0 : messages.getLast().day());
    }

    /** What is wrong across keys. */
    void check(TableBinder table, String header) {
        if (messages.isEmpty() && first == 0) {
            table.reject(MESSAGES_KEY, "is missing in [" + header + "]; expected messages = [50, 100, …], or first, "
                    + "growth and days");
        } else if (!messages.isEmpty() && first > 0) {
            table.reject("first", "messages is there as well; allowed: one of the two");
        } else if (first > 0 && days == 0) {
            table.reject("days", "is missing; expected how many days the warm-up lasts, 1 to " + MAX_DAYS);
        }
        if (growth > 0 && first == 0) {
            table.reject("growth", "has no meaning without first");
        }
        if (!messages.isEmpty()) {
            if (messages.getFirst().day() != 1) {
                table.reject(MESSAGES_KEY, "begins with day " + messages.getFirst().day() + "; expected day 1 first");
            }
            for (int i = 1; i < messages.size(); i++) {
                if (messages.get(i).day() <= messages.get(i - 1).day()) {
                    table.reject(MESSAGES_KEY, "day " + messages.get(i).day() + " stands behind day "
                            + messages.get(i - 1).day() + "; expected ascending days");
                }
            }
            if (days > 0 && days < messages.getLast().day()) {
                table.reject("days", days + " is less than the last day of messages, " + messages.getLast().day());
            }
        }
    }

    private static Plain<List<Step>> steps() {
        Map<String, Object> number = Types.schema("integer", "minimum", 0, "maximum", MAX_MESSAGES);
        Map<String, Object> step = new LinkedHashMap<>(Types.schema("object", "additionalProperties", false));
        step.put("properties", Map.of("day", Types.schema("integer", "minimum", 1, "maximum", MAX_DAYS), MESSAGES_KEY,
                number));
        step.put("required", List.of("day", MESSAGES_KEY));
        return new Plain<>(List.of(), WarmUpSchedule::read, WarmUpSchedule::written,
                () -> Types.schema("array", "maxItems", MAX_DAYS, "items", Map.of("anyOf", List.of(number, step))),
                "array of 0 to " + MAX_MESSAGES + ", or of {day, messages}", false);
    }

    private static Object written(List<Step> steps) {
        return steps.stream().map(step -> {
            Map<String, Object> table = new LinkedHashMap<>();
            table.put("day", step.day());
            table.put(MESSAGES_KEY, step.messages());
            return table;
        }).toList();
    }

    private static List<Step> read(TableBinder table, String key, List<Step> fallback) {
        TomlArray array = table.array(key, "an array of numbers, like [50, 100, 200]");
        if (array == null) {
            return fallback;
        }
        List<Step> steps = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            switch (array.get(i)) {
                case Long messages when messages >= 0 && messages <= MAX_MESSAGES && steps.size() < MAX_DAYS ->
                    steps.add(new Step(i + 1, messages.intValue()));
                case TomlTable written -> {
                    TableBinder step = table.inner(key, i, written);
                    int day = step.integer("day", 0, 1, MAX_DAYS);
                    int messages = step.integer(MESSAGES_KEY, -1, 0, MAX_MESSAGES);
                    step.end();
                    if (!step.has("day") || !step.has(MESSAGES_KEY)) {
                        table.rejectItem(key, array, i, "expected {day=…, messages=…}");
                    } else if (day > 0 && messages >= 0) {
                        steps.add(new Step(day, messages));
                    }
                }
                case Object other -> table.rejectItem(key, array, i, "expected a number from 0 to " + MAX_MESSAGES
                        + " or {day=…, messages=…}, of " + MAX_DAYS + " at most, found " + TableBinder.typeName(other));
            }
        }
        return steps;
    }
}
