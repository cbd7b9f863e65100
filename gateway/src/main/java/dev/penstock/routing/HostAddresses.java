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
 */
record HostAddresses(List<InetAddress> addresses, DnsAnswer.@Nullable Trouble trouble, long freshUntil) {}
