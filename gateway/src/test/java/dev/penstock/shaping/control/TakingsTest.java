package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.function.DoubleUnaryOperator;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What follows from how fast a receiver with a bucket of five seconds was sent to until it refused. */
class TakingsTest {
    private static final double SECOND = 1e9;

    /** Sends at the rate of each moment until the bucket is empty. @return what is told of it */
    private static double told(double rate, DoubleUnaryOperator sent) {
        Takings takings = new Takings();
        takings.begin(0);
        double bucket = rate * Takings.BURST;
        double at = 0;
        long taken = 0;
        while (true) {
            double step = 1 / sent.applyAsDouble(at);
            at += step;
            bucket = Math.min(rate * Takings.BURST, bucket + rate * step);
            if (bucket < 1) {
                return takings.sustained((long) (at * SECOND), taken);
            }
            bucket--;
            taken++;
            takings.sample((long) (at * SECOND), taken);
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {5, 10, 50})
    void isExactAtARateThatIsTooHighFromTheFirstMessageOn(double rate) {
        assertThat(told(rate, _ -> 1.5 * rate)).isCloseTo(rate, within(0.03 * rate));
    }

    @ParameterizedTest
    @ValueSource(doubles = {2, 10, 50})
    void isAsMuchWhereTheRateHasGrownForMinutes(double rate) {
        assertThat(told(rate, at -> rate * (0.1 + at / 300))).isCloseTo(rate, within(0.05 * rate));
    }

    @Test
    void isHardlyMoreWhereTheRateWasALittleTooHighForLong() {
        assertThat(told(20, _ -> 20.2)).isBetween(19.9, 20.2);
    }
}
