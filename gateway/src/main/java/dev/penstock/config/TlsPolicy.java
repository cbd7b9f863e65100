package dev.penstock.config;

import java.util.Locale;

/** How deliveries use TLS towards a host. */
public enum TlsPolicy {
    /** Never. */
    NONE,
    /** When the host offers STARTTLS, whatever its certificate; in clear when it doesn't or the handshake fails. */
    OPPORTUNISTIC,
    /** Always, whatever the certificate. */
    REQUIRED,
    /** Always, with a certificate that is good for the host's name. */
    VERIFIED;

    /** @throws IllegalArgumentException naming what is allowed */
    public static TlsPolicy parse(String text) {
        for (TlsPolicy policy : values()) {
            if (policy.toString().equals(text)) {
                return policy;
            }
        }
        throw new IllegalArgumentException("expected \"opportunistic\", \"none\", \"required\" or \"verified\"");
    }

    /** As configuration writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
