package dev.penstock.smtp;

import java.time.Instant;

/** HOLDFOR and HOLDUNTIL of MAIL (RFC 4865 5). Immutable. */
public sealed interface Hold {
    record For(long seconds) implements Hold {}

    record Until(Instant time) implements Hold {}
}
