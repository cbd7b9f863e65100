package dev.penstock.queue;

/**
 * What tenants were refused since start, commands and messages alike, and how many of them are known now.
 *
 * @param beyondLimit  because of their queue-limit
 * @param beyondOctets because of their queue-octets
 * @param beyondRate   because of their accept-rate
 * @param known        that have mail queued, or lately had
 */
public record TenantStats(long beyondLimit, long beyondOctets, long beyondRate, long known) {}
