package dev.penstock.mime;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.testing.Peers;

/**
 * Trees of parts of all kinds, converted, as Python's email package reads them: the same parts with the same fields, decoded
 * the same octets, and none of them 8-bit on the wire. {@code -Dpenstock.mime.messages=5000} asks for more of it.
 */
@Timeout(300)
class ConversionPropertyTest {
    private static final int MESSAGES = Integer.getInteger("penstock.mime.messages", 400);
    private static final long SEED = Long.getLong("penstock.mime.seed", 6_152);
    private static final int MAX_DEPTH = 4;
    private static final String COMPARE = """
            import email, os, sys
            folder = sys.argv[1]
            changed = 0
            def fields(part):
                return [(k.lower(), v) for k, v in part.items() if k.lower() != 'content-transfer-encoding']
            def same(name, a, b):
                global changed
                assert fields(a) == fields(b), (name, fields(a), fields(b))
                assert a.get_content_type() == b.get_content_type(), name
                assert a.is_multipart() == b.is_multipart(), name
                if a.is_multipart():
                    coding = (b.get('content-transfer-encoding') or '7bit').split()[0].lower()
                    assert coding in ('7bit', '8bit', 'binary'), name
                    assert len(a.get_payload()) == len(b.get_payload()), name
                    for x, y in zip(a.get_payload(), b.get_payload()):
                        same(name, x, y)
                    return
                x, y = a.get_payload(decode=True), b.get_payload(decode=True)
                assert x == y, (name, a.get_content_type(), b['content-transfer-encoding'], x, y)
                if a.get_payload() != b.get_payload():
                    changed += 1
                    wanted = 'quoted-printable' if a.get_content_maintype() == 'text' else 'base64'
                    assert b.get_all('content-transfer-encoding') == [wanted], name
                    assert all(len(line) <= 76 for line in b.get_payload().split('\\r\\n')), name
            for name in sorted(os.listdir(folder)):
                if name.endswith('.before'):
                    read = lambda n: email.message_from_bytes(open(os.path.join(folder, n), 'rb').read())
                    same(name, read(name), read(name[:-6] + 'after'))
            print(changed)
            """;

    private final SplittableRandom random = new SplittableRandom(SEED);
    private int boundaries;

    @TempDir
    Path directory;

    @Test
    void pythonReadsTheSamePartsInWhatWasConverted() throws Exception {
        for (int i = 0; i < MESSAGES; i++) {
            byte[] before = ("From: a@b.example\r\nMIME-Version: 1.0\r\n" + entity(0)).getBytes(ISO_8859_1);
            byte[] after = converted(before);
            Files.write(directory.resolve(i + ".before"), before);
            Files.write(directory.resolve(i + ".after"), after);
        }
        Path errors = directory.resolve("errors");
        Process python = new ProcessBuilder(Peers.require("python3").toString(), "-c", COMPARE, directory.toString())
                .redirectError(errors.toFile()).start();
        String changed = new String(python.getInputStream().readAllBytes(), UTF_8).strip();
        assertThat(python.waitFor(4, TimeUnit.MINUTES)).isTrue();
        assertThat(python.exitValue()).as("seed %d: %s", SEED, Files.readString(errors)).isZero();
        assertThat(Integer.parseInt(changed)).isGreaterThan(MESSAGES / 2);
    }

    private byte[] converted(byte[] before) throws IOException {
        Conversion conversion = Conversion.of(new Torn(before, random.nextLong()));
        assertThat(conversion).as(() -> new String(before, ISO_8859_1)).isInstanceOf(Conversion.Converted.class);
        Content content = ((Conversion.Converted) conversion).content();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        content.forEachChunk(out::write);
        byte[] after = out.toByteArray();
        assertThat(content.size()).isEqualTo(after.length);
        MemoryContent found = MemoryContent.of(after);
        assertThat(found.hasEightBit()).isFalse();
        assertThat(found.hasDotLines() && !content.hasDotLines()).isFalse();
        ByteArrayOutputStream again = new ByteArrayOutputStream();
        ((Conversion.Converted) Conversion.of(MemoryContent.of(before))).content().forEachChunk(again::write);
        assertThat(again.toByteArray()).isEqualTo(after);
        return after;
    }

