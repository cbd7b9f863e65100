package dev.penstock.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlTable;

import dev.penstock.config.AutomationRule.Action;
import dev.penstock.config.AutomationRule.Trigger;
import dev.penstock.units.Rate;

/** Reads the {@code automation} blocks of a section of the shaping file. Confined to the thread that reads the configuration. */
final class AutomationReader {
    static final String AUTOMATION = "automation";
    private static final String REGEX = "regex";
    private static final String ACTION = "action";
    private static final String TRIGGER = "trigger";
    private static final String DURATION = "duration";
    private static final String MATCH_INTERNAL = "match_internal";
    private static final String THRESHOLD = "Threshold";
    private static final String SET = "SetConfig";
    private static final String SET_DOMAIN = "SetDomainConfig";
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofDays(366);
    private static final Map<String, Supplier<Action>> WORDS = words();
    private static final String ACTIONS = "allowed: " + Types.quoted(List.copyOf(WORDS.keySet())) + ", {" + SET
            + "={name=\"…\", value=…}}, {" + SET_DOMAIN + "={name=\"…\", value=…}}";
    private static final String TRIGGERS = "\"Immediate\" or {" + THRESHOLD + "=\"10/hr\"}";

    private AutomationReader() {}

    private static Map<String, Supplier<Action>> words() {
        Map<String, Supplier<Action>> words = new LinkedHashMap<>();
        words.put("Suspend", Action.Suspend::new);
        words.put("SuspendTenant", Action.SuspendTenant::new);
        words.put("SuspendCampaign", Action.SuspendCampaign::new);
        words.put("Bounce", Action.Bounce::new);
        words.put("BounceTenant", Action.BounceTenant::new);
        words.put("BounceCampaign", Action.BounceCampaign::new);
        return words;
    }

    static Map<String, Object> schema() {
        Map<String, Object> set = Types.schema("object", "additionalProperties", false, "properties",
                Map.of("name", Types.schema("string"), "value", Map.of()), "required", List.of("name", "value"));
        Map<String, Object> action = Map.of("oneOf",
                List.of(Map.of("enum", List.copyOf(WORDS.keySet())), one(Map.of(SET, set, SET_DOMAIN, set))));
        Map<String, Object> properties = new LinkedHashMap<>();
        properties.put(REGEX, oneOrMore(Types.schema("string", "minLength", 1)));
        properties.put(ACTION, oneOrMore(action));
        properties.put(TRIGGER, Map.of("oneOf",
                List.of(Map.of("const", "Immediate"), one(Map.of(THRESHOLD, Types.schema("string"))))));
        properties.put(DURATION,
                Types.schema("string", "pattern", Patterns.duration(SHORTEST, LONGEST)));
        properties.put(MATCH_INTERNAL, Types.schema("boolean"));
        return Types.schema("object", "additionalProperties", false, "properties", properties, "required",
                List.of(REGEX, ACTION, DURATION));
    }

    private static Map<String, Object> one(Map<String, Object> properties) {
        return Types.schema("object", "additionalProperties", false, "properties", properties, "minProperties", 1,
                "maxProperties", 1);
    }

    private static Map<String, Object> oneOrMore(Map<String, Object> item) {
        return Map.of("oneOf", List.of(item, Types.schema("array", "items", item, "minItems", 1)));
    }

    /** Those of a section that can be carried out; of the others each is named with what is wrong. */
    static List<AutomationRule> read(TableBinder section) {
        List<TableBinder> blocks = section.tables(AUTOMATION);
        List<AutomationRule> rules = new ArrayList<>();
        for (TableBinder block : blocks == null ? List.<TableBinder>of() : blocks) {
            AutomationRule rule = rule(block);
            block.end();
            if (rule != null) {
                rules.add(rule);
            }
        }
        return rules;
    }

    private static @Nullable AutomationRule rule(TableBinder block) {
        List<String> regex = texts(block, REGEX).stream().filter(text -> isUsable(block, text)).toList();
        List<Action> actions = actions(block);
        Trigger trigger = trigger(block);
        Duration duration = block.duration(DURATION, Duration.ZERO, SHORTEST, LONGEST);
        boolean internal = block.flag(MATCH_INTERNAL, false);
        require(block, REGEX, "a regular expression in quotes, or several in an array");
        require(block, ACTION, ACTIONS);
        require(block, DURATION, "a duration in quotes, like \"2 hours\"");
        return regex.isEmpty() || actions.isEmpty() || duration.isZero()
                ? null
                : new AutomationRule(regex, actions, trigger, duration, internal, block.place());
    }

    private static void require(TableBinder block, String key, String expected) {
        if (!block.has(key)) {
            block.reject(key, "is missing; expected " + expected);
        }
    }

