package dev.penstock.delivery;

import java.util.regex.Pattern;

/**
 * Tells from its text whether a refusal is about how many sessions a host has with us, or how fast we open them. Pure.
 *
 * <p>No code says it: it comes as 421, 450, 451, 452, 521 and 554, with X.3.2, X.4.5, X.7.0, X.7.1, X.7.652 or no
 * enhanced status, so the words have to. They are those of the common mail servers and the large receivers;
 * {@code ConnectionRefusalsTest} has each with its source. Limits on the messages, recipients, errors or time of one
 * session are other matters.
 */
final class ConnectionRefusals {
    /** What is said of connections without changing what is counted. */
    private static final String KIND = "(?:(?:smtp|tcp|tls|client|server|inbound|incoming|allowed|permitted|new|active"
            + "|open(?:ed)?|concurrent|simultaneous|parallel)\\W+)*+";
    private static final String CONNECTIONS = KIND + "(?:connections|sessions|connected clients)\\b";

    private static final Pattern WORDS = Pattern.compile(String.join("|",
            "\\btoo many\\W+" + CONNECTIONS,
            "\\bno more\\W+" + CONNECTIONS,
            "\\b(?:max|maximum|excessive)\\W+" + CONNECTIONS,
            "\\bnumber of\\W+" + CONNECTIONS,
            "\\b(?:concurrent|simultaneous|parallel)\\W+" + KIND + "(?:connection|session)s?\\b",
            "(?<!\\bper\\W)\\bconnection (?:rate |frequency )?limit", // "messages per connection limit" is another
            "\\bconcurrency limit",
            "\\bconnections \\d++ exceed", // smtpf
            "\\bports are busy\\b", // Postfix's postscreen, and its kin
            "\\btrop de connexions\\b", // Orange
            "\\bHL:ICC\\b", // NetEase: "IP concurrent connections"
            "\\bAUP#CXCNCT\\b"), // Cox
            Pattern.CASE_INSENSITIVE);

    private ConnectionRefusals() {}

    /** @param text of a 4xx or 5xx reply, without its code, the lines joined by a space */
    static boolean isOne(String text) {
        return WORDS.matcher(text).find();
    }
}
