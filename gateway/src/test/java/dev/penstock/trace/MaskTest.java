package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Base64;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a line is shown. */
class MaskTest {
    private final Mask mask = new Mask();

    private String command(String line) {
        byte[] octets = line.getBytes(UTF_8);
        return mask.command(octets, 0, octets.length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"EHLO client.example", "helo x", "MAIL FROM:<a@example.com> SIZE=12", "rcpt to:<b@c>",
        "DATA", "BDAT 12 LAST", "BDAT 0", "RSET", "QUIT", "STARTTLS", "NOOP", ".", "AUTH PLAIN", "VRFY somebody",
        "XCLIENT ADDR=192.0.2.1 NAME=x PROTO=ESMTP", "MAIL FROM:<ü@example.com> SMTPUTF8", "*"})
    void whatIsNoSecretIsShownAsItWasSaid(String line) {
        assertThat(command(line)).isEqualTo(line);
    }

    @ParameterizedTest
    @CsvSource({"AUTH PLAIN AGFsaWNlAHNlY3JldA==,AUTH PLAIN [masked]", "auth plain AGFsaWNl,auth plain [masked]",
        "AUTH AGFsaWNlAHNlY3JldA==,AUTH [masked]", "AUTH SCRAM-SHA-256 biwsbj1h,AUTH SCRAM-SHA-256 [masked]",
        "AUTH  PLAIN AGFs,AUTH [masked]", "AGFsaWNlAHNlY3JldA==,[masked]", "PASS s3cret,[masked]",
        "AUTHPLAIN AGFsaWNl,[masked]", "' AUTH PLAIN AGFs',[masked]", "Authorization: Bearer s3cret,[masked]",
        "RSET s3cret,RSET [masked]", "DATA s3cret,DATA [masked]", "NOOP s3cret,NOOP [masked]",
        "MAIL s3cret,MAIL [masked]", "RCPT s3cret,RCPT [masked]", "BDAT s3cret,BDAT [masked]",
        "XCLIENT ADDR=192.0.2.1 LOGIN=alice,XCLIENT ADDR=192.0.2.1 LOGIN=[masked]",
        "XCLIENT PASSWORD=s3cret,XCLIENT [masked]", "xclient login=alice NAME=a,xclient LOGIN=[masked] NAME=a",
        "'',[masked]"})
    void ofAllElseIsShownThatItWasThere(String line, String shown) {
        assertThat(command(line)).isEqualTo(shown);
    }

    @Test
    void challengesAreMaskedAndOtherRepliesAreNot() {
        assertThat(mask.reply(334, false, "cj1ub25jZSxzPXNhbHQ=")).isEqualTo("334 [masked]");
        assertThat(mask.reply(334, true, "cj1ub25jZSxzPXNhbHQ=")).isEqualTo("334-[masked]");
        assertThat(mask.reply(535, false, "5.7.8 no such user")).isEqualTo("535 5.7.8 no such user");
    }

    @Test
    void aHostThatQuotesALoginIsNotQuoted() {
        mask.login("smart", "s3cretive");
        String plain = Base64.getEncoder().encodeToString("\0smart\0s3cretive".getBytes(UTF_8));
        for (String quoting : List.of("5.5.2 what is \"AUTH PLAIN " + plain + "\"?", "5.7.8 " + plain.substring(7, 15),
                "5.7.8 not s3cretive", "5.7.8 not s3creti...")) {
            assertThat(mask.reply(535, false, quoting)).as(quoting).isEqualTo("535 [masked]");
        }
        assertThat(mask.reply(535, false, "5.7.8 smart isn't known")).isEqualTo("535 5.7.8 smart isn't known");
    }

    @Test
    void whatWasSentForAResponseIsNotQuotedEither() {
        byte[] response = "cy1jLXItZS10".getBytes(ISO_8859_1);
        assertThat(mask.response(response, 0, response.length)).isEqualTo("[masked]");
        assertThat(mask.reply(500, false, "5.5.2 unknown: cy1jLXItZS10")).isEqualTo("500 [masked]");
        assertThat(mask.reply(250, false, "2.0.0 Ok")).isEqualTo("250 2.0.0 Ok");
    }