    /** Comes in pieces of any size. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Torn(byte[] bytes, long seed) implements Content {
        @Override
        public long size() {
            return bytes.length;
        }

        @Override
        public boolean hasDotLines() {
            return MemoryContent.of(bytes).hasDotLines();
        }

        @Override
        public boolean hasEightBit() {
            return true;
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            SplittableRandom cuts = new SplittableRandom(seed);
            for (int i = 0; i < bytes.length;) {
                int n = Math.min(bytes.length - i, 1 + cuts.nextInt(cuts.nextInt(10) == 0 ? 5_000 : 20));
                sink.accept(bytes, i, n);
                i += n;
            }
        }
    }

    /** The rest of a header, and a body. */
    private String entity(int depth) {
        return switch (depth >= MAX_DEPTH ? random.nextInt(4) : random.nextInt(7)) {
            case 0 ->
                leaf(pick("text/plain; charset=utf-8", "text/HTML ;\r\n charset=utf-8", "Text/Calendar"), lines());
            case 1 ->
                leaf(pick("application/json", "application/octet-stream; name=\"a;b\"", "image/svg+xml"), lines());
            case 2 -> "Content-Type: application/pdf\r\nContent-Transfer-Encoding: BASE64\r\n\r\nAAEC\r\nAwQ=\r\n";
            case 3 -> leaf("", lines());
            case 4 -> fields("message/rfc822") + "\r\nSubject: within\r\nMIME-Version: 1.0\r\n" + entity(depth + 1);
            default -> multipart(depth);
        };
    }

    private String leaf(String type, String body) {
        return fields(type) + "\r\n" + body;
    }

    private String fields(String type) {
        String media = type.isEmpty() ? "" : pick("Content-Type: ", "content-type:", "CONTENT-TYPE:\t") + type + "\r\n";
        String coding = pick("", "Content-Transfer-Encoding: 8bit\r\n", "content-transfer-encoding:\r\n\t8BIT\r\n",
                "Content-Transfer-Encoding: binary (all of it)\r\n", "Content-Transfer-Encoding: 7bit\r\n");
        return random.nextBoolean() ? media + coding + "X-Own: field\r\n" : coding + media;
    }

    private String multipart(int depth) {
        // one that begins as others do, and one that ends as a last delimiter does
        String boundary = pick("b" + boundaries++, "b" + boundaries++ + "--", "=_a b?" + boundaries++);
        String type = "multipart/" + pick("mixed", "alternative", "related") + "; boundary=\"" + boundary + "\"";
        StringBuilder text = new StringBuilder(fields(type)).append("\r\n")
                .append(pick("", "for old \u00e4 clients\r\n"));
        int parts = 1 + random.nextInt(4);
        for (int i = 0; i < parts; i++) {
            text.append("--").append(boundary).append(pick("", " ", "\t ")).append("\r\n").append(entity(depth + 1));
            if (!text.toString().endsWith("\r\n")) {
                text.append("\r\n");
            }
        }
        return text.append("--").append(boundary).append("--\r\n").append(pick("", "\r\n", "that was \u00fc it\r\n"))
                .toString();
    }

    private String lines() {
        StringBuilder text = new StringBuilder();
        int lines = random.nextInt(12);
        for (int i = 0; i < lines; i++) {
            int words = random.nextInt(20) == 0 ? random.nextInt(2_000) : random.nextInt(15);
            for (int j = 0; j < words; j++) {
                text.append(pick("word ", "\u00c3\u00a4", "=", " ", "\t", ".", "--", "--b1", "-", "\u00ff\u0001",
                        "From ", "=3D", "x".repeat(random.nextInt(90))));
            }
            text.append("\r\n");
        }
        return text.toString();
    }

    private String pick(String... choices) {
        return choices[random.nextInt(choices.length)];
    }
}
