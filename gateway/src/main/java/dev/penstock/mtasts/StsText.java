package dev.penstock.mtasts;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.StsPolicy;

/** Reads what domains publish (RFC 8461 3.1, 3.2). Pure functions. */
public final class StsText {
    private static final String VERSION = "STSv1";
    /** The version comes first; semicolons divide. */
    private static final Pattern RECORD = Pattern.compile("v=STSv1[ \\t]*(;.*)");
    private static final Pattern ID = Pattern.compile("id=([0-9A-Za-z]{1,32})");
    /** A year (RFC 8461 3.2). */
    private static final long MAX_AGE = 31_557_600;
    private static final Pattern AGE = Pattern.compile("\\d{1,10}");
    private static final Pattern HOST = Pattern.compile("(?:\\*\\.)?[0-9a-z_-]+(?:\\.[0-9a-z_-]+)*");
    /** Far more than anybody has, and as much as is kept of one. */
    private static final int MAX_HOSTS = 100;

    private StsText() {}

    /**
     * The policy's id.
     *
     * @param texts the TXT records of {@code _mta-sts.DOMAIN}
     * @return null when there isn't exactly one record that says it
     */
    static @Nullable String id(List<String> texts) {
        List<String> records = texts.stream().map(RECORD::matcher).filter(Matcher::matches).map(found -> found.group(1))
                .toList();
        if (records.size() != 1) {
            return null;
        }
        for (String field : records.getFirst().split(";", -1)) {
            Matcher id = ID.matcher(field.strip());
            if (id.matches()) {
                return id.group(1);
            }
        }
        return null;
    }

    /**
     * The policy.
     *
     * @param body as it was fetched
     * @throws IllegalArgumentException saying what is wrong with it
     */
    static Published policy(String body) {
        String version = null;
        String mode = null;
        String age = null;
        List<String> hosts = new ArrayList<>();
        for (String line : body.split("\r?\n", -1)) {
            int colon = line.indexOf(':');
            if (colon < 0) {
                if (line.isBlank()) {
                    continue;
                }
                throw new IllegalArgumentException("a line without a colon");
            }
            String value = line.substring(colon + 1).strip();
            switch (line.substring(0, colon).strip()) { // of repeated keys but mx the first counts
                case "version" -> version = version == null ? value : version;
                case "mode" -> mode = mode == null ? value : mode;
                case "max_age" -> age = age == null ? value : age;
                case "mx" -> hosts.add(host(value));
                default -> {
                    // RFC 8461 3.2: others are for later versions
                }
            }
        }
        if (!VERSION.equals(version)) {
            throw new IllegalArgumentException("no version: " + VERSION);
        }
        if (age == null || !AGE.matcher(age).matches() || Long.parseLong(age) > MAX_AGE) {
            throw new IllegalArgumentException("no max_age from 0 to " + MAX_AGE);
        }
        if (hosts.size() > MAX_HOSTS) {
            throw new IllegalArgumentException("more than " + MAX_HOSTS + " mx");
        }
        StsPolicy.Mode kept = switch (mode) {
            case "enforce" -> StsPolicy.Mode.ENFORCE;
            case "testing" -> StsPolicy.Mode.TESTING;
            case "none" -> null;
            case null, default -> throw new IllegalArgumentException("no mode that is known");
        };
        if (kept != null && hosts.isEmpty()) {
            throw new IllegalArgumentException("no mx");
        }
        return new Published(kept == null ? null : new StsPolicy(kept, hosts), Long.parseLong(age));
    }

    private static String host(String value) {
        String host = value.toLowerCase(Locale.ROOT);
        if (!HOST.matcher(host).matches()) {
            throw new IllegalArgumentException("an mx that is no host name");
        }
        return host;
    }

    /**
     * What was published.
     *
     * @param policy null for mode {@code none}
     */
    public record Published(@Nullable StsPolicy policy, long maxAgeSeconds) {}
}
