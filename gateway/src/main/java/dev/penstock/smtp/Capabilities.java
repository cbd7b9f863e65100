package dev.penstock.smtp;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a server offers in its answer to EHLO (RFC 5321 4.1.1.1). Immutable.
 *
 * @param keywords upper case, with their parameters as one string, empty when there are none
 */
public record Capabilities(Map<String, String> keywords) {
    public static final String PIPELINING = "PIPELINING"; // RFC 2920
    public static final String SIZE = "SIZE"; // RFC 1870
    public static final String EIGHT_BIT_MIME = "8BITMIME"; // RFC 6152
    public static final String ENHANCED_STATUS_CODES = "ENHANCEDSTATUSCODES"; // RFC 2034
    public static final String SMTPUTF8 = "SMTPUTF8"; // RFC 6531
    public static final String CHUNKING = "CHUNKING"; // RFC 3030
    public static final String DSN = "DSN"; // RFC 3461
    public static final String STARTTLS = "STARTTLS"; // RFC 3207
    public static final String AUTH = "AUTH"; // RFC 4954
    public static final String BINARYMIME = "BINARYMIME"; // RFC 3030
    public static final String LIMITS = "LIMITS"; // RFC 9422
    public static final String REQUIRETLS = "REQUIRETLS"; // RFC 8689
    public static final String FUTURERELEASE = "FUTURERELEASE"; // RFC 4865
    public static final String DELIVERBY = "DELIVERBY"; // RFC 2852
    public static final String XCLIENT = "XCLIENT"; // Postfix XCLIENT_README
    public static final String HELP = "HELP"; // RFC 5321 4.1.1.8

    /** What a server offers that only knows HELO. */
    public static final Capabilities NONE = new Capabilities(Map.of());

    public Capabilities {
        keywords = Map.copyOf(keywords);
    }

    /** Reads a positive answer to EHLO; its first line is the server's greeting. */
    public static Capabilities parse(Reply ehlo) {
        List<String> lines = ehlo.lines();
        Map<String, String> keywords = new HashMap<>();
        for (String line : lines.subList(1, lines.size())) {
            String text = line.strip();
            int end = 0;
            while (end < text.length() && text.charAt(end) != ' ' && text.charAt(end) != '=') { // AUTH=LOGIN is of old
                end++;
            }
            if (end > 0) {
                String parameters = end < text.length() ? text.substring(end + 1).strip() : "";
                keywords.merge(text.substring(0, end).toUpperCase(Locale.ROOT), parameters,
                        (a, b) -> a.equals(b) ? a : (a + " " + b).strip());
            }
        }
        return new Capabilities(keywords);
    }

    public boolean has(String keyword) {
        return keywords.containsKey(keyword);
    }

    /** A limit of LIMITS (RFC 9422 3), {@link Integer#MAX_VALUE} when the server told none above zero. */
    public int limit(String name) {
        String text = keywords.getOrDefault(LIMITS, "");
        for (String limit : text.isEmpty() ? new String[0] : text.split(" +", -1)) {
            if (limit.regionMatches(true, 0, name + "=", 0, name.length() + 1)) {
                long value = number(limit.substring(name.length() + 1));
                return value > 0 && value < Integer.MAX_VALUE ? (int) value : Integer.MAX_VALUE;
            }
        }
        return Integer.MAX_VALUE;
    }

    /** Seconds a message must have left at least (RFC 2852 3); 0 when the server told none. */
    public long minimumDeliverBy() {
        return number(keywords.getOrDefault(DELIVERBY, ""));
    }

    /** Octets the server takes at most (RFC 1870 4); 0 when it told none. */
    public long size() {
        return number(keywords.getOrDefault(SIZE, ""));
    }

    /** @return 0 when it is none */
    private static long number(String value) {
        if (value.isEmpty() || value.length() > 18 || !value.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return 0;
        }
        return Long.parseLong(value);
    }
}
