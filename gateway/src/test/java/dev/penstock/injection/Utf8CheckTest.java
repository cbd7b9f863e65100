package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

import org.junit.jupiter.api.Test;

class Utf8CheckTest {
    private static final int LARGEST = 4; // octets of a character
    private static final int FIRSTS = 256;
    private static final int[] SECONDS = {0, 'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff};

    @Test
    void agreesWithTheDecoder() {
        List<String> wrong = new ArrayList<>();
        byte[] octets = new byte[LARGEST];
        for (int i = 0; i < FIRSTS * SECONDS.length; i++) {
            octets[0] = (byte) (i / SECONDS.length);
            octets[1] = (byte) SECONDS[i % SECONDS.length];
            for (int third : new int[]{'a', 0x7f, 0x80, 0xbf, 0xc0, 0xff}) {
                octets[2] = (byte) third;
                for (int fourth : new int[]{'a', 0x80, 0xbf, 0xc2}) {
                    octets[3] = (byte) fourth;
                    // what is cut at the end is for others to find
                    byte[] whole = {octets[0], octets[1], octets[2], octets[3], 'z', 'z', 'z'};
                    if (check(whole) != decodes(whole)) {
                        wrong.add(HexFormat.of().formatHex(octets));
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void charactersMayBeCutBetweenPieces() {
        byte[] text = "aé€𝄞z".getBytes(StandardCharsets.UTF_8);
        Utf8Check check = new Utf8Check();
        for (int i = 0; i < text.length; i++) {
            assertThat(check.accepts(text, i, 1)).isTrue();
        }
        assertThat(check.accepts(new byte[]{(byte) 0xe2, (byte) 0x82}, 0, 2)).isTrue();
        assertThat(check.accepts(new byte[]{'z'}, 0, 1)).isFalse();
    }

    private static boolean check(byte[] octets) {
        return new Utf8Check().accepts(octets, 0, octets.length);
    }

    private static boolean decodes(byte[] octets) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets));
            return true;
        } catch (CharacterCodingException _) {
            return false;
        }
    }
}
