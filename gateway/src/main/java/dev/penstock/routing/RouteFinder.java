package dev.penstock.routing;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Type;

import dev.penstock.routing.CachedRoute.Mx;
import dev.penstock.routing.CachedRoute.MxSet;

/**
 * Thread-safe; never blocks. Finds a route the slow way, in two steps: the MX records, then all hosts' addresses at once
 * (RFC 5321 5.1, RFC 7505). What goes wrong with DNS is a value to be cached; nothing waits but questions at their gate.
 */
final class RouteFinder {
    /** Twice what one delivery tries; of a longer list ({@link KeptRecords}) of equals a random part is looked up. */
    private static final int MAX_RESOLVED_HOSTS = 2 * HostList.MAX_HOSTS;

    private final DnsClient client;
    private final HostAddressCache book;
    private final Freshness freshness;
    private final int smtpPort;
    private final OwnAddresses own;
    private final IgnoredNetworks ignored;
    private final LongSupplier ticker;
    private final RandomGenerator random;
    private final Sites sites;
    private final DnsCounters counters;

    RouteFinder(DnsClient client, HostAddressCache book, Freshness freshness, int smtpPort, OwnAddresses own,
            IgnoredNetworks ignored, LongSupplier ticker, RandomGenerator random, Sites sites, DnsCounters counters) {
        this.client = client;
        this.book = book;
        this.freshness = freshness;
        this.smtpPort = smtpPort;
        this.own = own;
        this.ignored = ignored;
        this.ticker = ticker;
        this.random = random;
        this.sites = sites;
        this.counters = counters;
    }

    /** @param previous its MX records are used again while they are fresh */
    CompletableFuture<CachedRoute> byMx(String domain, @Nullable CachedRoute previous) {
        @Nullable
        Name name = DomainNames.toName(domain);
        if (name == null) {
            return CompletableFuture.completedFuture(permanent(counters.badDomains, 550, "5.1.2",
                    domain + " is no domain name", freshness.min()));
        }
        @Nullable
        MxSet known = previous == null ? null : previous.mx();
        if (known != null && ticker.getAsLong() - known.freshUntil() < 0) {
            return resolveHosts(domain, known);
        }
        return client.query(name, Type.MX, previous == null ? Question.Rank.DOMAIN : Question.Rank.REFRESH)
                .thenCompose(answer -> byMxAnswer(domain, answer));
    }

    private CompletableFuture<CachedRoute> byMxAnswer(String domain, DnsAnswer answer) {
        return switch (answer) {
            case DnsAnswer.Records found -> fromMxRecords(domain, found);
            // RFC 5321 5.1: no MX records, so the domain itself is the host
            case DnsAnswer.NoRecords(long ttl, boolean secure) -> resolveHosts(domain,
                    new MxSet(List.of(new Mx(0, domain)), true, ticker.getAsLong() + freshness.negative(ttl), secure));
            case DnsAnswer.NoSuchName(long ttl) -> CompletableFuture.completedFuture(permanent(counters.noSuchDomain,
                    550, "5.1.2", "no such domain: " + domain, freshness.negative(ttl)));
            case DnsAnswer.Trouble trouble -> CompletableFuture.completedFuture(temporary("MX of " + domain, trouble));
        };
    }

    private CompletableFuture<CachedRoute> fromMxRecords(String domain, DnsAnswer.Records found) {
        long fresh = freshness.positive(found.ttl());
        Map<String, Integer> hosts = new HashMap<>();
        for (Record record : found.records()) {
            if (record instanceof MXRecord mx && !mx.getTarget().equals(Name.root)) {
                hosts.merge(DomainNames.text(mx.getTarget()), mx.getPriority(), Math::min);
            }
        }
        if (hosts.isEmpty()) {
            // RFC 7505 3 and 4.1
            return CompletableFuture.completedFuture(permanent(counters.nullMx, 556, "5.1.10",
                    domain + " takes no mail (null MX)", fresh));
        }
        List<Mx> list = new ArrayList<>(hosts.size());
        hosts.forEach((host, preference) -> list.add(new Mx(preference, host)));
        list.sort(Comparator.comparingInt(Mx::preference).thenComparing(Mx::host));
        return resolveHosts(domain, new MxSet(List.copyOf(list), false, ticker.getAsLong() + fresh, found.secure()));
    }

    private CompletableFuture<CachedRoute> resolveHosts(String domain, MxSet mx) {
        List<Mx> wanted = firstOf(mx.hosts());
        return addresses(wanted).thenApply(found -> fromAddresses(domain, mx, wanted, found));
    }

