package dev.penstock.queue;

/**
 * One source at one moment. Immutable.
 *
 * @param ready       destinations that wait for their turn at it
 * @param sessions    that stand or come up
 * @param suspensions of it, or of it towards some receiver
 */
public record SourceStats(long ready, long sessions, long suspensions) {}
