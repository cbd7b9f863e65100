package dev.penstock.routing;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.Name;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.Dnssec;
import dev.penstock.config.RouteConfig;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.routing.Question.Rank;

/**
 * Thread-safe. Configured routes first, else MX records through a cache that keeps each answer for its own time.
 *
 * <p>A known route costs a look into a hash table. An unknown one is looked up once however many ask; the look-up's
 * time begins when its question leaves, and until then it waits without cost ({@link QuestionGate}). A known one past its time is handed out at once while a single look-up in the background renews
 * it; as long as that fails, it serves until its stale time ends. Failures are kept too: permanent ones for as long as
 * the SOA says, DNS trouble briefly.
 */
public final class DnsRouter implements Router, Lookups {
    /** Draws from the calling thread's generator: what {@link #DnsRouter} wants outside of tests. */
    public static final RandomGenerator SHARED_RANDOM = () -> ThreadLocalRandom.current().nextLong();

    private static final Logger log = LoggerFactory.getLogger(DnsRouter.class);
    private static final String EVERY_DOMAIN = "*";

    private final LongSupplier ticker;
    private final Executor executor;
    private final RandomGenerator random;
    private final DnsCounters counters = new DnsCounters();
    private final Sites sites = new Sites();
    private final AsyncCache<String, CachedRoute> cache;
    private final AtomicInteger lookUps = new AtomicInteger();
    private volatile Settings settings;

    /** All that a configuration change replaces as one. */
    private record Settings(Map<String, ConfiguredRoute> routes, DnsConfig dns, int smtpPort, OwnAddresses own,
            Freshness freshness, DnsClient client, HostAddressCache book, IgnoredNetworks ignored, RouteFinder finder,
            TlsaFinder tlsa, RecordCache records) {}

    /**
     * @param routes   by domain, or {@code *} for all domains without their own
     * @param smtpPort of MX hosts, and of configured hosts that name none
     * @param own      this gateway's listeners, for finding loops; may come later through {@link #reconfigure}
     * @param ticker   nanoseconds, for what is cached; {@link System#nanoTime}
     * @param executor asks each question; a virtual thread per task
     * @param random   thread-safe, {@link #SHARED_RANDOM}
     * @throws IllegalArgumentException naming the route host or DNS server that can't be read
     */
    public DnsRouter(Map<String, RouteConfig> routes, DnsConfig dns, int smtpPort, OwnAddresses own,
            LongSupplier ticker, Executor executor, RandomGenerator random) {
        this.ticker = ticker;
        this.executor = executor;
        this.random = random;
        cache = Caffeine.newBuilder().maximumWeight(dns.cacheOctets())
                .weigher((String domain, CachedRoute route) -> route.weight(domain)).ticker(ticker::getAsLong)
                .expireAfter(new ExpireAt<CachedRoute>(CachedRoute::keptUntil)).buildAsync();
        settings = settings(routes, dns, smtpPort, own);
    }

    @Override
    public CompletableFuture<Route> route(String domain) {
        Settings current = settings;
        @Nullable
        ConfiguredRoute configured = current.routes.isEmpty() ? null : configured(current, domain);
        if (configured != null && configured.store() != null) {
            return configured.store();
        }
        @Nullable
        CompletableFuture<CachedRoute> found = cache.getIfPresent(configured == null ? domain : configured.key());
        if (found != null && found.state() == CompletableFuture.State.SUCCESS) {
            CachedRoute known = found.resultNow();
            long now = ticker.getAsLong();
            if (known.isFresh(now)) {
                counters.hits.increment();
                return known.future(random);
            }
            // The cache drops values in its own good time; a refusal past its end must not be used until then.
            if (now - known.keptUntil() < 0) {
                counters.hits.increment();
                stale(current, domain, configured, found, known, now);
                return known.future(random);
            }
            cache.asMap().remove(configured == null ? domain : configured.key(), found);
        }
        return lookUp(current, domain, configured);
    }

    @Override
    public CompletableFuture<TlsaAnswer> tlsa(String host, int port) {
        Settings current = settings;
        return current.dns.dnssec() == Dnssec.OFF
                ? CompletableFuture.completedFuture(TlsaAnswer.NONE)
                : current.tlsa.find(host, port);
    }

