package dev.penstock.metrics;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.meters.MemoryAccount;

/**
 * Tells when an account of memory is nearly used up, and when it isn't any more. Confined to the {@link Watch}'s thread.
 */
public final class MemoryWatch {
    private static final Logger log = LoggerFactory.getLogger(MemoryWatch.class);
    private static final long MEGABYTE = 1 << 20;
    private static final int ALL = 100;
    /** Percent of a limit at which it is told. */
    static final int NEAR = 90;
    /** Below which it is over: well below, so that an account that stays near its limit is told once. */
    static final int OVER = 75;

    private final List<MemoryAccount> accounts;
    private final Set<String> near = new HashSet<>();

    /** @param accounts whose limit somebody feels: not those of caches, which are full when they are of use */
    public MemoryWatch(List<MemoryAccount> accounts) {
        this.accounts = List.copyOf(accounts);
    }

    public void look() {
        for (MemoryAccount account : accounts) {
            long used = account.used().getAsLong();
            long limit = account.limit().getAsLong();
            if (used >= limit / ALL * NEAR) {
                if (near.add(account.name())) {
                    log.warn("event=memory-near-limit account={} megabytes={} limit={}", account.name(),
                            used / MEGABYTE, limit / MEGABYTE);
                }
            } else if (used < limit / ALL * OVER && near.remove(account.name())) {
                log.info("event=memory-near-limit-over account={} megabytes={} limit={}", account.name(),
                        used / MEGABYTE, limit / MEGABYTE);
            }
        }
    }
}
