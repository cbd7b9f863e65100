package dev.penstock.smtp;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** Stuffed content comes back as it was, and any input decodes the same in one piece and octet by octet. */
class DataDecoderFuzzTest {
    @FuzzTest(maxDuration = "30s")
    void contentSurvivesStuffingAndDecoding(byte[] content) {
        ByteArrayOutputStream wire = new ByteArrayOutputStream();
        DotStuffing stuffing = new DotStuffing();
        int half = content.length / 2;
        stuffing.encode(content, 0, half, wire::write);
        stuffing.encode(content, half, content.length - half, wire::write);
        stuffing.end(wire::write);
        byte[] decoded = decode(wire.toByteArray(), 7);
        String lines = new String(content, StandardCharsets.ISO_8859_1).replaceAll("\r\n|\r|\n", "\r\n")
                .replace("\0", "");
        String expected = lines.isEmpty() || lines.endsWith("\r\n") ? lines : lines + "\r\n";
        if (!expected.equals(new String(decoded, StandardCharsets.ISO_8859_1))) {
            throw new AssertionError("content changed on the way");
        }
        if (!Arrays.equals(decode(content, content.length), decode(content, 1))) {
            throw new AssertionError("pieces decode differently");
        }
    }

    private static byte[] decode(byte[] wire, int step) {
        DataDecoder decoder = new DataDecoder();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < wire.length && !decoder.finished(); i += step) {
            decoder.decode(wire, i, Math.min(step, wire.length - i), out::write);
        }
        return out.toByteArray();
    }
}
