package dev.penstock.config;

/** Which of a host's addresses is tried first where it has both families (RFC 8305 4, RFC 6724). */
public enum AddressPreference {
    IPV4,
    IPV6,
    /** As the look-up gave them, sometimes one and sometimes the other. */
    NONE
}