    private CachedRoute fromAddresses(String domain, MxSet mx, List<Mx> wanted, Map<Mx, HostAddresses> found) {
        int ownPreference = Integer.MAX_VALUE;
        for (Mx host : mx.hosts()) {
            if (own.contains(host.host(), smtpPort)) {
                ownPreference = Math.min(ownPreference, host.preference());
            }
        }
        for (Map.Entry<Mx, HostAddresses> entry : found.entrySet()) {
            for (InetAddress address : entry.getValue().addresses()) {
                if (own.contains(address, smtpPort)) {
                    ownPreference = Math.min(ownPreference, entry.getKey().preference());
                }
            }
        }

        HostList.Builder hosts = new HostList.Builder();
        long fresh = mx.freshUntil();
        DnsAnswer.@Nullable Trouble trouble = null;
        @Nullable
        InetAddress refused = null;
        for (Mx host : wanted) {
            // RFC 5321 5.1: our own record and all that rank no better, or mail would go in circles
            if (host.preference() >= ownPreference) {
                continue;
            }
            HostAddresses known = Objects.requireNonNull(found.get(host));
            List<InetAddress> allowed = known.addresses().stream().filter(each -> !ignored.contains(each)).toList();
            if (refused == null && allowed.isEmpty() && !known.addresses().isEmpty()) {
                refused = known.addresses().getFirst();
            }
            hosts.add(host.preference(), host.host(), allowed, smtpPort, mx.implicit() ? 0 : host.preference());
            trouble = trouble == null ? known.trouble() : trouble;
            fresh = earlier(fresh, known.freshUntil());
        }

        if (mx.hosts().getFirst().preference() >= ownPreference) {
            return permanent(counters.loops, 554, "5.4.6", "mail for " + domain + " loops back to myself", left(fresh));
        }
        HostList list = hosts.build();
        if (!list.isEmpty()) {
            int limit = ownPreference;
            List<String> names = mx.hosts().stream().filter(host -> host.preference() < limit).map(Mx::host).toList();
            Site site = sites.intern(mx.implicit() ? new Site(domain) : Site.ofHosts(names));
            return CachedRoute.hosts(mx, site, list, null, trouble != null, fresh, fresh + freshness.stale());
        }
        if (trouble != null) {
            return temporary("mail hosts of " + domain, trouble);
        }
        if (refused != null) {
            return ignoredNetwork(domain, refused, left(fresh));
        }
        return permanent(counters.noMailHost, 550, "5.4.4", mx.implicit()
                ? domain + " has no MX and no address"
                : "none of the mail hosts of " + domain + " has an address", left(fresh));
    }

    /** A configured route: hosts in their order, their names looked up as addresses only. */
    CompletableFuture<CachedRoute> byConfiguration(ConfiguredRoute route) {
        List<Mx> names = new ArrayList<>();
        for (int i = 0; i < route.hosts().size(); i++) {
            Endpoint host = route.hosts().get(i);
            if (host.address() == null && host.socket() == null) {
                names.add(new Mx(i, DomainNames.normalize(host.host())));
            }
        }
        return addresses(names).thenApply(found -> fromAddresses(route, found));
    }

    private CachedRoute fromAddresses(ConfiguredRoute route, Map<Mx, HostAddresses> found) {
        HostList.Builder hosts = new HostList.Builder();
        long fresh = ticker.getAsLong() + freshness.max();
        boolean looped = false;
        DnsAnswer.@Nullable Trouble trouble = null;
        for (int i = 0; i < route.hosts().size(); i++) {
            Endpoint host = route.hosts().get(i);
            if (host.socket() != null) {
                hosts.add(i, host.host(), host.socket());
                continue;
            }
            String name = DomainNames.normalize(host.host());
            List<InetAddress> addresses;
            if (host.address() != null) {
                addresses = List.of(host.address());
            } else {
                HostAddresses known = Objects.requireNonNull(found.get(new Mx(i, name)));
                addresses = known.addresses();
                trouble = trouble == null ? known.trouble() : trouble;
                fresh = earlier(fresh, known.freshUntil());
            }
            if (own.contains(name, host.port())
                    || addresses.stream().anyMatch(address -> own.contains(address, host.port()))) {
                looped = true;
            } else {
                hosts.add(i, host.host(), addresses, host.port(), 0);
            }
        }
        HostList list = hosts.build();
        if (!list.isEmpty()) {
            return CachedRoute.hosts(null, sites.intern(route.site()), list, route, trouble != null,
                    fresh, fresh + freshness.stale());
        }
        if (trouble != null) {
            return temporary("hosts of the configured route " + route.site(), trouble);
        }
        if (looped) {
            return permanent(counters.loops, 554, "5.4.6",
                    "the configured route " + route.site() + " loops back to myself",
                    left(fresh));
        }
        // The sender's address is right and our configuration wrong, so the mail waits for it to be mended.
        return CachedRoute.failure(counters.noMailHost, new Route.Failure(false, 451, "4.4.4",
                "no host of the configured route " + route.site() + " has an address"), fresh);
    }

