package dev.penstock.routing;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;

/**
 * Names for sets of hosts: equal sets get equal names, different sets different ones. Pure functions.
 *
 * <p>Order and preference are ignored: what limits protect is the group of machines, and two domains that rank the same
 * machines differently still share them.
 */
final class SiteNames {
    /** Long enough for the large providers' sets, short enough for a metric label and a table column. */
    static final int MAX_LENGTH = 100;
    /** A shared suffix of one label ({@code com}) says nothing about who runs the hosts. */
    private static final int MIN_SUFFIX_LABELS = 2;
    /** 40 bits: a clash needs a million long-named sites. */
    private static final int HASH_BYTES = 5;

    private SiteNames() {}

    /** {@code mx.example.net}, {@code (alt1|alt2)?.mx.example.net}, {@code (a.example.net|b.example.org)}. */
    static String of(Collection<String> hosts) {
        List<String> sorted = List.copyOf(new TreeSet<>(hosts));
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
        String end = "+" + (hosts.size() - 1) + "~" + hash(String.join(" ", hosts));
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

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, HASH_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
