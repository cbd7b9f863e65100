package dev.penstock.smtp;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EnhancedStatusTest {
    @ParameterizedTest
    @ValueSource(strings = {"2.0.0", "4.7.1", "5.1.10", "5.999.999"})
    void whatIsAStatusIsReadAndWritten(String text) {
        assertThat(EnhancedStatus.parse(text)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "5.1", "5.1.", "3.1.1", "5.1.1.1", "5.1000.1", "5.1.1000", "5.1.1 ", "55.1.1",
        "5..1", "x.1.1"})
    void allElseIsNot(String text) {
        assertThat(EnhancedStatus.parse(text)).isNull();
    }
}
