package dev.penstock.meters;

import java.util.function.LongSupplier;

/**
 * An account of what others can make the gateway keep.
 *
 * @param name  the table of the configuration that limits it
 * @param used  octets
 * @param limit octets
 */
public record MemoryAccount(String name, LongSupplier used, LongSupplier limit) {
    /** Shown under its name. */
    public PartMeters<MemoryAccount> meters() {
        PartMeters<MemoryAccount> part = PartMeters.of("penstock.memory.", () -> this);
        part.gauge("used.bytes", "Octets that an account of memory holds", one -> one.used.getAsLong(), "account",
                name);
        part.gauge("limit.bytes", "Octets that it may hold", one -> one.limit.getAsLong(), "account", name);
        return part;
    }
}
