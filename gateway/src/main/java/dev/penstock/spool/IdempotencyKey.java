package dev.penstock.spool;

/** A client's key, made so by whoever takes it that no two clients share one: 128 bits of a digest. */
public record IdempotencyKey(long high, long low) {}
