package dev.penstock.config;

import java.util.Locale;

/** How deliveries use TLS towards a host. */
public enum TlsPolicy {
    /** Never. */
    NONE,
    /** When the host offers STARTTLS, whatever its certificate; in clear when it doesn't or the handshake fails. */
    OPPORTUNISTIC,
    /** When the host offers STARTTLS, and then only with a certificate that is good for its name; else in clear. */
    OPPORTUNISTIC_VERIFIED,
    /** Always, whatever the certificate. */
    REQUIRED,
    /** Always, with a certificate that is good for the host's name. */
    VERIFIED,
    /**
     * As the TLSA records of the host say (RFC 7672), where its zone and the one that names it are signed; else as
     * {@link #OPPORTUNISTIC}.
     */
    DANE;

    /** For messages. */
    static final String ALLOWED = "\"opportunistic\", \"opportunistic-verified\", \"none\", \"required\", \"verified\" "
            + "or \"dane\"";

    /** By default, when the host offers it. */
    static ValueType.Plain<TlsPolicy> type() {
        return Types.choice(OPPORTUNISTIC, (table, key, otherwise) -> table.text(key, otherwise, ALLOWED,
                TlsPolicy::parse));
    }

    /** @throws IllegalArgumentException naming what is allowed */
    public static TlsPolicy parse(String text) {
        for (TlsPolicy policy : values()) {
            if (policy.toString().equals(text)) {
                return policy;
            }
        }
        throw new IllegalArgumentException("expected " + ALLOWED);
    }

    /** Whether mail goes in clear to a host that doesn't offer STARTTLS. */
    public boolean isOptional() {
        return this == OPPORTUNISTIC || this == OPPORTUNISTIC_VERIFIED;
    }

    /** Whether a session under TLS needs a certificate that is good for the host's name. */
    public boolean verifies() {
        return this == VERIFIED || this == OPPORTUNISTIC_VERIFIED;
    }

    /** As configuration writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
