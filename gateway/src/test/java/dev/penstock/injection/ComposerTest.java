package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;

import org.apache.james.mime4j.dom.BinaryBody;
import org.apache.james.mime4j.dom.Entity;
import org.apache.james.mime4j.dom.Message;
import org.apache.james.mime4j.dom.Multipart;
import org.apache.james.mime4j.dom.SingleBody;
import org.apache.james.mime4j.dom.TextBody;
import org.apache.james.mime4j.dom.address.Mailbox;
import org.apache.james.mime4j.message.DefaultMessageBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.message.MessageId;

/** What is made, as another MIME library reads it. */
class ComposerTest {
    private static final int SEEDS = 200;
    private final TemplateEngine engine = new TemplateEngine();

    private final RequestMemory memory = new RequestMemory(Long.MAX_VALUE);

    private byte[] compose(String content) {
        InjectionRequest request = RequestReader.read(new ByteArrayInputStream(
                ("{\"envelope_sender\": \"s@s.example\", \"recipients\": [{\"email\": \"ann@a.example\", \"name\": \"Ann\"}], "
                        + "\"content\": " + content + "}").getBytes(UTF_8)),
                10, memory.share());
        return new Composer(request, engine, "gateway.example", 10_000_000, memory.share()).compose(
                request.recipients().getFirst(), new MessageId(1), Instant.EPOCH, memory.share());
    }

    private static Message parse(byte[] message) throws IOException {
        for (String line : new String(message, ISO_8859_1).split("\r\n", -1)) {
            assertThat(line).hasSizeLessThanOrEqualTo(998).doesNotContain("\r", "\n");
        }
        return new DefaultMessageBuilder().parseMessage(new ByteArrayInputStream(message));
    }

    private static String text(Entity part) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ((SingleBody) part.getBody()).writeTo(out);
        return part.getBody() instanceof TextBody ? out.toString(UTF_8) : out.toString(ISO_8859_1);
    }

    @Test
    void textHtmlInlineFilesAndAttachmentsMakeATree() throws Exception {
        Message message = parse(compose("""
                {"from": {"email": "s@s.example", "name": "Jürgen, the \\"Shop\\""}, "subject": "Grüße aus Köln und anderswo, in einer langen Zeile: ☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃",
                 "reply_to": {"email": "r@s.example"}, "text_body": "Grüße\\nzwei", "html_body": "<p>ä</p>",
                 "amp_html_body": "<html amp4email>", "headers": {"List-Unsubscribe": "<https://s.example/u>", "Cc": "Änne <c@c.example>, d@d.example"},
                 "attachments": [{"content_type": "image/png", "content_id": "logo", "file_name": "logo.png", "base64": true, "data": "iVBORw=="},
                                 {"content_type": "text/csv", "file_name": "Übersicht aller Bestellungen des Jahres 2026.csv", "data": "a,b"}]}
                """));
        assertThat(message.getSubject()).isEqualTo(
                "Grüße aus Köln und anderswo, in einer langen Zeile: ☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃");
        assertThat(message.getFrom().get(0).getName()).isEqualTo("Jürgen, the \"Shop\"");
        assertThat(((Mailbox) message.getTo().get(0)).getName()).isEqualTo("Ann");
        assertThat(message.getCc()).hasSize(2);
        assertThat(message.getReplyTo().get(0)).hasToString("r@s.example");
        assertThat(message.getMessageId()).isEqualTo("<0000000000001@gateway.example>");
        Multipart mixed = (Multipart) message.getBody();
        assertThat(mixed.getSubType()).isEqualTo("mixed");
        assertThat(mixed.getBodyParts().get(1).getFilename())
                .isEqualTo("Übersicht aller Bestellungen des Jahres 2026.csv");
        assertThat(text(mixed.getBodyParts().get(1))).isEqualTo("a,b");
        Multipart related = (Multipart) mixed.getBodyParts().get(0).getBody();
        assertThat(related.getSubType()).isEqualTo("related");
        assertThat(related.getBodyParts().get(1).getBody()).isInstanceOf(BinaryBody.class);
        assertThat(related.getBodyParts().get(1).getHeader().getField("Content-ID").getBody()).isEqualTo("<logo>");
        Multipart alternative = (Multipart) related.getBodyParts().get(0).getBody();
        assertThat(alternative.getBodyParts()).extracting(Entity::getMimeType).containsExactly("text/plain",
                "text/x-amp-html", "text/html");
        assertThat(text(alternative.getBodyParts().get(0)).stripTrailing()).isEqualTo("Grüße\r\nzwei");
    }

    @Test
    void textOfAnyKindSurvivesItsEncoding() throws Exception {
        for (int seed = 0; seed < SEEDS; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(3_000); i > 0; i--) {
                text.appendCodePoint(switch (random.nextInt(12)) {
                    case 0 -> 'ä';
                    case 1 -> 0x1F600;
                    case 2 -> '=';
                    case 3 -> ' ';
                    case 4 -> random.nextInt(8) == 0 ? '\n' : '\t';
                    case 5 -> '.';
                    default -> 'a' + random.nextInt(26);
                });
            }
            String body = text + "x\n";
            String json = body.replace("\t", "\\t").replace("\n", "\\n");
            Message message = parse(
                    compose("{\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"" + json + "\"}"));
            assertThat(text(message)).as("seed %d", seed).isEqualTo(body.replace("\n", "\r\n"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "Hello World", "ä", "=?utf-8?Q?x?=", "☃", "trailing "})
    void subjectsOfAnyLengthSurvive(String piece) throws Exception {
        for (int count : List.of(1, 10, 100, 300)) {
            String subject = piece.repeat(count);
            Message message = parse(
                    compose("{\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"t\", \"subject\": \""
                            + subject + "\"}"));
            assertThat(message.getSubject().strip()).isEqualTo(subject.strip());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"no header at all", "Subject: x\\n\\nbody", " folded first\\nFrom: a@b.example\\n\\nx",
        "From: a@b.example\\nno colon here\\n\\nx", "From: a@b.example\\n\\n\\u0000", "From : \\n: x\\n\\n"})
    void wholeMessagesThatAreNoneAreRefused(String message) {
        assertThatThrownBy(() -> compose("\"" + message + "\"")).isInstanceOf(RefusedException.class)
                .hasMessageStartingWith("554 5.6.0");
    }

    @Test
    void linesThatAreTooLongAreRefused() {
        assertThatThrownBy(() -> compose("\"From: a@b.example\\n\\n" + "x".repeat(999) + "\""))
                .hasMessageContaining("line 3 of the message is longer than 998 octets");
    }
}
