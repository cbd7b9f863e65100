package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.InboundConfig;

class StressTest {
    private final Counters counters = new Counters();
    private final Stress stress = new Stress(counters);

    @ParameterizedTest
    @CsvSource({
        "false, 899, false", "false, 900, true", "true, 900, true", "true, 800, true", "true, 799, false",
        "false, 0, false"})
    void itBeginsAtItsShareOfTheSessionsAndEndsTenPointsBelow(boolean before, int sessions, boolean after) {
        assertThat(Stress.next(before, sessions, 1000, 90)).isEqualTo(after);
    }

    @Test
    void limitsAreStricterWhileItLasts() {
        InboundConfig config = new ConfigBuilder().counts(10, 100, 50, 10).build();
        assertThat(stress.update(89, config)).isFalse();
        assertThat(stress.commandTimeout(config)).isEqualTo(Duration.ofMinutes(5));
        assertThat(stress.hardErrorLimit(config)).isEqualTo(20);
        assertThat(stress.junkCommandLimit(config)).isEqualTo(100);
        assertThat(stress.update(90, config)).isTrue();
        assertThat(stress.commandTimeout(config)).isEqualTo(Duration.ofSeconds(10));
        assertThat(stress.hardErrorLimit(config)).isEqualTo(1);
        assertThat(stress.junkCommandLimit(config)).isEqualTo(1);
        assertThat(stress.update(85, config)).isTrue();
        assertThat(stress.update(79, config)).isFalse();
        assertThat(stress.update(90, config)).isTrue();
        assertThat(counters.snapshot(0, 0).hostility().stressed()).isEqualTo(2);
        assertThat(counters.snapshot(0, 0).hostility().stress()).isTrue();
    }

    @Test
    void itNeverLoosensWhatIsStricterAnyway() {
        InboundConfig config = new ConfigBuilder().counts(10, 1, 50, 10)
                .timeouts(Duration.ofSeconds(3), Duration.ofSeconds(3)).errors(0, Duration.ZERO, 0, 0).build();
        assertThat(stress.update(1, config)).isTrue();
        assertThat(stress.commandTimeout(config)).isEqualTo(Duration.ofSeconds(3));
        assertThat(stress.hardErrorLimit(config)).isZero();
        assertThat(stress.junkCommandLimit(config)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "10, 0", "11, 1", "12, 2", "19, 9", "20, 10", "21, 10", "2147483647, 10"})
    void theDelayOfErrorRepliesGrowsUpToItsLimit(int errors, long seconds) {
        InboundConfig config = new ConfigBuilder().errors(10, Duration.ofSeconds(1), 100, 100).build();
        assertThat(Stress.errorDelayNanos(errors, config)).isEqualTo(Duration.ofSeconds(seconds).toNanos());
    }

    @Test
    void withoutADelayThereIsNone() {
        InboundConfig config = new ConfigBuilder().errors(0, Duration.ZERO, 100, 100).build();
        assertThat(Stress.errorDelayNanos(50, config)).isZero();
    }
}