    @Override
    public CompletableFuture<TextAnswer> texts(String name) {
        @Nullable
        Name asked = DomainNames.toName(name);
        if (asked == null) {
            return CompletableFuture.completedFuture(new TextAnswer.Texts(List.of()));
        }
        return settings.client.query(asked, Type.TXT, Rank.REFRESH).thenApply(answer -> switch (answer) {
            case DnsAnswer.Records found -> new TextAnswer.Texts(found.records().stream()
                    .filter(TXTRecord.class::isInstance).map(RecordType::text).toList());
            case DnsAnswer.NoRecords _,DnsAnswer.NoSuchName _ -> new TextAnswer.Texts(List.of());
            case DnsAnswer.Trouble trouble -> new TextAnswer.Trouble(trouble.why());
        });
    }

    @Override
    public CompletableFuture<List<InetAddress>> addresses(String host) {
        Settings current = settings;
        return current.book.find(DomainNames.normalize(host)).thenApply(found -> found.addresses().stream()
                .filter(address -> !current.ignored.contains(address)).toList());
    }

    /**
     * Records of any name, from a cache of their own: complete at once when known, else on a virtual thread. Never fails.
     * What was found is handed out past its time while a single look-up renews it.
     */
    public CompletableFuture<RecordSet> records(String name, RecordType type) {
        return settings.records.find(name, type);
    }

    /** Forgets what is known of {@code domain} and of its mail hosts' addresses. */
    public void flush(String domain) {
        Settings current = settings;
        String name = DomainNames.normalize(domain);
        @Nullable
        ConfiguredRoute configured = configured(current, name);
        @Nullable
        CompletableFuture<CachedRoute> found = cache.asMap().remove(configured == null ? name : configured.key());
        if (configured != null) {
            configured.hosts().forEach(host -> current.book.forget(DomainNames.normalize(host.host())));
        } else {
            current.book.forget(name);
        }
        if (found != null && found.state() == CompletableFuture.State.SUCCESS) {
            current.finder.forgetHosts(found.resultNow());
        }
    }

    /**
     * Uses new settings from the next call on. Look-ups under way end with the old ones, but what they haven't asked yet the
     * new servers are asked; their answers aren't kept.
     * What is cached stays unless the servers, the time limits, the port or the listeners are others than before.
     *
     * @throws IllegalArgumentException as the constructor; the old settings stay in force
     */
    public synchronized void reconfigure(Map<String, RouteConfig> routes, DnsConfig dns, int smtpPort,
            OwnAddresses own) {
        Settings old = settings;
        boolean same = dns.equals(old.dns) && smtpPort == old.smtpPort && own.equals(old.own);
        settings = same
                ? new Settings(configured(routes, smtpPort), dns, smtpPort, own, old.freshness, old.client, old.book,
                        old.ignored,
                        old.finder, old.tlsa, old.records)
                : settings(routes, dns, smtpPort, own);
        if (!same) {
            cache.synchronous().policy().eviction().ifPresent(size -> size.setMaximum(dns.cacheOctets()));
            cache.asMap().clear();
            old.client.handOver(settings.client);
        }
    }

    /** Octets of the domains that are cached. */
    public long cachedDomainOctets() {
        return cache.synchronous().policy().eviction().map(kept -> kept.weightedSize().orElse(0)).orElse(0L);
    }

    /** Octets of the mail hosts that are cached. */
    public long cachedHostOctets() {
        return settings.book.octets();
    }

    /** Octets of the other records that are cached. */
    public long cachedRecordOctets() {
        return settings.records.octets();
    }

    /** How long look-ups took that had to ask, their waits for a place included. */
    public HistogramSnapshot lookUpTimes() {
        return counters.lookUpTimes.snapshot();
    }

    public RoutingStats stats() {
        Settings current = settings;
        QuestionGate gate = current.client.gate();
        int domains = gate.waiting(Rank.DOMAIN) + gate.waiting(Rank.REFRESH);
        return new RoutingStats(counters.hits.sum(), counters.misses.sum(), counters.staleServed.sum(),
                counters.refreshes.sum(), counters.failedRefreshes.sum(), counters.queries.sum(),
                counters.overTcp.sum(), counters.mismatched.sum(), counters.timeouts.sum(),
                counters.serverFailures.sum(), counters.badDomains.sum(), counters.noSuchDomain.sum(),
                counters.noMailHost.sum(), counters.nullMx.sum(), counters.loops.sum(), counters.ignored.sum(),
                counters.trouble.sum(), counters.unasked.sum(), gate.running(), gate.waiting(Rank.ADDRESS),
                Math.max(0, lookUps.get() - domains),
                domains, gate.longestWait(), gate.silence(), cache.synchronous().estimatedSize(), current.book.size());
    }

