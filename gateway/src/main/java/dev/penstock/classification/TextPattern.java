package dev.penstock.classification;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression as RE2 has it, made ready. Immutable.
 *
 * <p>The JDK's engine is some ten times faster than RE2/J, and goes astray where an expression leaves it many ways; RE2/J
 * never does. So an expression is the JDK's when at most {@value #MOST_WAYS} ways lead from one place of the text, which
 * for the longest text is four million steps, and RE2/J's otherwise.
 */
sealed interface TextPattern {
    /** Of one repetition without an end, or some with one. */
    long MOST_WAYS = 8_200;

    boolean isFoundIn(String text);

    /** By the JDK. */
    record Backtracking(Pattern pattern) implements TextPattern {
        @Override
        public boolean isFoundIn(String text) {
            return pattern.matcher(text).find();
        }
    }

    /** By RE2/J. */
    record Linear(com.google.re2j.Pattern pattern) implements TextPattern {
        @Override
        public boolean isFoundIn(String text) {
            return pattern.matcher(text).find();
        }
    }

    /**
     * @param ways in which a backtracking engine may try it from one place of the text, {@link Long#MAX_VALUE} when that
     *             isn't known
     */
    static TextPattern of(String regex, boolean anyCase, long ways) {
        if (ways <= MOST_WAYS && regex.chars().allMatch(c -> c < 128)) {
            try {
                return new Backtracking(Pattern.compile(regex, anyCase ? Pattern.CASE_INSENSITIVE : 0));
            } catch (PatternSyntaxException _) {
                // RE2's alone
            }
        }
        return new Linear(com.google.re2j.Pattern.compile(regex, anyCase
                ? com.google.re2j.Pattern.CASE_INSENSITIVE
                : 0));
    }
}
