package dev.penstock.top;

import java.util.ArrayList;
import java.util.List;

import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;
import org.jline.utils.WCWidth;

import dev.penstock.top.Palette.Tone;
import dev.penstock.units.CleanText;

/**
 * A line of the screen that is being made: never wider than it may be, and without what others may have said to tell the
 * terminal what to do. Confined to one thread.
 */
final class Line {
    private static final char MORE = '…';
    private static final String INDENT = "    ";

    private final int width;
    private final Palette palette;
    private final AttributedStringBuilder text = new AttributedStringBuilder();
    private int used;

    /** @param width columns at most */
    Line(int width, Palette palette) {
        this.width = width;
        this.palette = palette;
    }

    /** What still fits of it. */
    Line add(String said, Tone tone) {
        return add(said, palette.style(tone));
    }

    Line add(String said) {
        return add(said, Tone.PLAIN);
    }

    Line add(String said, AttributedStyle style) {
        String fits = beginning(CleanText.of(said), width - used);
        text.append(fits, style);
        used += columns(fits);
        return this;
    }

    /** In so many columns; what is longer ends with a mark. */
    Line cell(String said, int columns, boolean right, Tone tone) {
        String fits = cut(CleanText.of(said), columns);
        String blanks = " ".repeat(Math.max(0, columns - columns(fits)));
        return right ? add(blanks).add(fits, tone) : add(fits, tone).add(blanks);
    }

    int used() {
        return used;
    }

    AttributedString done() {
        return text.toAttributedString();
    }

    /** At most so wide; what is longer ends with a mark. */
    private static String cut(String clean, int columns) {
        return columns(clean) <= columns ? clean : columns <= 0 ? "" : beginning(clean, columns - 1) + MORE;
    }

    /** In lines that are at most so wide, all but the first a bit to the right; broken at blanks where there are some. */
    static List<String> wrapped(String said, int columns) {
        List<String> lines = new ArrayList<>();
        String rest = CleanText.of(said);
        while (columns > 2 * INDENT.length() && columns(rest) > columns) {
            String fits = beginning(rest, columns);
            int blank = fits.lastIndexOf(' ');
            String line = blank > columns / 2 ? fits.substring(0, blank) : fits;
            lines.add(line);
            rest = INDENT + rest.substring(line.length()).stripLeading();
        }
        lines.add(rest);
        return lines;
    }

    private static String beginning(String clean, int columns) {
        int end = 0;
        int taken = 0;
        while (end < clean.length()) {
            int character = clean.codePointAt(end);
            taken += width(character);
            if (taken > columns) {
                break;
            }
            end += Character.charCount(character);
        }
        return clean.substring(0, end);
    }

    /** That a terminal shows it in. */
    static int columns(String said) {
        return CleanText.of(said).codePoints().map(Line::width).sum();
    }

    private static int width(int character) {
        return Math.max(0, WCWidth.wcwidth(character));
    }
}