    @Test
    void thePartsOfManyResponsesAreKnownOfEachOne() {
        for (int i = 100; i < 200; i++) {
            byte[] response = ("response" + i).getBytes(ISO_8859_1);
            mask.response(response, 0, response.length);
        }
        assertThat(mask.reply(500, false, "5.5.2 unknown: response199")).isEqualTo("500 [masked]");
        assertThat(mask.reply(500, false, "5.5.2 unknown: esponse1")).isEqualTo("500 [masked]");
        assertThat(mask.reply(250, false, "2.0.0 Ok")).isEqualTo("250 2.0.0 Ok");
    }

    @Test
    void whoSaysMoreThanCanBeRememberedIsQuotedNothing() {
        SplittableRandom random = new SplittableRandom(1);
        String said = random.ints(Secrets.MAX_PARTS + 10, 'A', 'Z').collect(StringBuilder::new,
                StringBuilder::appendCodePoint, StringBuilder::append).toString();
        mask.response(said.getBytes(ISO_8859_1), 0, Secrets.MAX_PARTS);
        assertThat(mask.reply(250, false, "2.0.0 Ok")).isEqualTo("250 2.0.0 Ok");
        mask.response(said.getBytes(ISO_8859_1), 0, said.length());
        assertThat(mask.reply(500, false, "5.5.2 " + said.substring(said.length() - 6))).isEqualTo("500 [masked]");
        assertThat(mask.reply(250, false, "2.0.0 Ok")).isEqualTo("250 [masked]");
    }

    /** Each reply of a session whose client has sent as much as is remembered is looked through once. */
    @Test
    @Timeout(30)
    void whatWasSaidBeforeDoesNotMakeRepliesSlow() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 16; i++) {
            byte[] line = random.ints(500, 'A', 'Z').collect(StringBuilder::new, StringBuilder::appendCodePoint,
                    StringBuilder::append).toString().getBytes(ISO_8859_1);
            mask.response(line, 0, line.length);
        }
        String text = "5.5.2 " + "command not recognized ".repeat(20);
        for (int i = 0; i < 100_000; i++) {
            assertThat(mask.words(text)).isEqualTo(text);
        }
    }

    @Test
    void nothingSpeaksToATerminal() {
        assertThat(command("EHLO \u001b[31mred\u009b1m\u202ecba")).isEqualTo(
                "EHLO \\u001b[31mred\\u009b1m\\u202ecba");
        assertThat(mask.words("a\tb\u0000")).isEqualTo("a\\u0009b\\u0000");
        assertThat(command("EHLO " + "x".repeat(5_000))).hasSizeLessThan(2_100).endsWith("[3005 characters more]");
    }

    /** Whatever surrounds it: what follows AUTH, or stands where no command does, isn't shown. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void noSecretPassesInWhateverCommandItIs(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        String[] verbs = {"AUTH", "auth", "AUTH PLAIN", "AUTH LOGIN", "AUTH XOAUTH2", "AUTH\t", "AUT", "PASS", "USER",
            "", " ", "DATA", "RSET", "NOOP", "STARTTLS", "HELP", "XCLIENT LOGIN=", "XCLIENT ADDR=[::1] LOGIN=",
            "MAIL", "RCPT", "BDAT", "BDAT 1", "BDAT 1 LAST", "XFORWARD", "AUTH PLAIN =", "*", "."};
        for (int i = 0; i < 100_000; i++) {
            String secret = Base64.getEncoder().encodeToString(Long.toString(random.nextLong(), 36).getBytes(UTF_8));
            String verb = verbs[random.nextInt(verbs.length)];
            String line = verb + (verb.endsWith("=") || random.nextInt(5) == 0 ? "" : " ") + secret
                    + (random.nextBoolean() ? "" : " " + secret);
            String shown = new Mask().command(line.getBytes(ISO_8859_1), 0, line.length());
            for (int at = 0; at + 6 <= secret.length(); at++) {
                assertThat(shown).as("seed %s: %s", seed, line).doesNotContain(secret.substring(at, at + 6));
            }
        }
    }
}
