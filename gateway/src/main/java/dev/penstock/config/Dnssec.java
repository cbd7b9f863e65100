package dev.penstock.config;

/** Whose word it is that a DNS answer is signed. */
public enum Dnssec {
    /** Nobody's. */
    OFF,
    /** That of the servers asked, on this machine: their AD bit (RFC 6840 5.7). */
    TRUST_RESOLVER,
    /** Our own, from a trust anchor on (RFC 4035). */
    VALIDATE
}
