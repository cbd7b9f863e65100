package dev.penstock.delivery;

import java.net.SocketAddress;
import java.time.Duration;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;

import dev.penstock.routing.MailHost;

/** Remembers for a while which hosts TLS was broken with, over all queues. Thread-safe. */
final class BadHosts {
    private static final int MAX_HOSTS = 100_000;

    private final Cache<SocketAddress, Boolean> bad;

    BadHosts(Duration time, Ticker ticker) {
        this.bad = Caffeine.newBuilder().expireAfterWrite(time).maximumSize(MAX_HOSTS).ticker(ticker).build();
    }

    void add(MailHost host) {
        bad.put(host.address(), true);
    }

    void remove(MailHost host) {
        bad.invalidate(host.address());
    }

    boolean has(MailHost host) {
        return bad.getIfPresent(host.address()) != null;
    }
}
