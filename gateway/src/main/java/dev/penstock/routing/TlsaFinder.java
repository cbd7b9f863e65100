package dev.penstock.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.TLSARecord;
import org.xbill.DNS.Type;

import dev.penstock.routing.TlsaAnswer.Tlsa;

/**
 * Finds the TLSA records of mail hosts (RFC 7672 2.2.2, 2.2.3), cached. Thread-safe; never blocks.
 *
 * <p>They are asked for only where the host's addresses are signed, since servers of unsigned zones may not answer such
 * questions. A host that is a signed alias is looked up by the name it leads to, then by its own.
 */
final class TlsaFinder {
    /** Of all answers; an RRset has some hundred octets. */
    private static final long CACHE_OCTETS = 4 << 20;
    private static final int OVERHEAD = 250; // octets
    private static final int RECORD = 60; // octets, without its data

    private final DnsClient client;
    private final HostAddressCache book;
    private final Freshness freshness;
    private final LongSupplier ticker;
    private final AsyncCache<String, Kept> cache;

    /** @param freshUntil by the cache's ticker */
    private record Kept(TlsaAnswer answer, long freshUntil) {
        int weight(String key) {
            int octets = OVERHEAD + key.length();
            if (answer instanceof TlsaAnswer.Records(List<Tlsa> records, _)) {
                for (Tlsa record : records) {
                    octets += RECORD + record.data().length;
                }
            }
            return octets;
        }
    }

    TlsaFinder(DnsClient client, HostAddressCache book, Freshness freshness, LongSupplier ticker) {
        this.client = client;
        this.book = book;
        this.freshness = freshness;
        this.ticker = ticker;
        cache = Caffeine.newBuilder().maximumWeight(CACHE_OCTETS).weigher((String key, Kept kept) -> kept.weight(key))
                .ticker(ticker::getAsLong).expireAfter(new ExpireAt<Kept>(Kept::freshUntil)).buildAsync();
    }

    /** Complete already when known. Never fails. */
    CompletableFuture<TlsaAnswer> find(String host, int port) {
        String key = port + " " + DomainNames.normalize(host);
        @Nullable
        CompletableFuture<Kept> known = cache.getIfPresent(key);
        if (known != null) {
            boolean over = known.state() == CompletableFuture.State.SUCCESS
                    && ticker.getAsLong() - known.resultNow().freshUntil >= 0;
            if (!over) {
                return known.thenApply(Kept::answer);
            }
            cache.asMap().remove(key, known);
        }
        CompletableFuture<Kept> mine = new CompletableFuture<>();
        @Nullable
        CompletableFuture<Kept> other = cache.asMap().putIfAbsent(key, mine);
        if (other != null) {
            return other.thenApply(Kept::answer);
        }
        var _ = look(host, port).whenComplete((found, failure) -> mine.complete(found != null
                ? found
                : kept(new TlsaAnswer.Trouble("TLSA of " + host + ": " + failure), freshness.failure())));
        return mine.thenApply(Kept::answer);
    }

    private CompletableFuture<Kept> look(String host, int port) {
        @Nullable
        Name name = DomainNames.toName(host);
        if (name == null) { // an address, or nonsense
            return CompletableFuture.completedFuture(kept(TlsaAnswer.NONE, freshness.min()));
        }
        CompletableFuture<HostAddresses> found = book.find(DomainNames.normalize(host));
        return client.query(name, Type.CNAME, Question.Rank.ADDRESS)
                .thenCompose(alias -> found.thenCompose(addresses -> switch (alias) {
                    case DnsAnswer.Records(_, _, boolean secure) -> secure
                            ? byAlias(name, addresses, port)
                            : CompletableFuture.completedFuture(kept(TlsaAnswer.NONE, freshness.min()));
                    case DnsAnswer.NoRecords _, DnsAnswer.NoSuchName _ -> addresses.secure()
                            ? ask(List.of(name), port)
                            : CompletableFuture.completedFuture(kept(TlsaAnswer.NONE, freshness.min()));
                    case DnsAnswer.Trouble trouble -> CompletableFuture.completedFuture(
                            trouble("alias of " + host, trouble));
                }));
    }

    /** The name that it leads to is of use when all on the way there is signed. */
    private CompletableFuture<Kept> byAlias(Name host, HostAddresses addresses, int port) {
        if (!addresses.secure()) {
            return ask(List.of(host), port);
        }
        return client.query(host, Type.A, Question.Rank.ADDRESS)
                .thenCompose(four -> four instanceof DnsAnswer.Records
                        ? CompletableFuture.completedFuture(four)
                        : client.query(host, Type.AAAA, Question.Rank.ADDRESS))
                .thenCompose(answer -> answer instanceof DnsAnswer.Records(List<Record> found, _, _)
                        ? ask(List.of(found.getFirst().getName(), host), port)
                        : ask(List.of(host), port));
    }

    /** Those of the first of these names that has some. */
    private CompletableFuture<Kept> ask(List<Name> bases, int port) {
        Name base = bases.getFirst();
        @Nullable
        Name owner = DomainNames.toName("_" + port + "._tcp." + DomainNames.text(base));
        if (owner == null) { // too long to have records
            return CompletableFuture.completedFuture(kept(TlsaAnswer.NONE, freshness.min()));
        }
        return client.query(owner, Type.TLSA, Question.Rank.ADDRESS).thenCompose(answer -> {
            if (answer instanceof DnsAnswer.Records(List<Record> found, long ttl, boolean secure) && secure) {
                return CompletableFuture.completedFuture(kept(new TlsaAnswer.Records(records(found),
                        DomainNames.text(base)), freshness.positive(ttl)));
            }
            if (answer instanceof DnsAnswer.Trouble trouble) {
                return CompletableFuture.completedFuture(trouble("TLSA of " + DomainNames.text(base), trouble));
            }
            return bases.size() > 1
                    ? ask(bases.subList(1, bases.size()), port)
                    : CompletableFuture.completedFuture(kept(TlsaAnswer.NONE, negative(answer)));
        });
    }

    private long negative(DnsAnswer answer) {
        return switch (answer) {
            case DnsAnswer.Records(_, long ttl, _) -> freshness.positive(ttl);
            case DnsAnswer.NoRecords(long ttl, _) -> freshness.negative(ttl);
            case DnsAnswer.NoSuchName(long ttl) -> freshness.negative(ttl);
            case DnsAnswer.Trouble _ -> freshness.failure();
        };
    }

    private static List<Tlsa> records(List<Record> found) {
        List<Tlsa> records = new ArrayList<>(found.size());
        for (Record record : found) {
            if (record instanceof TLSARecord tlsa) {
                records.add(new Tlsa(tlsa.getCertificateUsage(), tlsa.getSelector(), tlsa.getMatchingType(),
                        tlsa.getCertificateAssociationData()));
            }
        }
        return records;
    }

    private Kept trouble(String what, DnsAnswer.Trouble trouble) {
        return kept(new TlsaAnswer.Trouble(what + ": " + trouble.why()), freshness.failure());
    }

    private Kept kept(TlsaAnswer answer, long fresh) {
        return new Kept(answer, ticker.getAsLong() + fresh);
    }
}
