package dev.penstock.shaping.rules;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.AutomationRule;
import dev.penstock.config.LimitConfig;
import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingLayer;
import dev.penstock.config.ShapingLayer.Said;
import dev.penstock.config.ShapingLayers.Value;
import dev.penstock.config.ShapingRules;
import dev.penstock.config.ShapingSection;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.units.Rate;

/**
 * One difference between two shaping files. Immutable.
 *
 * @param where  the section, or the domain
 * @param before empty when it wasn't said
 * @param after  empty when it isn't said any more
 */
public record RuleChange(String where, String key, String before, String after, Pace pace) {
    private static final String UNSAID = "nothing";

    /** What it does to mail that the value holds for. */
    public enum Pace {
        FASTER,
        SLOWER,
        /** It isn't about how fast, or that depends on what else holds. */
        OTHER
    }

    /** {@code ["example.com"] connection_limit: 10 -> 5, slower}. */
    @Override
    public String toString() {
        return where + " " + key + ": " + (before.isEmpty() ? UNSAID : before) + " -> "
                + (after.isEmpty() ? UNSAID : after) + switch (pace) {
                    case FASTER -> ", faster";
                    case SLOWER -> ", slower";
                    case OTHER -> "";
                };
    }

    /** What the one file says otherwise than the other. */
    public static List<RuleChange> between(ShapingConfig old, ShapingConfig next) {
        List<RuleChange> changes = new ArrayList<>();
        sections(all(old.rules()), all(next.rules()), changes);
        Map<String, String> before = providers(old);
        Map<String, String> after = providers(next);
        for (String name : union(before, after)) {
            differ("[provider.\"" + name + "\"]", "match", before.get(name), after.get(name), Pace.OTHER, changes);
        }
        Map<String, Map<String, Said>> oldLimits = limits(old);
        Map<String, Map<String, Said>> nextLimits = limits(next);
        for (String name : union(oldLimits, nextLimits)) {
            said("[[limit]] \"" + name + '"', oldLimits.getOrDefault(name, Map.of()),
                    nextLimits.getOrDefault(name, Map.of()), changes);
        }
        return changes;
    }

    private static Set<String> union(Map<String, ?> one, Map<String, ?> other) {
        Set<String> names = new LinkedHashSet<>(one.keySet());
        names.addAll(other.keySet());
        return names;
    }

    private static Map<String, ShapingSection> all(ShapingRules rules) {
        Map<String, ShapingSection> all = new LinkedHashMap<>();
        all.put("[\"default\"]", rules.defaults());
        rules.providers().forEach((name, section) -> all.put("[provider.\"" + name + "\"]", section));
        rules.sections().forEach((name, section) -> all.put("[\"" + name + "\"]", section));
        return all;
    }

    private static void sections(Map<String, ShapingSection> old, Map<String, ShapingSection> next,
            List<RuleChange> changes) {
        for (String name : union(old, next)) {
            ShapingSection before = old.getOrDefault(name, ShapingSection.NONE);
            ShapingSection after = next.getOrDefault(name, ShapingSection.NONE);
            said(name, before.layer().said(), after.layer().said(), changes);
            if (old.containsKey(name) && next.containsKey(name)) {
                differ(name, "mx_rollup", before.rollsUp(), after.rollsUp(), changes);
                differ(name, "replace_base", before.layer().replacesBase(), after.layer().replacesBase(), changes);
            } else if (after.isDomain() || before.isDomain()) {
                changes.add(new RuleChange(name, "section", old.containsKey(name) ? "there" : "",
                        next.containsKey(name) ? "there" : "", Pace.OTHER));
            }
            for (String source : union(before.sources(), after.sources())) {
                said(name + " sources.\"" + source + '"',
                        before.sources().getOrDefault(source, ShapingLayer.NONE).said(),
                        after.sources().getOrDefault(source, ShapingLayer.NONE).said(), changes);
            }
            automation(name, before.automation(), after.automation(), changes);
        }
    }

    private static void automation(String section, List<AutomationRule> old, List<AutomationRule> next,
            List<RuleChange> changes) {
        List<String> before = old.stream().map(RuleChange::text).toList();
        List<String> after = next.stream().map(RuleChange::text).toList();
        before.stream().filter(rule -> !after.contains(rule))
                .forEach(rule -> changes.add(new RuleChange(section, "automation", rule, "", Pace.OTHER)));
        after.stream().filter(rule -> !before.contains(rule))
                .forEach(rule -> changes.add(new RuleChange(section, "automation", "", rule, Pace.OTHER)));
    }

