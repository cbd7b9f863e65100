package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.config.Canonicalization;

class BodyHashTest {
    private static final int BODIES = 1_000;
    private static final String[] WORDS = {"\r\n", "\r\n", " ", "\t", "\r", "\n", "a", "bc", ".", "\0", "\u00e9",
        "  \r\n"};

    private static byte[] expected(Canonicalization form, String body) {
        String canonical = switch (form) {
            case SIMPLE -> body.replaceFirst("(\r\n)*\\z", "") + "\r\n";
            case RELAXED -> {
                String lines = body.replaceAll("[ \t]+", " ").replaceAll(" (?=\r\n|\\z)", "")
                        .replaceFirst("(\r\n)*\\z", "");
                yield lines.isEmpty() ? "" : lines + "\r\n";
            }
        };
        return BodyHash.sha256().digest(canonical.getBytes(ISO_8859_1));
    }

    private static byte[] hash(Canonicalization form, String body, SplittableRandom cuts) {
        BodyHash hash = new BodyHash(form);
        byte[] octets = body.getBytes(ISO_8859_1);
        for (int at = 0; at < octets.length;) {
            int piece = Math.min(octets.length - at, 1 + cuts.nextInt(cuts.nextBoolean() ? 3 : 9_000));
            byte[] own = new byte[piece + 2]; // which is written over after the call
            System.arraycopy(octets, at, own, 1, piece);
            hash.update(own, 1, piece);
            Arrays.fill(own, (byte) 'x');
            at += piece;
        }
        return hash.finish();
    }

    @ParameterizedTest
    @EnumSource
    void anyBodyInAnyPiecesHasTheHashOfItsCanonicalForm(Canonicalization form) {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < BODIES; i++) {
            StringBuilder body = new StringBuilder();
            for (int words = random.nextInt(40); words > 0; words--) {
                body.append(random.nextInt(60) == 0
                        ? "long line ".repeat(random.nextInt(900))
                        : WORDS[random.nextInt(WORDS.length)]);
            }
            String text = body.toString();

            assertThat(hash(form, text, random)).as("%s, seed %d, body %d", form, seed, i)
                    .isEqualTo(expected(form, text));
        }
    }

    /** RFC 6376 3.4.5, and the hashes of empty bodies in 3.4.3 and 3.4.4. */
    @ParameterizedTest
    @CsvSource({"SIMPLE, ' C \r\nD \t E\r\n\r\n\r\n', ' C \r\nD \t E\r\n'",
        "RELAXED, ' C \r\nD \t E\r\n\r\n\r\n', ' C\r\nD E\r\n'", "SIMPLE, '', '\r\n'", "RELAXED, '', ''",
        "RELAXED, '\r\n\r\n', ''", "RELAXED, ' \r\n\t', ''"})
    void theExamplesOfTheStandard(Canonicalization form, String body, String canonical) {
        assertThat(hash(form, body, new SplittableRandom(1)))
                .isEqualTo(BodyHash.sha256().digest(canonical.getBytes(ISO_8859_1)));
    }

    @Test
    void aLimitCountsOctetsOfTheCanonicalForm() {
        BodyHash hash = new BodyHash(Canonicalization.RELAXED, 3);
        hash.update("a \t b  c\r\n".getBytes(ISO_8859_1), 0, 10);

        assertThat(hash.finish()).isEqualTo(BodyHash.sha256().digest("a b".getBytes(ISO_8859_1)));
        assertThat(hash.isShort()).isFalse();
    }
}
