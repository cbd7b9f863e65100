package dev.penstock.top;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.top.Key.Named;

/** What terminals send, as xterm, rxvt, the Linux console and tmux do. */
class KeyReaderTest {
    private static final char PAUSE = '\0';

    /** @param sent with {@link #PAUSE} where nothing comes for a while */
    private static List<Key> keys(String sent) throws IOException {
        int[] at = {0};
        KeyReader reader = new KeyReader(_ -> {
            if (at[0] == sent.length()) {
                return KeyReader.END;
            }
            char next = sent.charAt(at[0]++);
            return next == PAUSE ? KeyReader.NOTHING : next;
        });
        List<Key> keys = new ArrayList<>();
        for (Key key = reader.next(); key != null; key = reader.next()) {
            keys.add(key);
        }
        return keys;
    }

    @Test
    void charactersAreThemselvesAlsoBeyondTheBasicPlane() throws IOException {
        assertThat(keys("aß€" + Character.toString(0x1f4e8) + "/")).containsExactly(Key.typed('a'), Key.typed('ß'),
                Key.typed('€'), new Key.Typed(0x1f4e8), Key.typed('/'));
    }

    @Test
    void sequencesAreKeys() throws IOException {
        assertThat(keys("\u001b[A\u001bOB\u001b[5~\u001b[6~\u001b[H\u001bOF\u001b[1~\u001b[4~\u001b[Z\t\r\u007f\b"))
                .containsExactly(Named.UP, Named.DOWN, Named.PAGE_UP, Named.PAGE_DOWN, Named.HOME, Named.END,
                        Named.HOME, Named.END, Named.BACK_TAB, Named.TAB, Named.ENTER, Named.BACKSPACE,
                        Named.BACKSPACE);
        assertThat(keys("\u0003\u0015\f")).containsExactly(Named.INTERRUPT, Named.ERASE_LINE, Named.REDRAW);
    }

    @Test
    void escapeIsWhatComesAloneAndAWaitIsNoEnd() throws IOException {
        assertThat(keys(PAUSE + "\u001b" + PAUSE + "q")).containsExactly(Named.ESCAPE, Key.typed('q'));
        assertThat(keys("\u001b")).containsExactly(Named.ESCAPE);
    }

    /** An answer of the terminal's, a key with Alt, the mouse: none of its characters is a command. */
    @Test
    void whatMeansNothingIsOneKeyThatDoesNothing() throws IOException {
        assertThat(keys("\u001b[?62;22c\u001bq\u001b[1;5A\u0001")).containsExactly(Named.OTHER, Named.OTHER,
                Named.OTHER, Named.OTHER);
        String endless = "\u001b[" + "1;".repeat(500);
        assertThat(keys(endless)).startsWith(Named.OTHER);
        char[] lone = {'\ud83d'};
        assertThat(keys(new String(lone) + PAUSE + "q")).isEqualTo(Arrays.asList(Named.OTHER, Key.typed('q')));
    }
}