    private static String text(AutomationRule rule) {
        return rule.regex() + " " + rule.actions() + " " + rule.trigger() + " " + rule.duration()
                + (rule.matchInternal() ? " match_internal" : "");
    }

    private static Map<String, String> providers(ShapingConfig config) {
        return config.providers().stream().collect(Collectors.toMap(ProviderConfig::name,
                provider -> provider.match().toString(), (first, _) -> first, LinkedHashMap::new));
    }

    private static Map<String, Map<String, Said>> limits(ShapingConfig config) {
        Map<String, Map<String, Said>> limits = new LinkedHashMap<>();
        for (LimitConfig limit : config.limits()) {
            Map<String, Said> said = new LinkedHashMap<>();
            limit.texts().forEach((key, text) -> said.put(key, new Said(limit.value(key), text, limit.place())));
            limits.put(limit.name(), said);
        }
        return limits;
    }

    private static void said(String where, Map<String, Said> old, Map<String, Said> next, List<RuleChange> changes) {
        for (String key : union(old, next)) {
            Said before = old.get(key);
            Said after = next.get(key);
            differ(where, key, before == null ? null : before.text(), after == null ? null : after.text(),
                    before == null || after == null ? Pace.OTHER : pace(before.value(), after.value()), changes);
        }
    }

    private static void differ(String where, String key, Object before, Object after, List<RuleChange> changes) {
        differ(where, key, before.toString(), after.toString(), Pace.OTHER, changes);
    }

    private static void differ(String where, String key, @Nullable String before, @Nullable String after, Pace pace,
            List<RuleChange> changes) {
        if (!Objects.equals(before, after)) {
            changes.add(new RuleChange(where, key, Objects.requireNonNullElse(before, ""),
                    Objects.requireNonNullElse(after, ""), pace));
        }
    }

    /** Of numbers and rates more is faster; no limit, null, is fastest. */
    private static Pace pace(@Nullable Object before, @Nullable Object after) {
        double was = speed(before);
        double is = speed(after);
        return was == is || Double.isNaN(was) || Double.isNaN(is) ? Pace.OTHER : is > was ? Pace.FASTER : Pace.SLOWER;
    }

    private static double speed(@Nullable Object value) {
        return switch (value) {
            case null -> Double.POSITIVE_INFINITY;
            case Integer number -> number;
            case Rate rate -> rate.count() / (double) rate.period().toNanos();
            default -> Double.NaN;
        };
    }

    /** What holds otherwise for mail to {@code domain} by the source, of what is told of a path. */
    public static List<RuleChange> between(String domain, Explanation old, Explanation next, Rules oldRules,
            Rules nextRules) {
        List<RuleChange> changes = new ArrayList<>();
        differ(domain, "shaped as", old.path().toString(), next.path().toString(), changes);
        differ(domain, "provider", old.provider(), next.provider(), changes);
        said(domain, held(oldRules, old.path(), old.provider()), held(nextRules, next.path(), next.provider()),
                changes);
        Map<String, Bound> before = shared(old);
        Map<String, Bound> after = shared(next);
        for (String name : union(before, after)) {
            Bound was = before.get(name);
            Bound is = after.get(name);
            differ(domain, name, was == null ? null : Explanation.value(was), is == null ? null : Explanation.value(is),
                    pace(bound(was), bound(is)), changes);
        }
        return changes;
    }

    /** The path's own keys, those too of which nothing is said. */
    private static Map<String, Said> held(Rules rules, EgressPath path, String provider) {
        Map<String, Said> held = new LinkedHashMap<>(ShapingLayer.builtIn().said());
        Map<String, List<Value>> said = rules.said(path, provider);
        held.keySet().forEach(key -> {
            if (said.containsKey(key)) {
                held.put(key, said.get(key).getFirst().said());
            }
        });
        return held;
    }

    private static Map<String, Bound> shared(Explanation explained) {
        return explained.shared().stream().collect(Collectors.toMap(limit -> limit.id().toString(),
                SharedLimit::bound, (first, _) -> first, LinkedHashMap::new));
    }

    private static @Nullable Object bound(@Nullable Bound bound) {
        return switch (bound) {
            case null -> null;
            case Bound.Count(int most) -> most;
            case Bound.Spaced(Rate rate) -> rate;
            case Bound.Daily(long most, var _) -> new Rate(most, Duration.ofDays(1), 1);
        };
    }
}
