package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.http.Problem;
import dev.penstock.message.MessageId;

/** Header fields that a client gives: each as its standard has it, or refused. */
class HeaderFieldsTest {
    private static final RequestMemory MEMORY = new RequestMemory(Long.MAX_VALUE);

    private static InjectionRequest request(String content) {
        return RequestReader.read(new ByteArrayInputStream(("{\"envelope_sender\": \"\", \"recipients\": "
                + "[{\"email\": \"ann@a.example\", \"substitutions\": {\"url\": \"https://s.example/ä\"}}], \"content\": "
                + content + "}").getBytes(UTF_8)), 10, MEMORY.share());
    }

    private static String parts(String headers) {
        return "{\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"t\", \"headers\": {" + headers + "}}";
    }

    private static String compose(String content) {
        InjectionRequest request = request(content);
        return new String(new Composer(request, new TemplateEngine(), "gateway.example", 1_000_000, MEMORY.share())
                .compose(request.recipients().getFirst(), new MessageId(1), Instant.EPOCH, MEMORY.share()), ISO_8859_1);
    }

    private static String field(String name, String value) {
        StringBuilder out = new StringBuilder();
        HeaderText.named(out, name, value);
        return out.toString();
    }

    private static List<String> wrongs(String content) {
        try {
            compose(content);
        } catch (Problem problem) {
            return List.of(new String(problem.answer().body().octets(), UTF_8).split("\\{\"pointer\":", -1));
        }
        return List.of();
    }

    @ParameterizedTest
    @ValueSource(strings = {"From", "To", "Cc", "Date", "Message-ID", "Reply-To", "Subject", "Sender", "In-Reply-To",
        "References", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "List-Help"})
    void whatAMessageHasOnceIsRefusedWhenItIsGivenInTwoSpellings(String name) {
        String twice = "\"" + name + "\": \"<a@b.example>\", \"" + name.toUpperCase(Locale.ROOT)
                + "\": \"<c@b.example>\"";
        String content = parts(twice);
        assertThat(
                wrongs(name.equals("From") ? content.replace("\"from\": {\"email\": \"s@s.example\"}, ", "") : content))
                .anyMatch(wrong -> wrong.startsWith("\"/content/headers/" + name.toUpperCase(Locale.ROOT))
                        && wrong.contains("is given as " + name + " already"));
    }

