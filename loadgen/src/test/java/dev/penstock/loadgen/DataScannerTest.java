package dev.penstock.loadgen;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

class DataScannerTest {
    private static final List<String> PIECES = List.of("\r\n", "\r\n..", "\r\n. ", "\r", "\n", "\n.", "\n.\n", "\r.\r",
            "\r\n..\r", ".", "..", "text without an end in sight", "a");

    private record Scanned(String content, int end) {}

    @Test
    void endsOnlyAtCrLfDotCrLf() {
        String wire = "a\n.\nb\r.\rc\n.\r\nd\r\n..e\r\n.\r\nNEXT";
        assertThat(scan(wire, 1000))
                .isEqualTo(new Scanned("a\n.\nb\r.\rc\n.\r\nd\r\n.e\r\n", wire.indexOf("NEXT")));
        assertThat(scan(".\r\n", 1000)).isEqualTo(new Scanned("", 3));
        assertThat(scan("..\r\n.\r\n", 1000)).isEqualTo(new Scanned(".\r\n", 7));
    }

    @Test
    void givesTheSameWhereverTheInputIsCut() {
        for (long seed = 0; seed < 300; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            StringBuilder message = new StringBuilder();
            for (int i = random.nextInt(20); i >= 0; i--) {
                message.append(PIECES.get(random.nextInt(PIECES.size())));
            }
            String wire = message.append("\r\n.\r\nNEXT\r\n").toString();
            Scanned whole = scan(wire, wire.length());
            for (int cut = 1; cut < Math.min(wire.length(), 40); cut++) {
                assertThat(scan(wire, cut)).as("seed %d, pieces of %d", seed, cut).isEqualTo(whole);
            }
        }
    }

    private static Scanned scan(String wire, int pieces) {
        byte[] bytes = wire.getBytes(StandardCharsets.ISO_8859_1);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        DataScanner scanner = new DataScanner();
        for (int from = 0; from < bytes.length; from += pieces) {
            int end = scanner.scan(bytes, from, Math.min(bytes.length, from + pieces), content::write);
            if (end >= 0) {
                return new Scanned(content.toString(StandardCharsets.ISO_8859_1), end);
            }
        }
        return new Scanned(content.toString(StandardCharsets.ISO_8859_1), -1);
    }
}
