package dev.penstock.routing;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Names of sites, for people: equal sets of hosts get equal names. Different sets can get the same, by a clash of hashes or
 * by odd characters in a host name, so a name identifies nothing ({@link Sites} keeps them apart). Pure functions.
 */
final class SiteNames {
    /** Long enough for the large providers' sets, short enough for a metric label and a table column. */
    static final int MAX_LENGTH = 100;
    /** A shared suffix of one label ({@code com}) says nothing about who runs the hosts. */
    private static final int MIN_SUFFIX_LABELS = 2;
    /** 40 bits: readable, and a clash by chance needs a million long-named sites; one can be made on purpose. */
    private static final int SHORT_HASH_BYTES = 5;

    private SiteNames() {}

    /**
     * {@code mx.example.net}, {@code (alt1|alt2)?.mx.example.net}, {@code (a.example.net|b.example.org)}.
     *
     * @param sorted without duplicates
     */
    static String of(List<String> sorted) {
        if (sorted.size() == 1) {
            return bounded(sorted.getFirst(), sorted);
        }
        String suffix = commonSuffix(sorted);
        if (suffix.isEmpty()) {
            return bounded("(" + String.join("|", sorted) + ")", sorted);
        }
        List<String> heads = new ArrayList<>(sorted.size());
        boolean suffixAlone = false;
        for (String host : sorted) {
            if (host.length() == suffix.length()) {
                suffixAlone = true;
            } else {
                heads.add(host.substring(0, host.length() - suffix.length() - 1));
            }
        }
        return bounded("(" + String.join("|", heads) + ")" + (suffixAlone ? "?." : ".") + suffix, sorted);
    }

    /** Hosts of a configured route, in their order, as they are written. */
    static String ofRoute(List<String> hosts) {
        return bounded(String.join(",", hosts), hosts);
    }

    private static String bounded(String name, List<String> hosts) {
        if (name.length() <= MAX_LENGTH) {
            return name;
        }
        return withHash(hosts, HexFormat.of().formatHex(digest(String.join(" ", hosts)), 0, SHORT_HASH_BYTES));
    }

    /** With all 256 bits of a hash of the hosts, each behind its length. */
    static String full(List<String> hosts) {
        StringBuilder text = new StringBuilder();
        hosts.forEach(host -> text.append(host.length()).append(' ').append(host));
        return withHash(hosts, HexFormat.of().formatHex(digest(text.toString())));
    }

    private static String withHash(List<String> hosts, String hash) {
        String end = "+" + (hosts.size() - 1) + "~" + hash;
        String first = hosts.getFirst();
        int room = MAX_LENGTH - end.length();
        return (first.length() <= room ? first : first.substring(0, room)) + end;
    }

    private static String commonSuffix(List<String> hosts) {
        String suffix = hosts.getFirst();
        for (String host : hosts) {
            while (!suffix.isEmpty() && !host.equals(suffix) && !host.endsWith("." + suffix)) {
                int dot = suffix.indexOf('.');
                suffix = dot < 0 ? "" : suffix.substring(dot + 1);
            }
        }
        long labels = suffix.chars().filter(c -> c == '.').count() + 1;
        return labels < MIN_SUFFIX_LABELS ? "" : suffix;
    }

    private static byte[] digest(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
