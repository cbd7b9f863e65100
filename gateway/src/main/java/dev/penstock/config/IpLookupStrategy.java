package dev.penstock.config;

/** By which of their addresses MX hosts are connected to; KumoMTA's words (its ip_lookup_strategy). */
public enum IpLookupStrategy {
    IPV4_AND_IPV6,
    IPV4_ONLY,
    IPV6_ONLY,
    /** The IPv6 addresses of a host that has some, of others those of IPv4. */
    IPV6_THEN_IPV4,
    IPV4_THEN_IPV6
}
