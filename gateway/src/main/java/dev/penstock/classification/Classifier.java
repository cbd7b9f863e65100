package dev.penstock.classification;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.smtp.Reply;

/**
 * Rules made ready to be asked: the first that matches says what a reply means. Immutable, pure.
 *
 * <p>One pass over the reply finds which rules' literals are in it (Aho and Corasick), and its code which rules are for
 * that; only of those that are left are the other conditions looked at, in their order. What an expression may take is
 * bounded ({@link TextPattern}), and of a reply the first {@value #MAX_LENGTH} characters count.
 */
public final class Classifier {
    /** Whoever means something says it before. */
    static final int MAX_LENGTH = 512;
    private static final int FIRST_CODE = 400;
    private static final int CODES = 200;

    /**
     * A text of a rule, or a rule without one.
     *
     * @param pattern null when a literal is all it says, or nothing is asked of the text
     * @param literal in lower case; empty for none
     * @param further of each alternative of the expression, numbers of literals' sets: of each set of one alternative a
     *                literal must be in the text; empty when what found the entry is all there is to look for
     */
    private record Entry(ReplyRule rule, Classification meaning, @Nullable TextPattern pattern, String literal,
            List<List<Integer>> further) {}

    private final List<Entry> entries = new ArrayList<>();
    private final LiteralSearch literals;
    /** Numbers up to here are of entries; further ones of sets of literals. */
    private final int words;
    private final int allWords;
    /** By code: which entries are for it. */
    private final long[][] byCode = new long[CODES][];
    /** Entries without a literal to look for. */
    private final long[] always;
    private final int rules;

    /** @param rules asked in this order */
    public Classifier(List<ReplyRule> rules) {
        this.rules = rules.size();
        Map<String, List<Integer>> wanted = new HashMap<>();
        List<Integer> unfiltered = new ArrayList<>();
        List<Set<String>> sets = new ArrayList<>();
        List<Alternatives> all = new ArrayList<>();
        for (ReplyRule rule : rules) {
            if (rule.texts().isEmpty()) {
                all.add(new Alternatives(rule, "", null));
            }
            for (String text : rule.texts()) {
                all.add(new Alternatives(rule, text, RegexShape.of(text, MAX_LENGTH)));
            }
        }
        int numbers = all.stream().mapToInt(Alternatives::size).sum();
        words = (numbers + Long.SIZE - 1) / Long.SIZE;
        for (Alternatives each : all) {
            add(each, wanted, unfiltered, sets);
        }
        for (int set = 0; set < sets.size(); set++) {
            int number = words * Long.SIZE + set;
            sets.get(set).forEach(literal -> wanted.computeIfAbsent(literal, _ -> new ArrayList<>()).add(number));
        }
        literals = new LiteralSearch(wanted);
        allWords = words + (sets.size() + Long.SIZE - 1) / Long.SIZE;
        always = new long[words];
        unfiltered.forEach(number -> always[number >>> 6] |= 1L << number);
        for (int code = 0; code < CODES; code++) {
            byCode[code] = new long[words];
            for (int number = 0; number < entries.size(); number++) {
                if (isForCode(entries.get(number).rule, FIRST_CODE + code)) {
                    byCode[code][number >>> 6] |= 1L << number;
                }
            }
        }
    }

    /** @param shapes of what the expression is made of at its top; null when not known */
    private record Alternatives(ReplyRule rule, String regex, @Nullable List<RegexShape.Alternative> shapes) {
        /** A literal alone is an entry by itself; an expression is one as a whole, found by any of its alternatives. */
        boolean areLiterals() {
            return shapes != null && !rule.wholeLine()
                    && shapes.stream().noneMatch(shape -> shape.literal().isEmpty());
        }

        int size() {
            return shapes != null && areLiterals() ? shapes.size() : 1;
        }
    }

