package dev.penstock.config;

import java.util.Locale;

/** Names in certificates as they are compared. Stateless. */
public final class CertificateName {
    private CertificateName() {}

    /** Lower case; but in a URI letter case counts (RFC 3986 6.2.2.1). */
    public static String comparable(String name) {
        return name.contains("://") ? name : name.toLowerCase(Locale.ROOT);
    }
}
