package dev.penstock.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * An MTA-STS policy (RFC 8461 3.2). Immutable; equal when it asks the same of deliveries.
 *
 * @param mode never {@code none}, which is no policy
 * @param mx   patterns of host names, lower case: a name, or {@code *.} and a name; at least one
 */
public record StsPolicy(Mode mode, List<String> mx) {
    private static final String WILDCARD = "*.";

    /** What a failure leads to. */
    public enum Mode {
        /** Mail is sent all the same. */
        TESTING,
        /** Mail isn't sent. */
        ENFORCE;

        /** As the policy writes it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public StsPolicy {
        mx = List.copyOf(mx);
    }

    /** Whether a host of this name may take the domain's mail (RFC 8461 4.1): an asterisk is one whole label. */
    public boolean admits(String host) {
        String name = DomainNames.normalize(host);
        int dot = name.indexOf('.');
        for (String pattern : mx) {
            if (pattern.equals(name) || pattern.startsWith(WILDCARD) && dot > 0
                    && name.substring(dot + 1).equals(pattern.substring(WILDCARD.length()))) {
                return true;
            }
        }
        return false;
    }

    /** The lines that say it, for reports (RFC 8460 4.4). */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(List.of("version: STSv1", "mode: " + mode));
        mx.forEach(pattern -> lines.add("mx: " + pattern));
        return lines;
    }
}
