package dev.penstock.routing;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Type;

/**
 * Thread-safe. Host name to addresses, cached apart from the domains, since thousands of domains share a provider's
 * hosts. A and AAAA are asked at once; concurrent look-ups of one host are one.
 */
final class HostAddressCache {
    /** Per family: four times what one delivery tries of a host, and a hostile answer could hold thousands. */
    private static final int MAX_ADDRESSES = 8;

    private final DnsClient client;
    private final Freshness freshness;
    private final LongSupplier ticker;
    private final AsyncCache<String, HostAddresses> cache;

    /** @param octets kept */
    HostAddressCache(DnsClient client, Freshness freshness, long octets, LongSupplier ticker) {
        this.client = client;
        this.freshness = freshness;
        this.ticker = ticker;
        cache = Caffeine.newBuilder().maximumWeight(octets)
                .weigher((String host, HostAddresses addresses) -> addresses.weight(host)).ticker(ticker::getAsLong)
                .expireAfter(new ExpireAt<HostAddresses>(HostAddresses::freshUntil)).buildAsync();
    }

    /** Complete already when known; else completes with the answers to its two questions, whoever waits. Never fails. */
    CompletableFuture<HostAddresses> find(String host) {
        @Nullable
        CompletableFuture<HostAddresses> known = cache.getIfPresent(host);
        if (known != null) {
            boolean over = known.state() == CompletableFuture.State.SUCCESS
                    && ticker.getAsLong() - known.resultNow().freshUntil() >= 0;
            if (!over) {
                return known;
            }
            cache.asMap().remove(host, known);
        }
        CompletableFuture<HostAddresses> mine = new CompletableFuture<>();
        @Nullable
        CompletableFuture<HostAddresses> other = cache.asMap().putIfAbsent(host, mine);
        if (other != null) {
            return other;
        }
        var _ = resolve(host).whenComplete((found, failure) -> mine.complete(found != null
                ? found
                : unknown(new DnsAnswer.Trouble(DnsAnswer.Kind.FAILURE, "addresses of " + host + ": " + failure))));
        return mine;
    }

    void forget(String host) {
        cache.asMap().remove(host);
    }

    long octets() {
        return cache.synchronous().policy().eviction().map(kept -> kept.weightedSize().orElse(0)).orElse(0L);
    }

    long size() {
        return cache.synchronous().estimatedSize();
    }

    private CompletableFuture<HostAddresses> resolve(String host) {
        @Nullable
        Name name = DomainNames.toName(host);
        if (name == null) {
            return CompletableFuture.completedFuture(
                    new HostAddresses(List.of(), null, ticker.getAsLong() + freshness.min(), false));
        }
        return client.query(name, Type.A, Question.Rank.ADDRESS)
                .thenCombine(client.query(name, Type.AAAA, Question.Rank.ADDRESS), this::combine);
    }

    private HostAddresses combine(DnsAnswer four, DnsAnswer six) {
        List<InetAddress> addresses = new ArrayList<>(2);
        // IPv4 first: bulk senders' reputation is built there, and many hosts have an AAAA that nobody watches.
        take(four, addresses);
        boolean foundFour = !addresses.isEmpty();
        take(six, addresses);
        boolean foundSix = !addresses.isEmpty() && addresses.getLast() instanceof Inet6Address;
        long fresh = Math.min(freshOf(four), freshOf(six));
        if (foundFour) {
            // What the family without addresses says, or that it can't be asked (RFC 4074), doesn't shorten this.
            fresh = foundSix ? fresh : freshOf(four);
        } else if (foundSix && trouble(four) == null) {
            fresh = freshOf(six);
        }
        DnsAnswer.@Nullable Trouble trouble = trouble(four) != null ? trouble(four) : trouble(six);
        return new HostAddresses(List.copyOf(addresses), addresses.isEmpty() ? trouble : null,
                ticker.getAsLong() + fresh, isSecure(four) && isSecure(six));
    }

    /** Of a family without addresses it doesn't matter what is signed. */
    private static boolean isSecure(DnsAnswer answer) {
        return !(answer instanceof DnsAnswer.Records(_, _, boolean secure)) || secure;
    }

    private static void take(DnsAnswer answer, List<InetAddress> addresses) {
        if (answer instanceof DnsAnswer.Records found) {
            int count = 0;
            for (Record record : found.records()) {
                @Nullable
                InetAddress address = switch (record) {
                    case ARecord a -> a.getAddress();
                    case AAAARecord aaaa -> aaaa.getAddress();
                    default -> null;
                };
                // 0.0.0.0 and :: would connect to this machine, multicast to nobody
                if (address != null && !address.isAnyLocalAddress() && !address.isMulticastAddress()
                        && count++ < MAX_ADDRESSES) {
                    addresses.add(plain(address));
                }
            }
        }
    }

    private long freshOf(DnsAnswer answer) {
        return switch (answer) {
            case DnsAnswer.Records found -> freshness.positive(found.ttl());
            case DnsAnswer.NoRecords(long ttl, _) -> freshness.negative(ttl);
            case DnsAnswer.NoSuchName(long ttl) -> freshness.negative(ttl);
            case DnsAnswer.Trouble _ -> freshness.failure();
        };
    }

    private HostAddresses unknown(DnsAnswer.Trouble trouble) {
        return new HostAddresses(List.of(), trouble, ticker.getAsLong() + freshness.failure(), false);
    }

    private static DnsAnswer.@Nullable Trouble trouble(DnsAnswer answer) {
        return answer instanceof DnsAnswer.Trouble trouble ? trouble : null;
    }

    /** Without the name that dnsjava attaches, so that equal addresses look equal in logs. */
    private static InetAddress plain(InetAddress address) {
        return Objects.requireNonNullElse(Endpoint.address(address.getHostAddress()), address);
    }
}
