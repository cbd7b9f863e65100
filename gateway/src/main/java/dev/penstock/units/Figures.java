package dev.penstock.units;

import java.time.Duration;
import java.util.Locale;

/** Figures as people read them in a table. Stateless. */
public final class Figures {
    private static final int HUNDRED = 100;
    private static final long OCTETS_PER_KB = 1024;

    private Figures() {}

    /** {@code 12,345}. */
    public static String number(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** {@code 25.0%} of 0.25. */
    public static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f%%", HUNDRED * share);
    }

    /** {@code 4K}, {@code 50M}: rounded up below a megabyte, and down from there on. */
    public static String octets(long octets) {
        return octets < OCTETS_PER_KB * OCTETS_PER_KB
                ? Math.ceilDiv(octets, OCTETS_PER_KB) + "K"
                : String.format(Locale.ROOT, "%,dM", octets / (OCTETS_PER_KB * OCTETS_PER_KB));
    }

    /** The two largest units: {@code 2d3h}, {@code 5m10s}; {@code 0s} for what is over. */
    public static String time(Duration time) {
        if (time.compareTo(Duration.ofSeconds(1)) < 0) {
            return "0s";
        }
        if (time.toDays() > 0) {
            return two(time.toDays(), "d", time.toHoursPart(), "h");
        }
        if (time.toHours() > 0) {
            return two(time.toHours(), "h", time.toMinutesPart(), "m");
        }
        return time.toMinutes() > 0
                ? two(time.toMinutes(), "m", time.toSecondsPart(), "s")
                : time.toSeconds() + "s";
    }

    private static String two(long large, String unit, long small, String smallUnit) {
        return large + unit + (small == 0 ? "" : small + smallUnit);
    }
}