    /** RFC 5321 4.1.3 and 5.1: mail for an address literal goes to that address. */
    CachedRoute byLiteral(String domain, InetAddress address) {
        if (own.contains(address, smtpPort)) {
            return permanent(counters.loops, 554, "5.4.6", "mail for " + domain + " loops back to myself",
                    freshness.max());
        }
        if (address.isAnyLocalAddress() || address.isMulticastAddress()) {
            return permanent(counters.badDomains, 550, "5.1.2", domain + " is no address of a mail host",
                    freshness.max());
        }
        if (ignored.contains(address)) {
            return ignoredNetwork(domain, address, freshness.max());
        }
        HostList.Builder hosts = new HostList.Builder();
        hosts.add(0, domain, List.of(address), smtpPort, 0);
        long fresh = ticker.getAsLong() + freshness.max();
        return CachedRoute.hosts(null, sites.intern(new Site(domain)), hosts.build(), null, false, fresh, fresh);
    }

    private CachedRoute ignoredNetwork(String domain, InetAddress address, long fresh) {
        return permanent(counters.ignored, 550, "5.4.4",
                "mail for " + domain + " would go to " + address.getHostAddress()
                        + ", where neither MX records nor address literals may send it (dns.ignore-networks)",
                fresh);
    }

    CachedRoute unexpected(String domain, Throwable error) {
        return CachedRoute.failure(counters.trouble, new Route.Failure(false, 451, "4.3.0",
                "the look-up of " + domain + " failed: " + error), ticker.getAsLong() + freshness.failure());
    }

    void forgetHosts(CachedRoute route) {
        @Nullable
        MxSet mx = route.mx();
        if (mx != null) {
            mx.hosts().forEach(host -> book.forget(host.host()));
        }
    }

    private CompletableFuture<Map<Mx, HostAddresses>> addresses(List<Mx> hosts) {
        Map<Mx, CompletableFuture<HostAddresses>> asked = new HashMap<>();
        for (Mx host : hosts) {
            asked.put(host, book.find(host.host()));
        }
        return CompletableFuture.allOf(asked.values().toArray(CompletableFuture<?>[]::new)).thenApply(_ -> {
            Map<Mx, HostAddresses> found = new HashMap<>();
            asked.forEach((host, answer) -> found.put(host, answer.join()));
            return found;
        });
    }

    /** The best-ranked ones; where the cut falls among equals, a random choice. */
    private List<Mx> firstOf(List<Mx> hosts) {
        if (hosts.size() <= MAX_RESOLVED_HOSTS) {
            return hosts;
        }
        List<Mx> some = new ArrayList<>(hosts);
        Collections.shuffle(some, java.util.Random.from(random));
        some.sort(Comparator.comparingInt(Mx::preference));
        return List.copyOf(some.subList(0, MAX_RESOLVED_HOSTS));
    }

    private CachedRoute temporary(String what, DnsAnswer.Trouble trouble) {
        LongAdder kind = trouble.kind() == DnsAnswer.Kind.UNASKED ? counters.unasked : counters.trouble;
        return CachedRoute.failure(kind, new Route.Failure(false, 451, "4.4.3",
                "DNS look-up failed for the " + what + ": " + trouble.why()),
                ticker.getAsLong() + freshness.failure());
    }

    private CachedRoute permanent(LongAdder kind, int code, String enhanced, String text, long fresh) {
        return CachedRoute.failure(kind, new Route.Failure(true, code, enhanced, text), ticker.getAsLong() + fresh);
    }

    private long left(long freshUntil) {
        return Math.max(0, freshUntil - ticker.getAsLong());
    }

    /** Ticker values may wrap round, so they are compared by difference. */
    private static long earlier(long a, long b) {
        return a - b < 0 ? a : b;
    }
}
