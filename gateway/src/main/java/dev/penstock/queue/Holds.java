package dev.penstock.queue;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.SpoolEntry;

/**
 * Why destinations are held, and when each is looked at again. Thread-safe. A destination stands here from when it becomes
 * {@link QueueItem#HELD} until it is released or finished, written under the lock that guards its item.
 */
final class Holds {
    private static final Duration USUAL = Duration.ofMinutes(5);

    private final Map<SpoolEntry, String> why = new ConcurrentHashMap<>();
    private volatile Duration interval = USUAL;

    void interval(Duration between) {
        interval = between;
    }

    /** From half of the interval to all of it, so that what came at one time isn't looked at at one time. */
    long nextLookMillis(long now) {
        long whole = Math.max(2, interval.toMillis());
        return now + whole / 2 + ThreadLocalRandom.current().nextLong(whole / 2);
    }

    void put(SpoolEntry entry, String reason) {
        why.put(entry, reason.intern()); // those of one sender are alike
    }

    void remove(SpoolEntry entry) {
        if (!why.isEmpty()) {
            why.remove(entry);
        }
    }

    @Nullable
    String why(SpoolEntry entry) {
        return why.isEmpty() ? null : why.get(entry);
    }

    int size() {
        return why.size();
    }
}
