package dev.penstock.mtasts;

/**
 * Of the policies of domains.
 *
 * @param fetched  policies that were fetched
 * @param failures policies that couldn't be had
 * @param policies domains with a policy that holds now
 */
public record StsStats(long fetched, long failures, long policies) {}
