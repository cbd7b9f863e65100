package dev.penstock.callout;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.testing.ManualTicker;

class LogPaceTest {
    @Test
    void oneLineASecondTellsOfThoseBetween() {
        ManualTicker ticker = new ManualTicker();
        LogPace pace = new LogPace(ticker);
        assertThat(pace.turn()).isZero();
        assertThat(pace.turn()).isEqualTo(LogPace.NOT_NOW);
        ticker.advance(Duration.ofMillis(999));
        assertThat(pace.turn()).isEqualTo(LogPace.NOT_NOW);
        ticker.advance(Duration.ofMillis(2));
        assertThat(pace.turn()).isEqualTo(2);
        ticker.advance(Duration.ofSeconds(1));
        assertThat(pace.turn()).isZero();
    }
}
