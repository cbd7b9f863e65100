package dev.penstock.classification;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes replies that differ in names alone the same: addresses, URLs, hosts, ids and numbers become words in angle
 * brackets. Stateless. What decides over a reply's meaning stays: the code, the status, words, and codes such as
 * {@code (S3150)} or {@code [TSS04]}.
 */
public final class ReplyNormalizer {
    /** Longer ones are cut: nobody reads on. */
    static final int MAX_LENGTH = 200;
    /** In the order in which they are tried at each place; each is linear in what it takes. */
    private static final Pattern NAMES = Pattern.compile(String.join("|",
            "(?<url>\\bhttps?://[^\\s<>\"]++|\\bwww\\.[^\\s<>\"]++)",
            "(?<mail>[^\\s<>()\\[\\],;:\"=@]++@[^\\s<>()\\[\\],;:\"=@]++)",
            "(?<ip>\\b\\d{1,3}(?:\\.\\d{1,3}){3}\\b|(?<![\\w:])(?:[0-9a-fA-F]{1,4}:|:){2,7}[0-9a-fA-F]{0,4}(?![\\w:]))",
            "(?<host>\\b[A-Za-z0-9_](?:[A-Za-z0-9_-]*+\\.){2,}+[A-Za-z][A-Za-z0-9-]*+\\b)",
            // letters and digits mixed, or a long run of digits and hyphens
            "(?<id>(?<![\\w.\\-\\[(#])(?=[\\w.+/=-]{8,})(?=[^\\s\\d]*+\\d)[A-Za-z0-9][\\w.+/=-]{7,})",
            "(?<number>(?<![\\w.\\[(_])\\d++(?![\\w.\\])]))"));

    private ReplyNormalizer() {}

    /** @param text of a reply, without code and status */
    public static String normalize(String text) {
        Matcher names = NAMES.matcher(text.length() > 2 * MAX_LENGTH ? text.substring(0, 2 * MAX_LENGTH) : text);
        StringBuilder normal = new StringBuilder();
        while (names.find()) {
            names.appendReplacement(normal, "<" + name(names) + ">");
        }
        names.appendTail(normal);
        return normal.length() > MAX_LENGTH ? normal.substring(0, MAX_LENGTH) : normal.toString();
    }

    private static String name(Matcher names) {
        for (String name : new String[]{"url", "mail", "ip", "host", "id"}) {
            if (names.group(name) != null) {
                return name;
            }
        }
        return "number";
    }
}