    @Test
    void otherFieldsMayBeThereMoreThanOnce() {
        assertThat(compose(parts("\"X-Tag\": \"a\", \"x-tag\": \"b\""))).contains("X-Tag: a\r\n", "x-tag: b\r\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"From", "Subject", "Message-ID", "Date", "Content-Type"})
    void aWholeMessageWithTwoOfThemIsRefused(String name) {
        String message = "\"From: <a@b.example>\\nX: y\\n" + name + ": a\\n" + name.toLowerCase(Locale.ROOT)
                + ": b\\n\\nx\"";
        assertThatThrownBy(() -> compose(message)).isInstanceOf(RefusedException.class)
                .hasMessageContaining("more than one field " + name.toLowerCase(Locale.ROOT));
    }

    @Test
    void nobodyReadsWhoGotABlindCopyOfAWholeMessage() {
        String message = compose(
                "\"From: <a@b.example>\\nBCC : <secret@b.example>,\\n <other@b.example>\\nSubject: x\\n"
                        + "Resent-Bcc: <secret@b.example>\\n\\nBcc: stays here\"");
        assertThat(message).doesNotContain("secret", "other@")
                .endsWith("From: <a@b.example>\r\nSubject: x\r\n\r\nBcc: stays here\r\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://shop.example/r?to=?id=5?=", "https://shop.example/a,b,c",
        "mailto:u@s.example?subject==?utf-8?q?x?="})
    void aUrlIsWrittenAsItIs(String url) {
        assertThat(field("List-Unsubscribe", "<" + url + ">")).isEqualTo("List-Unsubscribe: <" + url + ">\r\n");
    }

    @Test
    void aListOfUrlsIsFoldedAtItsCommasAndNowhereElse() {
        String one = "<mailto:unsubscribe-0123456789@lists.shop.example?subject=a,b>";
        String two = "<https://shop.example/unsubscribe/0123456789,0123456789/0123456789>";
        assertThat(field("List-Unsubscribe", one + "," + two))
                .isEqualTo("List-Unsubscribe: " + one + ",\r\n " + two + "\r\n");
        assertThat(field("References", "<" + "a".repeat(60) + "@s.example> <" + "b".repeat(60) + "@s.example>"))
                .contains("@s.example>\r\n <bbb");
    }

    @Test
    void aLongUrlGetsALineOfItsOwnAndOneThatNoLineCanHoldIsRefused() {
        String url = "<https://shop.example/" + "a".repeat(960) + ">";
        assertThat(field("List-Unsubscribe-Post-Or-So", "x")).isEqualTo("List-Unsubscribe-Post-Or-So: x\r\n");
        assertThat(field("List-Unsubscribe", url)).isEqualTo("List-Unsubscribe:\r\n " + url + "\r\n");
        assertThatThrownBy(() -> field("List-Unsubscribe", "<https://shop.example/" + "a".repeat(980) + ">"))
                .hasMessageContaining("a line has 998 at most");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '¦', value = {"List-Unsubscribe¦<https://shop.example/abmelden?name=Müller>",
        "Message-ID¦<ä@s.example>", "References¦<a@b.example> <ü@b.example>", "Date¦Mon, 23 Növ 2026 10:20:30 +0000",
        "Auto-Submitted¦ä", "Feedback-ID¦a:b:ä:c", "Sender¦nobody ä", "List-Id¦no brackets ä"})
    void whatCanNotBeWrittenIsRefusedNamingIt(String name, String value) {
        assertThat(wrongs(parts("\"" + name + "\": \"" + value + "\"")))
                .anyMatch(wrong -> wrong.startsWith("\"/content/headers/" + name + "\""));
    }

    @Test
    void whatCanNotBeWrittenWhenItIsFilledInIsThatRecipientsRefusal() {
        assertThatThrownBy(() -> compose(parts("\"List-Unsubscribe\": \"<{{ url }}>\"")))
                .isInstanceOf(RefusedException.class).hasMessageContaining("/content/headers/List-Unsubscribe");
    }

    @Test
    void namesInStructuredFieldsAreEncodedWhereThatMayBe() {
        assertThat(field("List-Id", "\"Grüße\" <news.shop.example>"))
                .isEqualTo("List-Id: =?utf-8?B?R3LDvMOfZQ==?= <news.shop.example>\r\n");
        assertThat(field("Keywords", "Grüße, plain")).isEqualTo("Keywords: =?utf-8?B?R3LDvMOfZQ==?=, plain\r\n");
        assertThat(field("Cc", "Änne <c@c.example>, d@d.example"))
                .isEqualTo("Cc: =?utf-8?B?w4RubmU=?= <c@c.example>, d@d.example\r\n");
    }

    @Test
    void textForPeopleIsEncodedWhenItHasToBe() {
        assertThat(field("X-Campaign", "what=?this")).isEqualTo("X-Campaign: what=?this\r\n");
        assertThat(field("Comments", "=?utf-8?Q?x?=")).isEqualTo("Comments: =?utf-8?B?PT91dGYtOD9RP3g/PQ==?=\r\n");
        assertThat(field("X-Campaign", "Frühling")).isEqualTo("X-Campaign: =?utf-8?B?RnLDvGhsaW5n?=\r\n");
    }

    @Test
    void manyAddressesWithoutABlankAreFolded() {
        String list = String.join(",", Collections.nCopies(200, "somebody@somewhere.example"));
        for (String line : field("To", list).split("\r\n", -1)) {
            assertThat(line).hasSizeLessThan(80);
        }
        assertThat(field("To", list).replace("\r\n", "").replace(" ", "")).isEqualTo("To:" + list);
    }
}
