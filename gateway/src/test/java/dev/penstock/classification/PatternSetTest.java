package dev.penstock.classification;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

class PatternSetTest {
    private static final List<String> PIECES = List.of("deferred", "Deferred", "\\[TS0[14]\\]", "(?:too|so) many",
            "^421 ", "rate", ".*", "conn(ection)?s?", "4\\.7\\.\\d+", "$", "a|bcd", "(?i)spam");
    private static final List<String> WORDS = List.of("421 ", "550 ", "4.7.28 ", "deferred ", "Deferred ", "[TS04] ",
            "[TS02] ", "too many ", "connections ", "rate ", "bcd ", "SPAM ", "x ");

    @Test
    void findsWhatEachExpressionFindsByItself() {
        SplittableRandom random = new SplittableRandom(7);
        for (int run = 0; run < 2_000; run++) {
            List<String> expressions = new ArrayList<>();
            for (int i = random.nextInt(100); i >= 0; i--) {
                expressions.add(pick(PIECES, random) + (random.nextBoolean() ? "" : pick(PIECES, random)));
            }
            String line = IntStream.range(0, 1 + random.nextInt(6)).mapToObj(_ -> pick(WORDS, random))
                    .reduce("", String::concat);
            List<Integer> expected = IntStream.range(0, expressions.size())
                    .filter(i -> com.google.re2j.Pattern.compile(expressions.get(i)).matcher(line).find()).boxed()
                    .toList();
            assertThat(new PatternSet(expressions).found(line)).as(line + " " + expressions).isEqualTo(expected);
        }
    }

    private static String pick(List<String> from, SplittableRandom random) {
        return from.get(random.nextInt(from.size()));
    }

    @Test
    void noExpressionsFindNothing() {
        assertThat(PatternSet.NONE.found("421 deferred")).isEmpty();
    }
}
