package dev.penstock.queue;

import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

/**
 * All mail that goes out by one source, by domain; or all mail of one pool for one provider that waits until one of its
 * sources can be used. Thread-safe.
 */
final class Lane {
    /** Null when it is of a pool's mail that waits. */
    final @Nullable String source;
    /** Where its domains are before anything else is known of them. */
    final ReadyQueue entrance;
    final ConcurrentHashMap<String, DomainQueue> domains = new ConcurrentHashMap<>();
    /** Mail of it is to be placed anew. */
    volatile boolean astray;
    /** All of it is, not only what its source may not send. */
    volatile boolean astrayWhole;

    // Of mail that waits, confined to the scheduler's thread.
    /** So many senders' mail for a domain may be found without a source before it is left for the next time. */
    int looksLeft;
    /** Ascending over all lanes, when mail of it last found a source. */
    long placedLast;

    Lane(@Nullable String source, ReadyQueue entrance) {
        this.source = source;
        this.entrance = entrance;
    }

    boolean waits() {
        return source == null;
    }

    DomainQueue domain(String name) {
        DomainQueue known = domains.get(name);
        return known != null ? known : domains.computeIfAbsent(name, each -> new DomainQueue(each, this));
    }
}