    private void add(Alternatives each, Map<String, List<Integer>> wanted, List<Integer> unfiltered,
            List<Set<String>> sets) {
        Classification meaning = Classification.of(each.rule);
        List<RegexShape.Alternative> shapes = each.shapes;
        if (shapes == null) {
            unfiltered.add(entries.size());
            entries.add(new Entry(each.rule, meaning, each.regex.isEmpty()
                    ? null
                    : TextPattern.of(each.regex, !each.rule.wholeLine(), Long.MAX_VALUE), "", List.of()));
            return;
        }
        if (each.areLiterals()) {
            for (RegexShape.Alternative shape : shapes) {
                wanted.computeIfAbsent(shape.literal(), _ -> new ArrayList<>()).add(entries.size());
                entries.add(new Entry(each.rule, meaning, null, shape.literal(), List.of()));
            }
            return;
        }
        List<List<Integer>> further = List.of();
        if (shapes.stream().anyMatch(shape -> shape.required().isEmpty())) {
            unfiltered.add(entries.size());
        } else {
            for (RegexShape.Alternative shape : shapes) {
                shape.required().getFirst().forEach(
                        literal -> wanted.computeIfAbsent(literal, _ -> new ArrayList<>()).add(entries.size()));
            }
            if (shapes.stream().anyMatch(shape -> shape.required().size() > 1)) {
                further = new ArrayList<>();
                for (RegexShape.Alternative shape : shapes) {
                    List<Integer> numbers = new ArrayList<>();
                    // what has found the entry needs no second look when there is but one alternative
                    for (int i = shapes.size() == 1 ? 1 : 0; i < shape.required().size(); i++) {
                        numbers.add(words * Long.SIZE + sets.size());
                        sets.add(shape.required().get(i));
                    }
                    further.add(numbers);
                }
            }
        }
        long ways = shapes.stream().mapToLong(RegexShape.Alternative::steps).sum();
        entries.add(new Entry(each.rule, meaning, TextPattern.of(each.regex, !each.rule.wholeLine(), ways), "",
                further));
    }

    private static boolean isForCode(ReplyRule rule, int code) {
        if (!rule.codes().isEmpty()) {
            return rule.codes().contains(code);
        }
        return !rule.wholeLine() || LeadingCodes.mayMatch(rule.texts().getFirst(), code);
    }

    /** How many there are. */
    public int rules() {
        return rules;
    }

    /**
     * @param reply    with a code from 400
     * @param provider lower case; empty when it isn't known, and then rules for certain providers don't match
     */
    public Classification classify(ReplyPhase phase, Reply reply, String provider) {
        String line = cut(reply.oneLine());
        int textFrom = Math.min(line.length(), reply.status() == null ? 4 : 5 + reply.status().toString().length());
        String text = line.substring(textFrom);
        long[] found = new long[allWords];
        literals.search(line, found);
        long[] ofCode = byCode[reply.code() - FIRST_CODE];
        Classification called = null;
        for (int word = 0; word < words; word++) {
            long bits = (found[word] | always[word]) & ofCode[word];
            while (bits != 0) {
                Entry entry = entries.get((word << 6) + Long.numberOfTrailingZeros(bits));
                bits &= bits - 1;
                if ((called == null || !entry.rule.classOnly()) && isAnyFound(entry.further, found)
                        && matches(entry, phase, reply, provider, line, text)) {
                    if (!entry.rule.classOnly()) {
                        return called == null ? entry.meaning : entry.meaning.called(called);
                    }
                    called = entry.meaning;
                }
            }
        }
        return called == null ? Classification.NONE : called;
    }

    private static boolean isAnyFound(List<List<Integer>> alternatives, long[] found) {
        for (List<Integer> sets : alternatives) {
            if (areAllFound(sets, found)) {
                return true;
            }
        }
        return alternatives.isEmpty();
    }

    private static boolean areAllFound(List<Integer> sets, long[] found) {
        for (int set : sets) {
            if ((found[set >>> 6] >>> set & 1) == 0) {
                return false;
            }
        }
        return true;
    }

    private static boolean matches(Entry entry, ReplyPhase phase, Reply reply, String provider, String line,
            String text) {
        ReplyRule rule = entry.rule;
        return isAny(rule.phases(), phase) && isAny(rule.providers(), provider)
                && (rule.enhanced().isEmpty()
                        || rule.enhanced().stream().anyMatch(pattern -> pattern.matches(reply.status())))
                && (entry.pattern == null
                        ? holds(text, entry.literal) // it may have been found in the code
                        : entry.pattern.isFoundIn(rule.wholeLine() ? line : text));
    }

    private static boolean holds(String text, String literal) {
        for (int i = 0; i + literal.length() <= text.length(); i++) {
            if (text.regionMatches(true, i, literal, 0, literal.length())) {
                return true;
            }
        }
        return false;
    }

    private static <T> boolean isAny(Set<T> allowed, T one) {
        return allowed.isEmpty() || allowed.contains(one);
    }

    private static String cut(String line) {
        return line.length() <= MAX_LENGTH ? line : line.substring(0, MAX_LENGTH);
    }

    /** As rules have it. */
    public static String provider(String name) {
        return name.toLowerCase(Locale.ROOT);
    }
}
