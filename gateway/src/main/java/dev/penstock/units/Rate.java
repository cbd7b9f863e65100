package dev.penstock.units;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * So many events per period, with the burst that may go at once. Written {@code 100/s}, {@code 6_000/min},
 * {@code 10/30s} or {@code 100/s,max_burst=20}; periods are s, m(in), h(our), d(ay), alone or with a number before
 * them. The burst is 1 unless said: the events are spaced evenly, and there is none at the start.
 *
 * @param count  events per period, at least 1
 * @param period longer than zero, a year at most
 * @param burst  events that may go at once after a pause, at least 1
 */
public record Rate(long count, Duration period, int burst) {
    private static final Duration LONGEST_PERIOD = Duration.ofDays(366);
    private static final Pattern SYNTAX = Pattern.compile(
            "(\\d[\\d_,]{0,14})\\s*/\\s*(\\d{0,6})\\s*(s|sec|second|m|min|minute|h|hr|hour|d|day)(?:\\s*,\\s*max_burst\\s*=\\s*(\\d{1,9}))?");

    public Rate {
        if (count < 1 || burst < 1 || period.isNegative() || period.isZero()) {
            throw new IllegalArgumentException("a rate needs a count, a period and a burst of at least 1");
        }
        if (period.compareTo(LONGEST_PERIOD) > 0) {
            throw new IllegalArgumentException("a rate's period is a year at most");
        }
    }

    /** @throws IllegalArgumentException when {@code text} doesn't follow the class's syntax */
    public static Rate parse(String text) {
        Matcher matcher = SYNTAX.matcher(text.strip().toLowerCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException("expected a rate like 100/s, 6000/min, 10/30s or 100/s,max_burst=20");
        }
        long count = Long.parseLong(matcher.group(1).replaceAll("[_,]", ""));
        long units = matcher.group(2).isEmpty() ? 1 : Long.parseLong(matcher.group(2));
        Duration unit = switch (matcher.group(3).charAt(0)) {
            case 's' -> Duration.ofSeconds(1);
            case 'm' -> Duration.ofMinutes(1);
            case 'h' -> Duration.ofHours(1);
            default -> Duration.ofDays(1);
        };
        int burst = matcher.group(4) == null ? 1 : Integer.parseInt(matcher.group(4));
        return new Rate(count, unit.multipliedBy(units), burst);
    }

    /** Nanoseconds between two evenly spaced events, at least 1. */
    public long intervalNanos() {
        return Math.max(1, period.toNanos() / count);
    }

    @Override
    public String toString() {
        String every = switch (period.toString()) {
            case "PT1S" -> "s";
            case "PT1M" -> "min";
            case "PT1H" -> "h";
            case "PT24H" -> "d";
            default -> period.toSeconds() + "s";
        };
        return count + "/" + every + (burst == 1 ? "" : ",max_burst=" + burst);
    }
}