    private static Map<String, ConfiguredRoute> configured(Map<String, RouteConfig> routes, int smtpPort) {
        Map<String, ConfiguredRoute> configured = new HashMap<>();
        routes.forEach((domain, route) -> configured.put(DomainNames.normalize(domain),
                ConfiguredRoute.of(DomainNames.normalize(domain), route, smtpPort)));
        return Map.copyOf(configured);
    }

    private Settings settings(Map<String, RouteConfig> routes, DnsConfig dns, int smtpPort, OwnAddresses own) {
        Freshness freshness = Freshness.of(dns);
        DnsClient client = new DnsClient(new NameServers(dns.servers()), dns, executor, counters);
        HostAddressCache book = new HostAddressCache(client, freshness, dns.cacheOctets(), ticker);
        IgnoredNetworks ignored = IgnoredNetworks.of(dns.ignoreNetworks());
        RouteFinder finder = new RouteFinder(client, book, freshness, smtpPort, own,
                ignored, ticker, random, sites, counters);
        return new Settings(configured(routes, smtpPort), dns, smtpPort, own, freshness, client, book, ignored, finder,
                new TlsaFinder(client, book, freshness, ticker),
                new RecordCache(client, freshness, dns.recordOctets(), ticker));
    }

    private static @Nullable ConfiguredRoute configured(Settings settings, String domain) {
        @Nullable
        ConfiguredRoute route = settings.routes.get(domain);
        return route != null ? route : settings.routes.get(EVERY_DOMAIN);
    }

    private CompletableFuture<Route> lookUp(Settings current, String domain, @Nullable ConfiguredRoute configured) {
        String name = DomainNames.normalize(domain);
        if (!name.equals(domain)) {
            return route(name);
        }
        String key = configured == null ? name : configured.key();
        counters.misses.increment();
        CompletableFuture<CachedRoute> mine = new CompletableFuture<>();
        @Nullable
        CompletableFuture<CachedRoute> other = cache.asMap().putIfAbsent(key, mine);
        if (other == null) {
            start(current, name, configured, null, mine);
        }
        return (other == null ? mine : other).thenApply(found -> found.route(random));
    }

    private void stale(Settings current, String domain, @Nullable ConfiguredRoute configured,
            CompletableFuture<CachedRoute> held, CachedRoute known, long now) {
        counters.staleServed.increment();
        if (!known.claimRefresh(now)) {
            return;
        }
        counters.refreshes.increment();
        CompletableFuture<CachedRoute> renewed = new CompletableFuture<>();
        String key = configured == null ? domain : configured.key();
        var _ = renewed.thenAccept(fresh -> {
            if (fresh.isUncertain()) {
                counters.failedRefreshes.increment();
                known.refreshAgainFrom(ticker.getAsLong() + current.freshness.failure());
            } else {
                // Only in place of what it renews: a flush or a new configuration in between stands.
                cache.asMap().replace(key, held, CompletableFuture.completedFuture(fresh));
            }
        });
        start(current, domain, configured, known, renewed);
    }

    /** Completes {@code result} with a value: now, or on the virtual thread of the last question. */
    private void start(Settings current, String domain, @Nullable ConfiguredRoute configured,
            @Nullable CachedRoute previous, CompletableFuture<CachedRoute> result) {
        lookUps.incrementAndGet();
        long begun = ticker.getAsLong();
        CompletableFuture<CachedRoute> finding = find(current, domain, configured, previous);
        boolean byMx = configured == null && Endpoint.addressLiteral(domain) == null;
        boolean asks = byMx || !finding.isDone(); // a server that is near may have answered by now
        var _ = finding.whenComplete((found, failure) -> {
            lookUps.decrementAndGet();
            if (asks) {
                counters.lookUpTimes.record(ticker.getAsLong() - begun);
            }
            CachedRoute route = found;
            if (route == null) {
                log.error("event=route-look-up-failed domain={}", domain, failure);
                route = current.finder.unexpected(domain, failure);
            }
            route.count();
            result.complete(route);
        });
    }

    private static CompletableFuture<CachedRoute> find(Settings current, String domain,
            @Nullable ConfiguredRoute configured, @Nullable CachedRoute previous) {
        try {
            if (configured != null) {
                return current.finder.byConfiguration(configured);
            }
            @Nullable
            InetAddress literal = Endpoint.addressLiteral(domain);
            return literal != null
                    ? CompletableFuture.completedFuture(current.finder.byLiteral(domain, literal))
                    : current.finder.byMx(domain, previous);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }
}
