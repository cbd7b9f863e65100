package dev.penstock.units;

/** What others have said, fit for a terminal or a log. Stateless. */
public final class CleanText {
    private static final char REPLACEMENT = '?';

    private CleanText() {}

    /** On one line, without what others may have said to tell the terminal what to do. */
    public static String of(CharSequence line) {
        return line.chars().map(c -> commands(c) ? REPLACEMENT : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    /** JSON that says the same, with what would tell the terminal what to do escaped; its lines stay. */
    public static String ofJson(String json) {
        if (json.chars().noneMatch(c -> c > ' ' && commands(c))) {
            return json;
        }
        StringBuilder text = new StringBuilder(json.length() + 16);
        json.chars().forEach(c -> {
            if (c > ' ' && commands(c)) { // stands in a string: JSON has no such character elsewhere
                text.append(String.format("\\u%04x", c));
            } else {
                text.append((char) c);
            }
        });
        return text.toString();
    }

    private static boolean commands(int c) {
        return Character.isISOControl(c) || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069;
    }
}
