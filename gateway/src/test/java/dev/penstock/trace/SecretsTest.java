package dev.penstock.trace;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;

/** Which texts quote what. */
class SecretsTest {
    private final Secrets secrets = new Secrets();

    /** As {@link String#contains} has it, part by part. */
    private static boolean areIn(List<String> secrets, String text) {
        for (String secret : secrets) {
            int length = Math.min(6, secret.length());
            for (int i = 0; i + length <= secret.length(); i++) {
                if (text.contains(secret.substring(i, i + length))) {
                    return true;
                }
            }
        }
        return false;
    }

    private static String random(SplittableRandom random, int length) {
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; i < length; i++) {
            text.append("abcé\0".charAt(random.nextInt(5)));
        }
        return text.toString();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void aPartOfASecretIsFoundWhereItIsAndNowhereElse(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int found = 0;
        for (int round = 0; round < 2_000; round++) {
            Secrets some = new Secrets();
            List<String> all = new ArrayList<>();
            for (int i = random.nextInt(12); i > 0; i--) {
                String secret = random(random, 4 + random.nextInt(random.nextInt(4) == 0 ? 300 : 8));
                all.add(secret);
                some.add(secret);
            }
            for (int i = 0; i < 10; i++) {
                String text = random(random, random.nextInt(20));
                boolean quotes = areIn(all, text);
                assertThat(some.areIn(text)).as("seed %s: %s in %s", seed, all, text).isEqualTo(quotes);
                found += quotes ? 1 : 0;
            }
        }
        assertThat(found).isBetween(1_000, 19_000);
    }

    @Test
    void ofAReplyTheLinesThatQuoteAreLeftOut() {
        secrets.addLogin("smart", "s3cretive");
        Reply reply = new Reply(535, EnhancedStatus.parse("5.7.8"), List.of("not s3cretive", "go away"));
        assertThat(secrets.outOf(reply).oneLine()).isEqualTo("535 5.7.8 [masked] go away");
        Reply other = Reply.of(535, "5.7.8", "go away");
        assertThat(secrets.outOf(other)).isSameAs(other);
    }
}
