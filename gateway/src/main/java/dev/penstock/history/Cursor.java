package dev.penstock.history;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a search goes on: behind this line, which is older. It means something to the index that it came from alone, as long
 * as that isn't made anew.
 *
 * @param born      when that was begun, milliseconds since 1970
 * @param partition of the index
 * @param place     of the block
 * @param line      offset in the log's file of the last line that was seen
 */
public record Cursor(long born, int partition, long place, long line) {
    private static final Pattern FORM = Pattern
            .compile("([0-9a-z]{1,12})-([0-9a-z]{1,6})-([0-9a-z]{1,12})-([0-9a-z]{1,12})");
    private static final int RADIX = 36;

    /** @throws IllegalArgumentException when {@code text} isn't what {@link #toString} makes */
    public static Cursor parse(String text) {
        Matcher parts = FORM.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException(text + " isn't a cursor that a search has given");
        }
        return new Cursor(Long.parseLong(parts.group(1), RADIX), Integer.parseInt(parts.group(2), RADIX),
                Long.parseLong(parts.group(3), RADIX), Long.parseLong(parts.group(4), RADIX));
    }

    @Override
    public String toString() {
        return Long.toString(born, RADIX) + "-" + Integer.toString(partition, RADIX) + "-"
                + Long.toString(place, RADIX) + "-" + Long.toString(line, RADIX);
    }
}
