package dev.penstock.delivery;

import java.net.SocketAddress;
import java.time.Duration;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.Ticker;

import dev.penstock.routing.MailHost;

/** Remembers for a while which hosts TLS was broken with, over all queues of a source. Thread-safe. */
final class BadHosts {
    private static final int MAX_HOSTS = 100_000;

    private final Cache<Seen, Duration> bad;

    private record Seen(String source, SocketAddress address) {}

    BadHosts(Ticker ticker) {
        this.bad = Caffeine.newBuilder().expireAfter(Expiry.<Seen, Duration>writing((_, time) -> time))
                .maximumSize(MAX_HOSTS).ticker(ticker).build();
    }

    /**
     * @param source by its name: one blocked address says nothing of the others
     * @param time   for which it is remembered
     */
    void add(String source, MailHost host, Duration time) {
        bad.put(new Seen(source, host.address()), time);
    }

    boolean has(String source, MailHost host) {
        return bad.getIfPresent(new Seen(source, host.address())) != null;
    }
}
