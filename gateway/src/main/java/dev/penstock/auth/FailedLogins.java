package dev.penstock.auth;

import java.net.InetAddress;
import java.time.Duration;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import dev.penstock.callout.LogPace;
import dev.penstock.units.ClientKey;

/**
 * Paces the log lines of failed logins: one a second for each client (one address, or one /64 of IPv6), so that whoever
 * bans clients by them finds each, and so many a second in all. Thread-safe.
 */
public final class FailedLogins {
    /** Instead of a count: not now. */
    public static final long NOT_NOW = LogPace.NOT_NOW;
    /** Lines a second, of all clients together. */
    static final int MAX_LINES = 100;

    private static final int IPV6_PREFIX = 64; // what one site is given: RFC 6177
    private static final int MAX_CLIENTS = 10_000;
    private static final Duration REMEMBERED = Duration.ofMinutes(10); // the usual findtime of fail2ban
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    private final LongSupplier nanoTime;
    private final Cache<ClientKey, LogPace> clients;
    private long secondBegan; // guarded by this, and so are the next two
    private int lines;
    private long kept;

    public FailedLogins() {
        this(System::nanoTime);
    }

    FailedLogins(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.secondBegan = nanoTime.getAsLong();
        this.clients = Caffeine.newBuilder().maximumSize(MAX_CLIENTS).expireAfterAccess(REMEMBERED)
                .ticker(nanoTime::getAsLong).build();
    }

    /**
     * Of one more that failed.
     *
     * @return how many were kept back since the last line, of this client or because there were too many lines, or
     *         {@link #NOT_NOW} to keep this one back
     */
    public long turn(InetAddress client) {
        long ofClient = clients.get(ClientKey.of(client, Integer.SIZE, IPV6_PREFIX), _ -> new LogPace(nanoTime)).turn();
        return ofClient == NOT_NOW ? NOT_NOW : inAll(ofClient);
    }

    private synchronized long inAll(long ofClient) {
        long now = nanoTime.getAsLong();
        if (now - secondBegan >= SECOND) {
            secondBegan = now;
            lines = 0;
        }
        if (lines == MAX_LINES) {
            kept += 1 + ofClient;
            return NOT_NOW;
        }
        lines++;
        long all = ofClient + kept;
        kept = 0;
        return all;
    }
}
