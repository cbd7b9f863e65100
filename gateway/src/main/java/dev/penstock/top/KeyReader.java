package dev.penstock.top;

import java.io.IOException;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.top.Key.Named;

/** Makes keys of what a terminal sends for them. Confined to one thread. */
final class KeyReader {
    /** What {@link Input#read} gives at the end. */
    static final int END = -1;
    /** What {@link Input#read} gives when nothing came in time. */
    static final int NOTHING = -2;
    /** Within which all of a key's characters come, also over a slow line; what comes alone is the key Esc. */
    private static final long ESCAPE_MILLIS = 50;
    /** A wait without an end would keep the terminal from being closed. */
    private static final long WAIT_MILLIS = 10_000;
    /** Longer sequences are nobody's key. */
    private static final int MOST_PARAMETERS = 16;
    private static final int ESCAPE = 0x1b;
    private static final int DELETE = 0x7f;
    private static final int BLANK = ' ';
    private static final char FIRST_FINAL = '@'; // ECMA-48 5.4
    private static final char LAST_FINAL = '~';

    private static final Map<Integer, Named> CONTROLS = Map.of(0x03, Named.INTERRUPT, 0x08, Named.BACKSPACE, 0x09,
            Named.TAB, 0x0a, Named.ENTER, 0x0c, Named.REDRAW, 0x0d, Named.ENTER, 0x15, Named.ERASE_LINE, DELETE,
            Named.BACKSPACE);
    /** After ESC [ and after ESC O. */
    private static final Map<String, Named> SEQUENCES = Map.ofEntries(Map.entry("A", Named.UP),
            Map.entry("B", Named.DOWN), Map.entry("H", Named.HOME), Map.entry("F", Named.END),
            Map.entry("Z", Named.BACK_TAB), Map.entry("M", Named.ENTER), Map.entry("1~", Named.HOME),
            Map.entry("4~", Named.END), Map.entry("5~", Named.PAGE_UP), Map.entry("6~", Named.PAGE_DOWN),
            Map.entry("7~", Named.HOME), Map.entry("8~", Named.END));

    private final Input input;

    /** Where characters come from. */
    @FunctionalInterface
    interface Input {
        /**
         * @param millis how long to wait
         * @return a UTF-16 unit, {@link #END} or {@link #NOTHING}
         */
        int read(long millis) throws IOException;
    }

    KeyReader(Input input) {
        this.input = input;
    }

    /** Waits for the next one. @return null when no more will come */
    @Nullable
    Key next() throws IOException {
        int first = NOTHING;
        while (first == NOTHING) {
            first = input.read(WAIT_MILLIS);
        }
        if (first == END) {
            return null;
        }
        if (first == ESCAPE) {
            return escaped();
        }
        Named control = CONTROLS.get(first);
        if (control != null) {
            return control;
        }
        if (first < BLANK) {
            return Named.OTHER;
        }
        if (Character.isHighSurrogate((char) first)) {
            int second = input.read(ESCAPE_MILLIS);
            return second >= 0 && Character.isLowSurrogate((char) second)
                    ? new Key.Typed(Character.toCodePoint((char) first, (char) second))
                    : Named.OTHER;
        }
        return new Key.Typed(first);
    }

    private Key escaped() throws IOException {
        int kind = input.read(ESCAPE_MILLIS);
        if (kind == NOTHING || kind == END) {
            return Named.ESCAPE;
        }
        if (kind != '[' && kind != 'O') {
            return Named.OTHER; // with Alt
        }
        StringBuilder sequence = new StringBuilder();
        while (sequence.length() <= MOST_PARAMETERS) {
            int next = input.read(ESCAPE_MILLIS);
            if (next < 0) {
                return Named.OTHER;
            }
            sequence.append((char) next);
            if (next >= FIRST_FINAL && next <= LAST_FINAL) {
                return SEQUENCES.getOrDefault(sequence.toString(), Named.OTHER);
            }
        }
        return Named.OTHER;
    }
}
