package dev.penstock.routing;

import dev.penstock.config.DnsConfig;

/** How long answers are kept, in nanoseconds. Immutable; pure functions. */
record Freshness(long min, long max, long negative, long failure, long stale) {
    /** Beyond every bound that configuration can set, and far from overflow. */
    private static final long MAX_SECONDS = 10 * 365 * 24 * 3600L;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    static Freshness of(DnsConfig config) {
        return new Freshness(config.minTtl().toNanos(), config.maxTtl().toNanos(), config.negativeTtl().toNanos(),
                config.failureTtl().toNanos(), config.staleTtl().toNanos());
    }

    /** A TTL within the bounds. */
    long positive(long ttlSeconds) {
        return Math.clamp(nanos(ttlSeconds), min, Math.max(min, max));
    }

    /** RFC 2308 5: what the SOA says, within bounds; without a SOA only the least. */
    long negative(long ttlSeconds) {
        return Math.min(negative, ttlSeconds < 0 ? min : Math.max(min, nanos(ttlSeconds)));
    }

    private static long nanos(long seconds) {
        return Math.min(seconds, MAX_SECONDS) * NANOS_PER_SECOND;
    }
}
