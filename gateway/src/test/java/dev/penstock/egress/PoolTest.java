package dev.penstock.egress;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Percentage.withPercentage;

import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.LongPredicate;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.egress.Pool.Member;
import dev.penstock.message.MessageIds;

class PoolTest {
    private static final long NOW = 1_790_000_000_000L;
    private static final int MESSAGES = 100_000;
    private static final Pool POOL = new Pool("four", List.of(new Member("a", 4), new Member("b", 3),
            new Member("c", 2), new Member("d", 1)), true);
    private static final Map<String, Double> WEIGHTS = Map.of("a", 0.4, "b", 0.3, "c", 0.2, "d", 0.1);

    private long micros = NOW * 1000;
    private final InstantSource clock = () -> Instant.ofEpochMilli(micros / 1000);
    private final MessageIds ids = new MessageIds(0, 0, clock);
    private final SplittableRandom random = new SplittableRandom(42);

    /** The sources of a hundred thousand of the messages that come one after the other, each after so much time. */
    private Map<String, Integer> shares(long microsBetween, LongPredicate counts, Set<String> unusable) {
        Map<String, Integer> shares = new HashMap<>();
        long number = 0;
        for (int counted = 0; counted < MESSAGES; number++) {
            micros += random.nextLong(2 * microsBetween + 1);
            long id = ids.next().value();
            if (counts.test(number)) {
                shares.merge(String.valueOf(POOL.choose(POOL.draw(id, 0), source -> !unusable.contains(source))), 1,
                        Integer::sum);
                counted++;
            }
        }
        return shares;
    }

    private static void assertShares(Map<String, Integer> shares, Map<String, Double> weights) {
        assertThat(shares).containsOnlyKeys(weights.keySet());
        weights.forEach((source, weight) -> assertThat((double) requireNonNull(shares.get(source)))
                .as("%s of %s", source, shares).isCloseTo(MESSAGES * weight, withPercentage(1)));
    }

    /** From one a millisecond and a half to a hundred in one. */
    @ParameterizedTest
    @ValueSource(longs = {0, 10, 137, 1_000, 1_500})
    void ofAHundredThousandMessagesEachSourceHasItsShareToAHundredthOfIt(long microsBetween) {
        assertShares(shares(microsBetween, _ -> true, Set.of()), WEIGHTS);
    }

    @Test
    void alsoWhenTheyAreFew() {
        assertShares(shares(50_000, _ -> true, Set.of()), WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 50, 100})
    void andOfEverySoManieth(int step) {
        assertShares(shares(500, number -> number % step == 1, Set.of()), WEIGHTS);
    }

    /** Forty domains take turns, in blocks of their own sizes. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 39})
    void andOfThoseToOneDomain(int domain) {
        assertShares(shares(200, number -> (number * number + number / 3) % 40 == domain
                || number % 40 == domain, Set.of()), WEIGHTS);
    }

    @Test
    void theShareOfOneThatIsUnusableGoesToTheOthersByTheirWeights() {
        assertShares(shares(200, _ -> true, Set.of("a")), Map.of("b", 3 / 6.0, "c", 2 / 6.0, "d", 1 / 6.0));
        assertShares(shares(200, _ -> true, Set.of("a", "c")), Map.of("b", 3 / 4.0, "d", 1 / 4.0));
        assertShares(shares(200, _ -> true, Set.of("a", "b", "c")), Map.of("d", 1.0));
    }

    @Test
    void noOtherMessageChangesItsSourceByThat() {
        for (int i = 0; i < 10_000; i++) {
            long draw = random.nextLong();
            String usual = POOL.choose(draw, _ -> true);
            String now = POOL.choose(draw, source -> !source.equals("b"));
            assertThat(now).isNotNull().isNotEqualTo("b");
            if (!"b".equals(usual)) {
                assertThat(now).isEqualTo(usual);
            }
        }
    }

    @Test
    void eachSourceIsAskedOnceAndWhenNoneTakesItThereIsNone() {
        for (int i = 0; i < 1_000; i++) {
            Set<String> asked = new HashSet<>();
            assertThat(POOL.choose(random.nextLong(), source -> {
                assertThat(asked.add(source)).isTrue();
                return false;
            })).isNull();
            assertThat(asked).isEqualTo(WEIGHTS.keySet());
        }
    }

    @Test
    void theEndsOfTheRangeFallIntoIt() {
        for (long draw : new long[]{0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThat(POOL.choose(draw, _ -> true)).isIn(WEIGHTS.keySet());
            assertThat(POOL.choose(draw, source -> source.equals("d"))).isEqualTo("d");
        }
        assertThat(POOL.choose(0, _ -> true)).isEqualTo("a");
        assertThat(POOL.choose(-1, _ -> true)).isEqualTo("d");
    }

    @Test
    void aMessageKeepsItsSourceOverItsAttemptsUnlessThePoolDrawsAnew() {
        Pool restless = new Pool("restless", POOL.members(), false);
        Map<String, Integer> second = new HashMap<>();
        int same = 0;
        for (int i = 0; i < MESSAGES; i++) {
            micros += 700;
            long id = ids.next().value();
            assertThat(POOL.draw(id, 5)).isEqualTo(POOL.draw(id, 0));
            String first = restless.choose(restless.draw(id, 0), _ -> true);
            String next = String.valueOf(restless.choose(restless.draw(id, 1), _ -> true));
            second.merge(next, 1, Integer::sum);
            same += next.equals(first) ? 1 : 0;
        }
        assertThat(same).isLessThan(MESSAGES / 2);
        assertShares(second, WEIGHTS);
    }

    @Test
    void aPoolHasMembersAndTheyHaveWeights() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Pool("none", List.of(), true));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Pool("none", List.of(new Member("a", 0)), true));
    }
}
