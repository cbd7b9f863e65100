package dev.penstock.classification;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Many regular expressions (RE2) that are looked for in one line: one pass finds whose literals are in it (Aho and
 * Corasick), and only those are tried. Immutable. What an expression may take is bounded, and of a line the first 512
 * characters count, as in {@link Classifier}.
 */
public final class PatternSet {
    public static final PatternSet NONE = new PatternSet(List.of());

    private final List<TextPattern> patterns = new ArrayList<>();
    private final LiteralSearch literals;
    /** Those without a literal to look for. */
    private final long[] always;

    /** @throws com.google.re2j.PatternSyntaxException when one isn't an expression of RE2's */
    public PatternSet(List<String> expressions) {
        Map<String, List<Integer>> wanted = new HashMap<>();
        always = new long[(expressions.size() + Long.SIZE - 1) / Long.SIZE];
        for (int number = 0; number < expressions.size(); number++) {
            String expression = expressions.get(number);
            List<RegexShape.Alternative> shapes = RegexShape.of(expression, Classifier.MAX_LENGTH);
            long ways = shapes == null
                    ? Long.MAX_VALUE
                    : shapes.stream().mapToLong(RegexShape.Alternative::steps).sum();
            patterns.add(TextPattern.of(expression, false, ways));
            if (shapes == null || shapes.stream().anyMatch(shape -> shape.required().isEmpty())) {
                always[number >>> 6] |= 1L << number;
                continue;
            }
            for (RegexShape.Alternative shape : shapes) {
                Set<String> any = shape.required().getFirst();
                for (String literal : any) {
                    wanted.computeIfAbsent(literal, _ -> new ArrayList<>()).add(number);
                }
            }
        }
        literals = new LiteralSearch(wanted);
    }

    /** The numbers of those that are found in the line, ascending. */
    public List<Integer> found(String line) {
        if (patterns.isEmpty()) {
            return List.of();
        }
        String text = line.length() <= Classifier.MAX_LENGTH ? line : line.substring(0, Classifier.MAX_LENGTH);
        long[] may = always.clone();
        literals.search(text, may);
        List<Integer> found = List.of();
        for (int word = 0; word < may.length; word++) {
            for (long bits = may[word]; bits != 0; bits &= bits - 1) {
                int number = (word << 6) + Long.numberOfTrailingZeros(bits);
                if (patterns.get(number).isFoundIn(text)) {
                    found = found.isEmpty() ? new ArrayList<>() : found;
                    found.add(number);
                }
            }
        }
        return found;
    }
}
