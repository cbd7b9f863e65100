package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BodyTextTest {
    private static final char[] ALPHABET = {'a', '\r', '\n'};
    private static final int LONGEST = 7;

    @Test
    void everyBreakBecomesCrlfAndTheLastLineEnds() {
        for (int length = 0; length <= LONGEST; length++) {
            int combinations = (int) Math.pow(ALPHABET.length, length);
            for (int i = 0; i < combinations; i++) {
                StringBuilder text = new StringBuilder();
                for (int rest = i, at = 0; at < length; at++, rest /= ALPHABET.length) {
                    text.append(ALPHABET[rest % ALPHABET.length]);
                }
                String lines = text.toString().replace("\r\n", "\n").replace('\r', '\n').replace("\n", "\r\n");
                assertThat(BodyText.lines(text.toString())).isEqualTo(lines.endsWith("\n") ? lines : lines + "\r\n");
            }
        }
    }
}
