package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DotStuffingTest {
    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(quoteCharacter = '`', value = {
        "``, .RN",
        "a, aRN.RN",
        "aRN, aRN.RN",
        "aR, aRN.RN",
        "aN, aRN.RN",
        "aRRN, aRNRN.RN",
        "aRRNb, aRNRNbRN.RN",
        "R, RN.RN",
        "N.N, RN..RN.RN",
        "0, .RN",
        "a0b, abRN.RN",
        "aRN0.RN, aRN..RN.RN",
        "aR0N.RN, aRNRN..RN.RN",
        "aRN.0RN, aRN..RN.RN",
        "aNR.b, aRNRN..bRN.RN",
        "N.RN, RN..RN.RN",
        "aRN.N, aRN..RN.RN",
        "aRN.R, aRN..RN.RN",
        "aR.R, aRN..RN.RN",
        ".RN, ..RN.RN",
        ".aRN..RNb.RN, ..aRN...RNb.RN.RN",
        "aN.b, aRN..bRN.RN",
        "aR.b, aRN..bRN.RN",
        "this line is long enough for wordsRN.and this tooRN, this line is long enough for wordsRN..and this tooRN.RN"})
    void dotsThatBeginALineAreDoubledWhereverTheContentIsSplit(String content, String wire) {
        byte[] in = content.replace('R', '\r').replace('N', '\n').replace('0', '\0').getBytes(ISO_8859_1);
        for (int split = 0; split <= in.length; split++) {
            for (int second = split; second <= in.length; second++) {
                DotStuffing stuffing = new DotStuffing();
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                stuffing.encode(in, 0, split, out::write);
                stuffing.encode(in, split, second - split, out::write);
                stuffing.encode(in, second, in.length - second, out::write);
                stuffing.end(out::write);
                assertThat(out.toString(ISO_8859_1).replace('\r', 'R').replace('\n', 'N'))
                        .as("split at %d and %d", split, second).isEqualTo(wire);
            }
        }
    }
}
