package dev.penstock.mtasts;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.mtasts.StsEntry.Known;
import dev.penstock.routing.StsPolicy;

/** A domain's policy through random records, failures and times, against what was fetched last. */
class StsEntryModelTest {
    private static final int STEPS = 2_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void aPolicyHoldsUntilItsTimeIsOverOrAnotherWasFetched(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        StsEntry entry = StsEntry.NOTHING;
        Known last = null;
        long now = 1_000_000;
        for (int step = 0; step < STEPS; step++) {
            now += random.nextLong(Duration.ofHours(3).toMillis());
            StsPolicy expected = last == null || now >= last.untilMillis() ? null : last.policy();
            assertThat(entry.policy(now)).as("seed %d step %d", seed, step).isEqualTo(expected);
            if (!entry.isOver(now) && !entry.isDue(now)) {
                continue;
            }
            String id = random.nextInt(4) == 0 ? null : "id" + random.nextInt(2);
            boolean fetches = entry.wants(id, now);
            if (id != null && last != null && expected != null && id.equals(last.id())) {
                assertThat(fetches).as("seed %d step %d", seed, step).isEqualTo(now - last.fetchedMillis() >= Math
                        .min(StsEntry.REFRESH.toMillis(), last.maxAgeSeconds() * 1_000 / 2));
            } else if (id != null && (last == null || now >= last.untilMillis() || !id.equals(last.id()))) {
                assertThat(fetches).as("seed %d step %d", seed, step).isTrue();
            }
            if (random.nextInt(3) == 0) {
                entry = entry.failed(now);
                assertThat(entry.isDue(now + StsEntry.AFTER_FAILURE.toMillis())).isTrue();
                assertThat(entry.isDue(now + StsEntry.AFTER_FAILURE.toMillis() - 1)).isFalse();
            } else if (fetches) {
                last = new Known(requireNonNull(id), switch (random.nextInt(3)) {
                    case 0 -> null;
                    case 1 -> new StsPolicy(StsPolicy.Mode.TESTING, List.of("mx" + step));
                    default -> new StsPolicy(StsPolicy.Mode.ENFORCE, List.of("mx" + step));
                }, now, random.nextLong(Duration.ofDays(3).toSeconds()));
                entry = entry.fetched(last, now);
            } else {
                entry = entry.seen(now);
            }
        }
    }
}
