package dev.penstock.history;

import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

/** What the index did since the start. Written by the thread that indexes, read by others. */
final class Counters {
    final AtomicLong events = new AtomicLong();
    final AtomicLong skipped = new AtomicLong();
    final AtomicLong failures = new AtomicLong();
    /** Milliseconds since 1970 at which what isn't read yet happened, or came; 0 when who asks finds everything. */
    final AtomicLong behindSince = new AtomicLong();
    volatile long octets;
    volatile int partitions;
    volatile @Nullable String trouble;
}
