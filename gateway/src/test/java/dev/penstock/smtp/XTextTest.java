package dev.penstock.smtp;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class XTextTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "abc          | abc",
        "a+2Bb        | a+b",
        "a+3Db        | a=b",
        "a+3db        | a=b",
        "a+20b        | 'a b'",
        "+C3+BCber    | über",
        "<>           | <>",
        "rfc822;x     | rfc822;x"})
    void xtextIsDecoded(String encoded, String text) {
        assertThat(XText.decode(encoded)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a+", "a+2", "a+2G", "a+G0", "a=b", "a b", "ü", "a+0D+0Ab", "a+0A", "a+00", "a+09", "a+1B",
        "a+7F", "a+C3", "+FF+FE", "+C2+85", "+ED+A0+80", "+/1", "+ 1"})
    void whatIsNoXtextOrHidesAControlCharacterIsRefused(String encoded) {
        assertThat(XText.decode(encoded)).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "a b=c+d | a+20b+3Dc+2Bd",
        "über    | +C3+BCber",
        "plain   | plain",
        "a\\b    | a\\b"})
    void textIsEncoded(String text, String encoded) {
        assertThat(XText.encode(text)).isEqualTo(encoded);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "a@example.com                  | a@example.com",
        "\\x{FC}ber@example.com         | über@example.com",
        "über@example.com               | über@example.com",
        "a\\x{2B}b\\x{5C}\\x{3D}\\x{20} | 'a+b\\= '",
        "\\x{1F600}@x.example           | 😀@x.example",
        "😀@x.example                   | 😀@x.example",
        "\\x{10FFFF}                    | \uDBFF\uDFFF"})
    void theFormsForInternationalizedAddressesAreDecoded(String encoded, String text) {
        assertThat(XText.decodeUnicode(encoded)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\\", "\\x", "\\x{", "\\x{}", "\\x{A}", "\\x{0A}", "\\x{0D}", "\\x{00}", "\\x{7F}",
        "\\x{85}", "\\x{D800}", "\\x{110000}", "\\x{0000041}", "\\x{4G}", "\\y{41}", "a+b", "a=b", "a b", "a\u0085b",
        "\ud800"})
    void otherFormsForInternationalizedAddressesAreRefused(String encoded) {
        assertThat(XText.decodeUnicode(encoded)).isNull();
    }

    @Test
    void whatIsEncodedIsDecodedAgain() {
        SplittableRandom random = new SplittableRandom(20261125);
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(40); n > 0; n--) {
                int c = random.nextInt(4) > 0 ? random.nextInt(' ', 127) : random.nextInt(0xA0, 0x110000);
                text.appendCodePoint(c >= 0xD800 && c < 0xE000 ? '+' : c);
            }
            String original = text.toString();
            assertThat(XText.decode(XText.encode(original))).isEqualTo(original);
            assertThat(XText.decodeUnicode(XText.encodeUnicode(original))).isEqualTo(original);
            assertThat(XText.encode(original) + XText.encodeUnicode(original)).matches("[!-~]*");
        }
    }
}
