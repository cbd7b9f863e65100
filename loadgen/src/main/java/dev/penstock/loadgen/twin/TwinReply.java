package dev.penstock.loadgen.twin;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a receiver says. Immutable.
 *
 * @param code   200 to 599
 * @param status {@code 4.7.650}; empty where it says none
 * @param closes whether it closes the connection behind it
 */
public record TwinReply(int code, String status, String text, boolean closes) {
    private static final Pattern SYNTAX = Pattern.compile("([2-5]\\d\\d)(?: ([245]\\.\\d{1,3}\\.\\d{1,3}))? (\\S.*)");
    /** RFC 5321 4.2.2: the service closes the channel. */
    private static final int CLOSING = 421;

    /**
     * Reads {@code 451 4.7.650 text}; one with 421 closes the connection (RFC 5321 3.8).
     *
     * @throws IllegalArgumentException when it isn't one
     */
    static TwinReply parse(String line) {
        Matcher matcher = SYNTAX.matcher(line);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("expected a reply like \"451 4.7.1 Try again later\"");
        }
        int code = Integer.parseInt(matcher.group(1));
        String status = matcher.group(2) == null ? "" : matcher.group(2);
        return new TwinReply(code, status, matcher.group(3), code == CLOSING);
    }

    public boolean isPositive() {
        return code < 400;
    }

    /** 5xx. */
    public boolean isPermanent() {
        return code >= 500;
    }

    /** {@code 451 4.7.650 text}, without a line end. */
    public String line() {
        return code + " " + (status.isEmpty() ? "" : status + " ") + text;
    }
}
