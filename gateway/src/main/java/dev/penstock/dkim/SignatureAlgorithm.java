package dev.penstock.dkim;

import org.jspecify.annotations.Nullable;

/** How signatures are made (RFC 6376 3.3.2, RFC 8463 3). */
public enum SignatureAlgorithm {
    RSA_SHA256("rsa-sha256", "rsa"), ED25519_SHA256("ed25519-sha256", "ed25519");

    private final String tag;
    private final String keyType;

    SignatureAlgorithm(String tag, String keyType) {
        this.tag = tag;
        this.keyType = keyType;
    }

    /** As in {@code a=}. */
    public String tag() {
        return tag;
    }

    /** As in {@code k=} of the key's record in the DNS. */
    public String keyType() {
        return keyType;
    }

    /** @return null for another one; rsa-sha1 is one (RFC 8301 3.1) */
    static @Nullable SignatureAlgorithm of(String tag) {
        for (SignatureAlgorithm algorithm : values()) {
            if (algorithm.tag.equalsIgnoreCase(tag)) {
                return algorithm;
            }
        }
        return null;
    }
}
