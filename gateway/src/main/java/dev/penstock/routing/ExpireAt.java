package dev.penstock.routing;

import java.util.function.ToLongFunction;

import com.github.benmanes.caffeine.cache.Expiry;

/** Thread-safe. Lets a cache drop each value at the time, by the cache's ticker, that the value itself names. */
record ExpireAt<V>(ToLongFunction<V> until) implements Expiry<String, V> {
    @Override
    public long expireAfterCreate(String key, V value, long now) {
        return Math.max(0, until.applyAsLong(value) - now);
    }

    @Override
    public long expireAfterUpdate(String key, V value, long now, long left) {
        return expireAfterCreate(key, value, now);
    }

    @Override
    public long expireAfterRead(String key, V value, long now, long left) {
        return left;
    }
}
