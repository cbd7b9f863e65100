package dev.penstock.preflight;

/**
 * What was made of DNS's answers, and how long it holds. Immutable.
 *
 * @param freshUntil of the first of these answers to go stale, by the ticker
 */
record Timed<V>(V value, long freshUntil) {}
