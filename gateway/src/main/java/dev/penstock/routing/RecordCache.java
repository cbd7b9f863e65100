package dev.penstock.routing;

import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;

/**
 * Thread-safe. Records that say something about mail (keys, policies, names of addresses), kept apart from routes so
 * that neither drives the other out. Concurrent look-ups of one name and type are one.
 *
 * <p>What was found serves past its time, for as long as a stale answer may, while a single look-up renews it; "no such
 * record" and trouble don't, so that what an operator mends is seen when the old answer's time is over.
 */
final class RecordCache {
    /** Values of one answer: more than anybody looks at. */
    private static final int MAX_VALUES = 64;

    private final DnsClient client;
    private final Freshness freshness;
    private final LongSupplier ticker;
    private final AsyncCache<String, RecordSet> cache;

    /** @param octets kept */
    RecordCache(DnsClient client, Freshness freshness, long octets, LongSupplier ticker) {
        this.client = client;
        this.freshness = freshness;
        this.ticker = ticker;
        cache = Caffeine.newBuilder().maximumWeight(octets)
                .weigher((String key, RecordSet records) -> records.weight(key)).ticker(ticker::getAsLong)
                .expireAfter(new ExpireAt<RecordSet>(RecordSet::keptUntil)).buildAsync();
    }

    /** Complete already when known; else completes on the virtual thread of its question. Never fails. */
    CompletableFuture<RecordSet> find(String name, RecordType type) {
        String domain = DomainNames.normalize(name);
        String key = type.name() + ' ' + domain;
        @Nullable
        CompletableFuture<RecordSet> known = cache.getIfPresent(key);
        if (known != null) {
            if (known.state() != CompletableFuture.State.SUCCESS) {
                return known;
            }
            RecordSet records = known.resultNow();
            long now = ticker.getAsLong();
            if (now - records.freshUntil() < 0) {
                return known;
            }
            if (now - records.keptUntil() < 0) {
                if (records.claimRenewal(now, freshness.failure())) {
                    renew(key, domain, type, known);
                }
                return known;
            }
            cache.asMap().remove(key, known);
        }
        CompletableFuture<RecordSet> mine = new CompletableFuture<>();
        @Nullable
        CompletableFuture<RecordSet> other = cache.asMap().putIfAbsent(key, mine);
        if (other != null) {
            return other;
        }
        var _ = ask(domain, type).whenComplete((found, failure) -> mine.complete(found != null
                ? found
                : unknown(String.valueOf(failure))));
        return mine;
    }

    long octets() {
        return cache.synchronous().policy().eviction().map(kept -> kept.weightedSize().orElse(0)).orElse(0L);
    }

    private void renew(String key, String domain, RecordType type, CompletableFuture<RecordSet> held) {
        var _ = ask(domain, type).thenAccept(fresh -> {
            if (fresh.state() != RecordSet.State.UNKNOWN) {
                cache.asMap().replace(key, held, CompletableFuture.completedFuture(fresh));
            }
        });
    }

    private CompletableFuture<RecordSet> ask(String domain, RecordType type) {
        @Nullable
        Name name = DomainNames.toName(domain);
        if (name == null) {
            return CompletableFuture.completedFuture(unknown("not a domain name"));
        }
        return client.query(name, type.code, Question.Rank.RECORD).thenApply(this::recordSet);
    }

    private RecordSet recordSet(DnsAnswer answer) {
        long now = ticker.getAsLong();
        return switch (answer) {
            case DnsAnswer.Records(List<Record> records, long ttl, boolean _) -> {
                long fresh = now + freshness.positive(ttl);
                yield new RecordSet(RecordSet.State.FOUND, values(records), "", fresh, fresh + freshness.stale());
            }
            case DnsAnswer.NoRecords(long ttl, boolean _) ->
                absent(RecordSet.State.NO_RECORD, now + freshness.negative(ttl));
            case DnsAnswer.NoSuchName(long ttl) -> absent(RecordSet.State.NO_NAME, now + freshness.negative(ttl));
            case DnsAnswer.Trouble trouble -> unknown(trouble.why());
        };
    }

    private static List<String> values(List<Record> records) {
        return records.stream()
                .sorted(Comparator.comparingInt(record -> record instanceof MXRecord mx ? mx.getPriority() : 0))
                .limit(MAX_VALUES).map(RecordType::text).toList();
    }

    private static RecordSet absent(RecordSet.State state, long until) {
        return new RecordSet(state, List.of(), "", until, until);
    }

    private RecordSet unknown(String why) {
        long until = ticker.getAsLong() + freshness.failure();
        return new RecordSet(RecordSet.State.UNKNOWN, List.of(), why, until, until);
    }
}
