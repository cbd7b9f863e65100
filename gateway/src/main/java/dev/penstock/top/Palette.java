package dev.penstock.top;

import java.util.List;

import org.jline.utils.AttributedStyle;

/**
 * How what is said looks. Immutable.
 *
 * @param colours whether there are any; bold and reversed letters aren't
 */
record Palette(boolean colours) {
    /** Levels of the heat map, {@code 0} for nothing; each of them can be told from its character alone. */
    static final String HEAT = " .:-=+*#%@";
    /** Of the 256 colours of xterm, from blue to red, one for each level above 0. */
    private static final List<Integer> HEAT_COLOURS = List.of(17, 19, 26, 31, 36, 71, 142, 172, 160);

    /** What a text is about. */
    enum Tone {
        PLAIN,
        TITLE,
        FAINT,
        GOOD,
        /** Worth a look. */
        WARN,
        /** Worth it now. */
        BAD,
        CHOSEN
    }

    AttributedStyle style(Tone tone) {
        AttributedStyle plain = AttributedStyle.DEFAULT;
        return switch (tone) {
            case PLAIN -> plain;
            case TITLE -> plain.bold();
            case FAINT -> colours ? plain.foreground(AttributedStyle.BRIGHT + AttributedStyle.BLACK) : plain;
            case GOOD -> colours ? plain.foreground(AttributedStyle.GREEN) : plain;
            case WARN -> colours ? plain.foreground(AttributedStyle.YELLOW) : plain;
            case BAD -> colours ? plain.foreground(AttributedStyle.RED).bold() : plain.bold();
            case CHOSEN -> plain.inverse();
        };
    }

    /** @param level above 0 */
    AttributedStyle heat(int level) {
        return colours
                ? AttributedStyle.DEFAULT.background(HEAT_COLOURS.get(level - 1)).foreground(AttributedStyle.WHITE)
                : AttributedStyle.DEFAULT;
    }
}
