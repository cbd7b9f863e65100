package dev.penstock.classification;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import com.google.re2j.Pattern;
import org.jspecify.annotations.Nullable;

import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.smtp.Reply;

/**
 * Rules made ready to be asked: the first that matches says what a reply means. Immutable, pure.
 *
 * <p>One pass over the reply finds which rules' literals are in it (Aho and Corasick), and its code which rules are for
 * that; only of those that are left are the other conditions looked at, in their order. Expressions are RE2's: what they
 * take grows with the length of the reply, of which the first {@value #MAX_LENGTH} characters count, and never faster.
 */
public final class Classifier {
    /** Whoever means something says it before. */
    static final int MAX_LENGTH = 1_024;
    private static final int FIRST_CODE = 400;
    private static final int CODES = 200;

    /**
     * An alternative of a rule's text, or a rule without one.
     *
     * @param pattern null when the literal is all it says
     * @param literal in lower case; empty for none
     */
    private record Entry(ReplyRule rule, Classification meaning, @Nullable Pattern pattern, String literal) {}

    private final List<Entry> entries = new ArrayList<>();
    private final LiteralSearch literals;
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
        for (ReplyRule rule : rules) {
            Classification meaning = Classification.of(rule);
            if (rule.texts().isEmpty()) {
                unfiltered.add(entries.size());
                entries.add(new Entry(rule, meaning, null, ""));
            }
            for (String text : rule.texts()) {
                for (Literals.Alternative alternative : Literals.alternatives(text)) {
                    if (alternative.literal().isEmpty()) {
                        unfiltered.add(entries.size());
                    } else {
                        wanted.computeIfAbsent(alternative.literal(), _ -> new ArrayList<>()).add(entries.size());
                    }
                    boolean isLiteral = alternative.isSimple() && !rule.wholeLine();
                    entries.add(new Entry(rule, meaning, isLiteral
                            ? null
                            : Pattern.compile(alternative.regex(), rule.wholeLine() ? 0 : Pattern.CASE_INSENSITIVE),
                            isLiteral ? alternative.literal() : ""));
                }
            }
        }
        literals = new LiteralSearch(wanted);
        int words = (entries.size() + Long.SIZE - 1) / Long.SIZE;
        always = new long[words];
        unfiltered.forEach(number -> always[number >>> 6] |= 1L << number);
        for (int code = 0; code < CODES; code++) {
            byCode[code] = new long[words];
            for (int number = 0; number < entries.size(); number++) {
                if (isForCode(entries.get(number), FIRST_CODE + code)) {
                    byCode[code][number >>> 6] |= 1L << number;
                }
            }
        }
    }

    private static boolean isForCode(Entry entry, int code) {
        if (!entry.rule.codes().isEmpty()) {
            return entry.rule.codes().contains(code);
        }
        return !entry.rule.wholeLine() || entry.pattern == null || LeadingCodes.mayMatch(entry.pattern.pattern(), code);
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
        long[] found = new long[always.length];
        literals.search(line, found);
        long[] ofCode = byCode[reply.code() - FIRST_CODE];
        Classification called = null;
        for (int word = 0; word < found.length; word++) {
            long bits = (found[word] | always[word]) & ofCode[word];
            while (bits != 0) {
                Entry entry = entries.get((word << 6) + Long.numberOfTrailingZeros(bits));
                bits &= bits - 1;
                if ((called == null || !entry.rule.classOnly()) && matches(entry, phase, reply, provider, line, text)) {
                    if (!entry.rule.classOnly()) {
                        return called == null ? entry.meaning : entry.meaning.called(called);
                    }
                    called = entry.meaning;
                }
            }
        }
        return called == null ? Classification.NONE : called;
    }

    private static boolean matches(Entry entry, ReplyPhase phase, Reply reply, String provider, String line,
            String text) {
        ReplyRule rule = entry.rule;
        return isAny(rule.phases(), phase) && isAny(rule.providers(), provider)
                && (rule.enhanced().isEmpty()
                        || rule.enhanced().stream().anyMatch(pattern -> pattern.matches(reply.status())))
                && (entry.pattern == null
                        ? holds(text, entry.literal) // it may have been found in the code
                        : entry.pattern.matcher(rule.wholeLine() ? line : text).find());
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
