package dev.penstock.preflight;

import java.util.Set;

/**
 * A DKIM signature that a message has, or will have been given when it leaves (RFC 6376 3.5).
 *
 * @param domain    {@code d=}, lower case
 * @param selector  {@code s=}, lower case
 * @param algorithm {@code a=}, lower case, like {@code rsa-sha256}
 * @param signed    {@code h=}, lower case names
 */
public record SignatureFacts(String domain, String selector, String algorithm, Set<String> signed) {
    /** RFC 8463. */
    private static final String ED25519 = "ed25519-sha256";

    public SignatureFacts {
        signed = Set.copyOf(signed);
    }

    /** Where its key stands. */
    String keyName() {
        return selector + "._domainkey." + domain;
    }

    boolean isEd25519() {
        return algorithm.equals(ED25519);
    }
}
