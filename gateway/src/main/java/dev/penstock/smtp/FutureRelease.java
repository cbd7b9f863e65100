package dev.penstock.smtp;

import java.time.Instant;

/** HOLDFOR and HOLDUNTIL of MAIL (RFC 4865 5). Immutable. */
public sealed interface FutureRelease {
    record For(long seconds) implements FutureRelease {}

    record Until(Instant time) implements FutureRelease {}
}
