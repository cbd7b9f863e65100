package dev.penstock.migration;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

import dev.penstock.units.Durations;
import dev.penstock.units.Networks;
import dev.penstock.units.Rate;

/** Reads values of other servers' files and writes them as TOML. Stateless; what can't be read throws {@link IllegalArgumentException}. */
final class Values {
    /** As the shaping file's largest count. */
    static final int MOST = 1_000_000;
    /** As delivery.max-recipients-per-transaction's largest. */
    static final int MOST_RECIPIENTS = 50_000;
    private static final String UNLIMITED = "unlimited";
    private static final int MAX_DIGITS = 9;
    private static final int LONGEST_NAME = 64; // PoolReader
    private static final Duration LONGEST_WAIT = Duration.ofHours(1);

    private Values() {}

    /** @param unlimited what stands for no limit */
    static int count(String text, int unlimited) {
        if (text.equalsIgnoreCase(UNLIMITED)) {
            return unlimited;
        }
        if (!text.matches("\\d{1," + MAX_DIGITS + "}")) {
            throw new IllegalArgumentException("expected a whole number, or \"" + UNLIMITED + "\"");
        }
        int number = Integer.parseInt(text);
        return number == 0 ? unlimited : Math.min(number, unlimited);
    }

    /** PowerMTA's {@code 100/h}, {@code 10/30s}. */
    static String rate(String text) {
        return text.equalsIgnoreCase(UNLIMITED) ? "none" : Rate.parse(text).toString();
    }

    /** Seconds where no unit is said. */
    static Duration time(String text) {
        return Durations.parse(text.matches("\\d{1," + MAX_DIGITS + "}") ? text + "s" : text);
    }

    /** For a phase of a session, of which no reader takes more than an hour. */
    static Duration wait(String text) {
        Duration time = time(text);
        if (time.compareTo(LONGEST_WAIT) > 0) {
            throw new IllegalArgumentException("is too long; allowed: " + Durations.format(LONGEST_WAIT) + " at most");
        }
        return time;
    }

    static boolean flag(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "yes", "true", "on", "1" -> true;
            case "no", "false", "off", "0" -> false;
            default -> throw new IllegalArgumentException("expected yes or no");
        };
    }

    /** A network or an address. */
    static String network(String text) {
        try {
            Networks.parse(List.of(text));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(text + " is no address or network like 192.0.2.1 or 10.0.0.0/8", e);
        }
        return text;
    }

    /** The name of a source or pool as it may be here. */
    static String name(String text) {
        String name = text.replaceAll("[^A-Za-z0-9._-]", "-").replaceFirst("^[^A-Za-z0-9]+", "");
        if (name.isEmpty()) {
            throw new IllegalArgumentException("expected a name with a letter or a digit in it");
        }
        return name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) : name;
    }
}
