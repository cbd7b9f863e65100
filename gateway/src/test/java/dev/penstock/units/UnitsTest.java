package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnitsTest {
    @Test
    void sizesAreRead() {
        Map<String, Long> sizes = Map.of("0", 0L, "512", 512L, "512B", 512L, "64 KB", 65_536L, "64k", 65_536L, "10MB",
                10L << 20, "1 GiB", 1L << 30, " 2 tb ", 2L << 40);
        sizes.forEach((text, bytes) -> assertThat(ByteSize.parse(text)).as(text).isEqualTo(new ByteSize(bytes)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1.5 MB", "MB", "10 XB", "1 MB 2", "1234567890123456", "999999999 TB"})
    void otherSizesAreRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> ByteSize.parse(text));
    }

    @Test
    void sizesAreWrittenInTheLargestWholeUnitAndReadBack() {
        assertThat(new ByteSize(10_240_000)).hasToString("10000 KB");
        assertThat(ByteSize.ofMegabytes(256)).hasToString("256 MB");
        long seed = 42;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 1_000; i++) {
            ByteSize size = new ByteSize(random.nextLong(1L << 44) << random.nextInt(0, 4));
            assertThat(ByteSize.parse(size.toString())).as("seed " + seed).isEqualTo(size);
        }
    }

    @Test
    void aDurationThatNoClockCouldAddIsRefused() {
        assertThat(Durations.parse("36500d")).isEqualTo(Duration.ofDays(36_500));
        for (String text : List.of("36500d 1ms", "9999999999w", "9999999999w".repeat(3_000))) {
            assertThatThrownBy(() -> Durations.parse(text)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("too long; allowed: up to 36500d");
        }
    }

    @Test
    void durationsAreRead() {
        Map<String, Duration> durations = Map.of("300ms", Duration.ofMillis(300), "30s", Duration.ofSeconds(30), "5m",
                Duration.ofMinutes(5), "5 min", Duration.ofMinutes(5), "2h30m", Duration.ofMinutes(150), "3 days",
                Duration.ofDays(3), "1d 2 hours", Duration.ofHours(26), "0s", Duration.ZERO, "10 seconds",
                Duration.ofSeconds(10));
        assertThat(Durations.parse("5 weeks")).isEqualTo(Duration.ofDays(35));
        assertThat(Durations.parse("2 hrs")).isEqualTo(Duration.ofHours(2));
        durations.forEach((text, duration) -> assertThat(Durations.parse(text)).as(text).isEqualTo(duration));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "-5s", "5 years", "s", "1.5s", "5s!", "5mss"})
    void otherDurationsAreRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Durations.parse(text));
    }

    @Test
    void durationsAreWrittenAndReadBack() {
        assertThat(Durations.format(Duration.ZERO)).isEqualTo("0s");
        assertThat(Durations.format(Duration.ofMinutes(150))).isEqualTo("2h30m");
        long seed = 43;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 1_000; i++) {
            Duration duration = Duration.ofMillis(random.nextLong(1L << random.nextInt(1, 40)));
            assertThat(Durations.parse(Durations.format(duration))).as("seed " + seed).isEqualTo(duration);
        }
    }

    @Test
    void ratesAreRead() {
        Map<String, Rate> rates = Map.of("100/s", new Rate(100, Duration.ofSeconds(1), 1), "6_000/min",
                new Rate(6_000, Duration.ofMinutes(1), 1), "10/30s", new Rate(10, Duration.ofSeconds(30), 1),
                "100/s,max_burst=20", new Rate(100, Duration.ofSeconds(1), 20), "1,000 / hour",
                new Rate(1_000, Duration.ofHours(1), 1), "1000000/day", new Rate(1_000_000, Duration.ofDays(1), 1));
        rates.forEach((text, rate) -> assertThat(Rate.parse(text)).as(text).isEqualTo(rate));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "100", "0/s", "-1/s", "1/0s", "100/week", "100/s,max_burst=0", "1/999999d", "1.5/s"})
    void otherRatesAreRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Rate.parse(text));
    }

    @Test
    void ratesAreWrittenAndReadBack() {
        for (String text : new String[]{"100/s", "10/30s", "7/min", "5/h", "9/d", "100/s,max_burst=20"}) {
            assertThat(Rate.parse(text)).hasToString(text);
        }
    }

    @Test
    void intervalIsThePeriodsShare() {
        assertThat(Rate.parse("4/s").intervalNanos()).isEqualTo(250_000_000);
        assertThat(Rate.parse("1/366d").intervalNanos()).isEqualTo(Duration.ofDays(366).toNanos());
        assertThat(new Rate(Long.MAX_VALUE, Duration.ofSeconds(1), 1).intervalNanos()).isEqualTo(1);
    }
}
