package dev.penstock.delivery;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;

import dev.penstock.routing.MailHost;

/**
 * Remembers for a while which hosts something was wrong with, over all queues of a source. Thread-safe.
 */
final class BadHosts {
    private static final int MAX_HOSTS = 100_000;

    private final Cache<Seen, Boolean> bad;

    private record Seen(String source, SocketAddress address) {}

    BadHosts(Duration time, Ticker ticker) {
        this.bad = Caffeine.newBuilder().expireAfterWrite(time).maximumSize(MAX_HOSTS).ticker(ticker).build();
    }

    /** @param source by its name: one blocked address says nothing of the others */
    void add(String source, MailHost host) {
        bad.put(new Seen(source, host.address()), true);
    }

    boolean has(String source, MailHost host) {
        return bad.getIfPresent(new Seen(source, host.address())) != null;
    }

    /** The hosts in their order without those that are bad for the source; all of them when there is no other. */
    List<MailHost> withoutBad(String source, List<MailHost> hosts) {
        if (bad.estimatedSize() == 0) {
            return hosts;
        }
        List<MailHost> good = hosts.stream().filter(host -> !has(source, host)).toList();
        return good.isEmpty() ? hosts : good;
    }

    long size() {
        return bad.estimatedSize();
    }
}
