package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.testing.ManualTicker;

class FailedLoginsTest {
    private final ManualTicker ticker = new ManualTicker();
    private final FailedLogins failed = new FailedLogins(ticker);

    @Test
    void eachClientHasALineASecondThatCountsItsOwn() {
        assertThat(turn("192.0.2.1")).isZero();
        assertThat(turn("192.0.2.1")).isEqualTo(FailedLogins.NOT_NOW);
        assertThat(turn("192.0.2.2")).isZero();
        assertThat(turn("2001:db8::1")).isZero();
        assertThat(turn("2001:db8::2")).as("of the same site").isEqualTo(FailedLogins.NOT_NOW);
        ticker.advance(Duration.ofSeconds(1));
        assertThat(turn("192.0.2.2")).isZero();
        assertThat(turn("192.0.2.1")).isOne();
        assertThat(turn("::ffff:192.0.2.1")).isEqualTo(FailedLogins.NOT_NOW);
    }

    @Test
    void manyClientsTogetherHaveSoManyLinesASecond() {
        for (int i = 0; i < FailedLogins.MAX_LINES; i++) {
            assertThat(turn("192.0.2." + i)).isZero();
        }
        assertThat(turn("198.51.100.1")).isEqualTo(FailedLogins.NOT_NOW);
        assertThat(turn("198.51.100.2")).isEqualTo(FailedLogins.NOT_NOW);
        ticker.advance(Duration.ofSeconds(1));
        assertThat(turn("198.51.100.3")).as("with those of others").isEqualTo(2);
        assertThat(turn("198.51.100.4")).isZero();
    }

    private long turn(String client) {
        return failed.turn(InetAddress.ofLiteral(client));
    }
}
