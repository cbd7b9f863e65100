package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DataDecoderTest {
    private final DataDecoder decoder = new DataDecoder();

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "a\\r\\n.\\r\\n                     | a\\r\\n",
        "a\\r\\n..\\r\\n.\\r\\n             | a\\r\\n.\\r\\n",
        "..a\\r\\n.b\\r\\n...\\r\\n.\\r\\n  | .a\\r\\nb\\r\\n..\\r\\n",
        ".\\r\\n                           | ``",
        "\\r\\n.\\r\\n                      | \\r\\n",
        "a.b.\\r\\n.\\r\\n                  | a.b.\\r\\n",
        "long enough to be read by words\\r\\nand\\tthen\\tsome\\r\\n.\\r\\n | long enough to be read by words\\r\\nand\\tthen\\tsome\\r\\n"})
    void dataEndsAtDotAloneAndStuffedDotsGoAwhereverItIsSplit(String wire, String content) {
        byte[] in = bytes(wire + "QUIT\\r\\n");
        for (int split = 0; split <= in.length; split++) {
            for (int second = split; second <= in.length; second++) {
                decoder.reset();
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                int taken = feed(in, 0, split, out);
                taken += feed(in, taken, second - taken, out);
                taken += feed(in, taken, in.length - taken, out);
                assertThat(decoder.finished()).as("split at %d and %d", split, second).isTrue();
                assertThat(out.toByteArray()).as("split at %d and %d", split, second).isEqualTo(bytes(content));
                assertThat(taken).isEqualTo(in.length - "QUIT\r\n".length());
                assertThat(decoder.bareCr() || decoder.bareLf()).isFalse();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\\n.\\n", "\\n.\\r\\n", "\\r\\n.\\n", "\\r.\\r", "\\r.\\r\\n", "\\r\\n.\\r",
        "\\r\\r\\n.\\n", "\\n\\n.\\r\\n",
        "\\r\\n.\\r\\r\\n", "\\r\\n\\0.\\r\\n", "\\r\\n.\\0\\r\\n", "\\r\\n .\\r\\n", "\\r\\n..\\r\\n", "\\n..\\r\\n"})
    void nothingElseEndsData(String lookalike) {
        byte[] in = bytes("a" + lookalike + "b\\r\\n.\\r\\n");
        for (int split = 0; split <= in.length; split++) {
            decoder.reset();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            assertThat(feed(in, 0, split, out)).isEqualTo(split);
            assertThat(feed(in, split, in.length - split, out)).isEqualTo(in.length - split);
            assertThat(decoder.finished()).isTrue();
            assertThat(out.toString(ISO_8859_1)).startsWith("a").endsWith("b\r\n");
        }
    }

    @Test
    void aBareCrIsReportedAndGivenOut() {
        assertThat(decode("a\\rb\\r\\n.\\r\\n")).isEqualTo("a\rb\r\n");
        assertThat(decoder.bareCr()).isTrue();
        assertThat(decoder.bareLf()).isFalse();
    }

    @Test
    void aBareLfIsReportedAndGivenOut() {
        assertThat(decode("a\\nb\\r\\n.\\r\\n")).isEqualTo("a\nb\r\n");
        assertThat(decoder.bareLf()).isTrue();
        assertThat(decoder.bareCr()).isFalse();
    }

    @Test
    void aCrAfterADotThatBeginsALineIsGivenOutOnce() {
        assertThat(decode(".\\rx\\r\\n.\\r\\n")).isEqualTo("\rx\r\n");
        assertThat(decoder.bareCr()).isTrue();
    }

    @Test
    void aNulIsReported() {
        decode("a\\0b\\r\\n.\\r\\n");
        assertThat(decoder.hasNul()).isTrue();
    }

    @Test
    void linesThatBeginWithADotAfterUnstuffingAreReported() {
        decode(".a\\r\\n.\\r\\n");
        assertThat(decoder.hasDotLines()).isFalse();
        decoder.reset();
        decode("..a\\r\\n.\\r\\n");
        assertThat(decoder.hasDotLines()).isTrue();
    }

    @Test
    void eightBitOctetsAreSeenInTheContentAndNotInWhatFollows() {
        decode("only seven bits here\\r\\n.\\r\\n\\u00ff\\u00ff\\u00ff\\u00ff");
        assertThat(decoder.hasEightBit()).isFalse();
        for (int place = 0; place < 20; place++) {
            decoder.reset();
            decode("x".repeat(place) + "\\u00e9" + "y".repeat(20 - place) + "\\r\\n.\\r\\n");
            assertThat(decoder.hasEightBit()).as("at %d", place).isTrue();
        }
    }

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource({"\\r\\n.\\r\\n, 0", "abc\\r\\nab\\r\\n.\\r\\n, 3", "ab\\r\\n..bc\\r\\n.\\r\\n, 3",
        "abcd\\nef\\r\\n.\\r\\n, 7",
        "abcdefghijk, 11", "ab\\r\\nabcdef\\r, 6"})
    void theLongestLineIsMeasuredWithoutLineEndAndStuffedDot(String wire, long longest) {
        byte[] in = bytes(wire);
        for (int split = 0; split <= in.length; split++) {
            decoder.reset();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            feed(in, 0, split, out);
            feed(in, split, in.length - split, out);
            assertThat(decoder.longestLine()).as("split at %d", split).isEqualTo(longest);
        }
    }

    @Test
    void whateverDotStuffingWritesComesBack() {
        long seed = 0x5eed;
        SplittableRandom random = new SplittableRandom(seed);
        byte[] alphabet = bytes("..\\r\\n\\r\\nab\\u00e9");
        for (int round = 0; round < 5_000; round++) {
            byte[] content = new byte[random.nextInt(40)];
            for (int i = 0; i < content.length; i++) {
                content[i] = alphabet[random.nextInt(alphabet.length)];
            }
            ByteArrayOutputStream wire = new ByteArrayOutputStream();
            DotStuffing stuffing = new DotStuffing();
            int cut = random.nextInt(content.length + 1);
            stuffing.encode(content, 0, cut, wire::write);
            stuffing.encode(content, cut, content.length - cut, wire::write);
            stuffing.end(wire::write);
            decoder.reset();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] in = wire.toByteArray();
            assertThat(feed(in, 0, in.length, out)).as("round %d of seed %x", round, seed).isEqualTo(in.length);
            assertThat(decoder.finished()).isTrue();
            String sent = new String(content, ISO_8859_1).replaceAll("\r\n|\r|\n", "\r\n");
            String expected = sent.isEmpty() || sent.endsWith("\r\n") ? sent : sent + "\r\n";
            assertThat(out.toString(ISO_8859_1)).as("round %d of seed %x", round, seed).isEqualTo(expected);
        }
    }

    private String decode(String wire) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] in = bytes(wire);
        feed(in, 0, in.length, out);
        return out.toString(ISO_8859_1);
    }

    private int feed(byte[] in, int offset, int length, ByteArrayOutputStream out) {
        return decoder.finished() || length <= 0 ? 0 : decoder.decode(in, offset, length, out::write);
    }

    private static byte[] bytes(String escaped) {
        return escaped.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")
                .replace("\\u00e9", "\u00e9").replace("\\u00ff", "\u00ff").getBytes(ISO_8859_1);
    }

    @Test
    void ofChunksNothingIsTakenAwayAndNothingEndsThem() {
        String content = ".\\r\\n..a\\r\\n.\\r\\n\\r\\n.";
        byte[] in = bytes(content);
        for (int split = 0; split <= in.length; split++) {
            decoder.resetForChunks();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            assertThat(feed(in, 0, split, out) + feed(in, split, in.length - split, out)).isEqualTo(in.length);
            assertThat(out.toByteArray()).isEqualTo(in);
            assertThat(decoder.finished()).isFalse();
            assertThat(decoder.hasDotLines()).isTrue();
            assertThat(decoder.longestLine()).isEqualTo(3);
            assertThat(decoder.bareCr() || decoder.bareLf()).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({"a\\r\\n, true, false", "a\\r, false, true", "a, false, false", "a\\rb\\r\\n, true, true",
        "a\\n, false, false"})
    void chunksEndWhereTheyEnd(String content, boolean atLineStart, boolean bareCr) {
        decoder.resetForChunks();
        byte[] in = bytes(content);
        feed(in, 0, in.length, new ByteArrayOutputStream());
        decoder.endOfChunks();
        assertThat(decoder.atLineStart()).isEqualTo(atLineStart);
        assertThat(decoder.bareCr()).isEqualTo(bareCr);
    }

    /** Of the same content, whichever way and in whatever pieces it comes. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void chunksAndDataHaveTheSameFindings(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        String[] parts = {"\\r\\n", "\\r\\n.", "\\r", "\\n", "\\0", ".", "x", "a longer line of text", "\u00e4",
            "\\r\\r\\n"};
        for (int round = 0; round < 2000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(12); i > 0; i--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            String content = text + "\\r\\n";
            String wire = (content.startsWith(".") ? "." : "") + content.replace("\\r\\n.", "\\r\\n..") + ".\\r\\n";
            DataDecoder data = new DataDecoder();
            inPieces(data, bytes(wire), random);
            assertThat(data.finished()).as(wire).isTrue();
            DataDecoder chunks = new DataDecoder();
            chunks.resetForChunks();
            inPieces(chunks, bytes(content), random);
            assertThat(findings(chunks)).as(content).isEqualTo(findings(data));
        }
    }

    private static void inPieces(DataDecoder decoder, byte[] in, SplittableRandom random) {
        for (int from = 0; from < in.length;) {
            int length = 1 + random.nextInt(in.length - from);
            assertThat(decoder.decode(in, from, length, (_, _, _) -> {})).isEqualTo(length);
            from += length;
        }
    }

    private static List<Object> findings(DataDecoder decoder) {
        return List.of(decoder.bareCr(), decoder.bareLf(), decoder.hasNul(), decoder.hasDotLines(),
                decoder.hasEightBit(), decoder.longestLine());
    }
}
