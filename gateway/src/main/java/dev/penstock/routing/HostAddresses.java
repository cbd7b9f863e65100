package dev.penstock.routing;

import java.net.InetAddress;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * The addresses of one mail host. Immutable.
 *
 * @param addresses  usable ones, IPv4 first; empty when the host has none or nothing is known
 * @param trouble    why nothing is known; null when the answer is certain
 * @param freshUntil by the cache's ticker
 * @param secure     whether what led to them is signed
 */
record HostAddresses(List<InetAddress> addresses, DnsAnswer.@Nullable Trouble trouble, long freshUntil,
        boolean secure) {
    private static final int OVERHEAD = 200; // octets: the entry of the cache, its future and this
    private static final int ADDRESS = 88; // an IPv6 one

    /** What this and its place in a cache take, octets. */
    int weight(String host) {
        return OVERHEAD + host.length() + ADDRESS * addresses.size() + (trouble == null ? 0 : trouble.why().length());
    }
}
