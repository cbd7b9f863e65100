package dev.penstock.routing;

import java.util.Locale;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;
import org.xbill.DNS.TextParseException;

/** Domain names between their text and DNS forms. Pure functions. */
final class DomainNames {
    /** RFC 1035 2.3.4: 255 octets on the wire, which is 253 characters of text. */
    private static final int MAX_LENGTH = 253;

    private DomainNames() {}

    /** Letters, digits, hyphens and the underscores that real names contain; never dnsjava's own escapes. */
    static boolean isValid(String domain) {
        return toName(domain) != null;
    }

    /** Lower case, no trailing dot; the same object when it's so already. */
    static String normalize(String domain) {
        String text = domain.endsWith(".") ? domain.substring(0, domain.length() - 1) : domain;
        return text.toLowerCase(Locale.ROOT);
    }

    /** Absolute, so that no search path is ever tried. Null when {@code domain} can't be a host or mail domain. */
    static @Nullable Name toName(String domain) {
        if (domain.isEmpty() || domain.length() > MAX_LENGTH) {
            return null;
        }
        for (int i = 0; i < domain.length(); i++) {
            char c = domain.charAt(i);
            boolean allowed = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
                    || c >= 'A' && c <= 'Z';
            if (!allowed) {
                return null;
            }
        }
        try {
            return Name.fromString(domain, Name.root);
        } catch (TextParseException _) {
            return null; // empty label, or one over 63 octets
        }
    }

    static String text(Name name) {
        return name.toString(true).toLowerCase(Locale.ROOT);
    }
}
