package dev.penstock.delivery;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;
import org.jspecify.annotations.Nullable;

import dev.penstock.config.TlsPolicy;
import dev.penstock.queue.QueueKey;
import dev.penstock.routing.HostProof;
import dev.penstock.routing.MailHost;

/**
 * Remembers for a while which hosts had no TLS that was good enough, and for whom: mail that may go otherwise isn't kept
 * from them. Thread-safe.
 */
final class TlsFailures {
    private static final int MAX_HOSTS = 100_000;

    private final Cache<Failed, Boolean> failed;

    /** Who demanded what of whom. */
    private record Failed(SocketAddress host, @Nullable TlsPolicy policy, HostProof proof) {
        static Failed of(MailHost host, QueueKey queue) {
            return new Failed(host.address(), queue.tls(), queue.proof());
        }
    }

    TlsFailures(Duration time, Ticker ticker) {
        failed = Caffeine.newBuilder().expireAfterWrite(time).maximumSize(MAX_HOSTS).ticker(ticker).build();
    }

    void add(MailHost host, QueueKey queue) {
        failed.put(Failed.of(host, queue), true);
    }

    /** The hosts in their order without those; all of them when there is no other. */
    List<MailHost> without(List<MailHost> hosts, QueueKey queue) {
        if (failed.estimatedSize() == 0) {
            return hosts;
        }
        List<MailHost> good = hosts.stream().filter(host -> failed.getIfPresent(Failed.of(host, queue)) == null)
                .toList();
        return good.isEmpty() ? hosts : good;
    }
}
