package dev.penstock.units;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as configuration files write them: {@code 300ms}, {@code 30s}, {@code 5m}, {@code 2h30m}, {@code 5d}. */
public final class Durations {
    private static final long DAYS_OF_WEEK = 7;
    /** Of all parts together: a century, which in nanoseconds can still be added to a clock's. */
    private static final Duration MOST = Duration.ofDays(36_500);
    private static final Pattern PART = Pattern
            .compile(
                    "\\G\\s*(\\d{1,10})\\s*(ms|w(?:eeks?)?|d(?:ays?)?|h(?:(?:ou)?rs?)?|min(?:(?:ute)?s)?|minute|m|s(?:ec(?:ond)?s?)?)");

    private Durations() {}

    /** @throws IllegalArgumentException when {@code text} isn't one or more numbers with a unit each, or is more than a century */
    public static Duration parse(String text) {
        String source = text.strip().toLowerCase(Locale.ROOT);
        Duration sum = Duration.ZERO;
        Matcher matcher = PART.matcher(source);
        int end = 0;
        while (matcher.find()) {
            long number = Long.parseLong(matcher.group(1));
            String unit = matcher.group(2);
            sum = sum.plus(switch (unit.charAt(0)) {
                case 'w' -> Duration.ofDays(Math.multiplyExact(DAYS_OF_WEEK, number));
                case 'd' -> Duration.ofDays(number);
                case 'h' -> Duration.ofHours(number);
                case 's' -> Duration.ofSeconds(number);
                default -> unit.equals("ms") ? Duration.ofMillis(number) : Duration.ofMinutes(number);
            });
            end = matcher.end();
            if (sum.compareTo(MOST) > 0) {
                throw new IllegalArgumentException("too long; allowed: up to " + format(MOST));
            }
        }
        if (source.isEmpty() || end != source.length()) {
            throw new IllegalArgumentException("expected a duration like 300ms, 30s, 5m, 2h30m or 5d");
        }
        return sum;
    }

    /** The shortest text that {@link #parse} reads back as {@code duration} (to the millisecond). */
    public static String format(Duration duration) {
        if (duration.isZero()) {
            return "0s";
        }
        StringBuilder text = new StringBuilder();
        append(text, duration.toDays(), "d");
        append(text, duration.toHoursPart(), "h");
        append(text, duration.toMinutesPart(), "m");
        append(text, duration.toSecondsPart(), "s");
        append(text, duration.toMillisPart(), "ms");
        return text.toString();
    }

    private static void append(StringBuilder text, long number, String unit) {
        if (number != 0) {
            text.append(number).append(unit);
        }
    }
}