    /** One text, or an array of them. */
    private static List<String> texts(TableBinder block, String key) {
        if (block.written(key) instanceof TomlArray array) {
            if (array.isEmpty()) {
                block.reject(key, "needs one regular expression at least");
            }
            return block.list(key, List.of(), AutomationReader::regex);
        }
        return block.text(key, Optional.<String>empty(), "a text in quotes, or an array of them",
                text -> Optional.of(regex(text))).stream().toList();
    }

    private static String regex(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("is found in every reply; expected a regular expression");
        }
        if (!isRe2(text)) {
            try {
                java.util.regex.Pattern.compile(text);
            } catch (java.util.regex.PatternSyntaxException e) {
                throw new IllegalArgumentException("not a regular expression: " + e.getDescription(), e);
            }
        }
        return text;
    }

    private static boolean isRe2(String text) {
        try {
            com.google.re2j.Pattern.compile(text);
            return true;
        } catch (com.google.re2j.PatternSyntaxException _) {
            return false;
        }
    }

    /** Receivers choose the text that an expression is tried on: none may take longer than the text is long. */
    private static boolean isUsable(TableBinder block, String text) {
        if (isRe2(text)) {
            return true;
        }
        block.warn(REGEX, '"' + text + "\" is ignored: it looks around or refers back, which RE2 can't");
        return false;
    }

    private static List<Action> actions(TableBinder block) {
        Object written = block.written(ACTION);
        List<Action> actions = new ArrayList<>();
        if (written instanceof TomlArray array) {
            if (array.isEmpty()) {
                block.reject(ACTION, "needs one action at least; " + ACTIONS);
            }
            for (int i = 0; i < array.size(); i++) {
                action(block, array.get(i)).ifPresent(actions::add);
            }
        } else if (written != null) {
            action(block, written).ifPresent(actions::add);
        }
        return actions;
    }

    private static Optional<Action> action(TableBinder block, Object written) {
        if (written instanceof String word) {
            Supplier<Action> action = WORDS.get(word);
            if (action == null) {
                String nearest = Nearest.to(word, WORDS.keySet());
                block.reject(ACTION, '"' + word + "\": unknown; " + (nearest == null
                        ? ACTIONS
                        : "did you mean \"" + nearest + "\"?"));
                return Optional.empty();
            }
            return Optional.of(action.get());
        }
        if (written instanceof TomlTable table && table.size() == 1) {
            String word = table.keySet().iterator().next();
            if ((word.equals(SET) || word.equals(SET_DOMAIN)) && table.get(List.of(word)) instanceof TomlTable set) {
                return set(block, set, word.equals(SET_DOMAIN));
            }
        }
        block.reject(ACTION, "expected a word or a table, found " + (written instanceof TomlTable table
                ? "a table with " + String.join(", ", table.keySet())
                : TableBinder.typeName(written)) + "; " + ACTIONS);
        return Optional.empty();
    }

    private static Optional<Action> set(TableBinder block, TomlTable set, boolean domain) {
        Object value = set.get(List.of("value"));
        if (!(set.get(List.of("name")) instanceof String name) || value == null || set.size() != 2) {
            block.reject(ACTION, "expected {name=\"…\", value=…} in " + (domain ? SET_DOMAIN : SET));
            return Optional.empty();
        }
        if (ShapingReader.NOT_SUPPORTED.contains(name)) {
            block.warn(ACTION, name + ' ' + NoCounterpart.why(name) + ": this action is ignored");
            return Optional.empty();
        }
        if (ShapingReader.isOfSectionsAlone(name)) {
            block.warn(ACTION, name + " can't be set by a rule, only by a section: this action is ignored");
            return Optional.empty();
        }
        String wrong = ShapingReader.wrongWith(name, value);
        if (!wrong.isEmpty()) {
            block.reject(ACTION, wrong);
            return Optional.empty();
        }
        return Optional.of(new Action.Set(name, value, domain));
    }

    private static Trigger trigger(TableBinder block) {
        Object written = block.written(TRIGGER);
        if (written == null || written.equals("Immediate")) {
            return new Trigger.Immediate();
        }
        if (written instanceof TomlTable table && table.size() == 1
                && table.get(List.of(THRESHOLD)) instanceof String rate) {
            try {
                return new Trigger.Threshold(Rate.parse(ShapingReader.withoutScope(rate)));
            } catch (IllegalArgumentException e) {
                block.reject(TRIGGER, '"' + rate + "\": " + e.getMessage());
                return new Trigger.Immediate();
            }
        }
        block.reject(TRIGGER, "expected " + TRIGGERS);
        return new Trigger.Immediate();
    }
}
