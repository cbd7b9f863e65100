package dev.penstock.config;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What makes a domain a provider's. Immutable.
 *
 * @param kind what is compared
 * @param text lower case, without a trailing dot
 */
public record ProviderMatch(Kind kind, String text) {
    /** Each named by its key; KumoMTA's words (docs/reference/kumo.shaping/load.md). */
    public enum Kind {
        /** The name of an MX host. */
        HOST_NAME("HostName"),
        /** The end of the recipients' domain. */
        DOMAIN_SUFFIX("DomainSuffix"),
        /** The end of an MX host's name. */
        MX_SUFFIX("MXSuffix");

        private final String key;

        Kind(String key) {
            this.key = key;
        }

        public String key() {
            return key;
        }
    }

    static final Pattern NAME = Pattern.compile("[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?");
    static final Pattern SUFFIX = Pattern.compile("[a-z0-9_.-]*[a-z0-9_]");
    private static final int MAX_LENGTH = 253; // RFC 1035 2.3.4: 255 octets on the wire

    /** @throws IllegalArgumentException saying what was expected */
    static ProviderMatch parse(Kind kind, String written) {
        String text = written.toLowerCase(Locale.ROOT);
        text = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        boolean whole = kind == Kind.HOST_NAME;
        if (!(whole ? NAME : SUFFIX).matcher(text).matches() || text.length() > MAX_LENGTH || text.contains("..")) {
            throw new IllegalArgumentException(whole
                    ? "expected the name of a host, like \"mx1.example.net\""
                    : "expected the end of a name in ASCII, like \".example.net\"");
        }
        return new ProviderMatch(kind, text);
    }

    /** As the file has it. */
    @Override
    public String toString() {
        return "{" + kind.key() + " = \"" + text + "\"}";
    }
}
