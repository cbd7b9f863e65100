package dev.penstock.loadgen;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

/**
 * The behaviours of a sink by recipient domain, listen address ({@code 127.0.1.8} or {@code 127.0.1.8:2525}) or
 * {@code *}; the first that is known decides, in this order. Thread-safe.
 */
final class Behaviours {
    static final String ANY = "*";

    private volatile Map<String, Behaviour> table = Map.of();
    private final AtomicInteger version = new AtomicInteger();

    /** Changes with every change of a behaviour. */
    int version() {
        return version.get();
    }

    synchronized void put(String key, Behaviour behaviour) {
        Map<String, Behaviour> next = new HashMap<>(table);
        next.put(key.toLowerCase(Locale.ROOT), behaviour);
        table = Map.copyOf(next);
        version.incrementAndGet();
    }

    synchronized void replace(Map<String, Behaviour> all) {
        Map<String, Behaviour> next = new HashMap<>();
        all.forEach((key, behaviour) -> next.put(key.toLowerCase(Locale.ROOT), behaviour));
        table = Map.copyOf(next);
        version.incrementAndGet();
    }

    @Nullable
    Behaviour find(String key) {
        return table.get(key);
    }

    Behaviour any() {
        return table.getOrDefault(ANY, Behaviour.ACCEPT);
    }

    /** Reads one {@code key:behaviour}; the behaviour follows the last colon, since addresses have colons too. */
    static Map.Entry<String, Behaviour> parse(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 1) {
            throw new IllegalArgumentException("expected domain:behaviour, got: " + text);
        }
        return Map.entry(text.substring(0, colon).strip().toLowerCase(Locale.ROOT),
                Behaviour.parse(text.substring(colon + 1)));
    }
}
