package dev.penstock.mtasts;

import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.mtasts.StsEntry.Known;
import dev.penstock.mtasts.StsFetch.StsException;
import dev.penstock.routing.Lookups;
import dev.penstock.routing.StsPolicy;
import dev.penstock.routing.TextAnswer;
import dev.penstock.tls.TlsResult;

/**
 * The policies of domains, cached, refreshed before they are needed and kept over restarts. Thread-safe; never blocks.
 *
 * <p>What is known serves while it is looked at anew; only a domain of which nothing is known is waited for. What becomes
 * of an entry is decided by {@link StsEntry} alone; of each domain one look-up is under way at a time, and only that one
 * replaces its entry.
 */
public final class StsPolicies implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(StsPolicies.class);
    /** As many as KumoMTA keeps, with a policy, and as many without, which take 200 octets each. */
    private static final int MAX_DOMAINS = 65_536;
    private static final Duration WRITE_PAUSE = Duration.ofSeconds(30);

    private final Lookups lookups;
    private final StsFetch fetch;
    private final StsFile file;
    private final InstantSource clock;
    private final TlsResult.Listener results;
    /** Domains with a policy, whom no number of domains without one pushes out. */
    private final Cache<String, StsEntry> known;
    private final Cache<String, StsEntry> unknown;
    private final Map<String, CompletableFuture<StsEntry>> underWay = new ConcurrentHashMap<>();
    private final AtomicBoolean changed = new AtomicBoolean();
    private final ScheduledExecutorService writer = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("mta-sts-file").factory());
    private final LongAdder fetched = new LongAdder();
    private final LongAdder failures = new LongAdder();

    /**
     * @param directory where policies are kept
     * @param results   told of policies that can't be had
     */
    public StsPolicies(Lookups lookups, StsFetch fetch, Path directory, InstantSource clock,
            TlsResult.Listener results) {
        this(lookups, fetch, directory, clock, results, MAX_DOMAINS);
    }

    /** @param maxDomains with a policy, and without one */
    StsPolicies(Lookups lookups, StsFetch fetch, Path directory, InstantSource clock, TlsResult.Listener results,
            int maxDomains) {
        this.known = Caffeine.newBuilder().maximumSize(maxDomains).build();
        this.unknown = Caffeine.newBuilder().maximumSize(maxDomains).build();
        this.lookups = lookups;
        this.fetch = fetch;
        this.file = new StsFile(directory);
        this.clock = clock;
        this.results = results;
        long now = clock.millis();
        file.read().forEach((domain, kept) -> {
            StsEntry entry = new StsEntry(kept, now); // looked at anew when it is asked for
            if (!entry.isOver(now)) {
                known.put(domain, entry);
            }
        });
        var _ = writer.scheduleWithFixedDelay(this::write, WRITE_PAUSE.toMillis(), WRITE_PAUSE.toMillis(),
                TimeUnit.MILLISECONDS);
    }

    /** Its policy now, null for none; complete already when something is known of the domain. */
    public CompletableFuture<@Nullable StsPolicy> find(String domain) {
        long now = clock.millis();
        StsEntry entry = entry(domain);
        if (entry == null || entry.isOver(now)) {
            return lookUp(domain).thenApply(found -> found.policy(clock.millis()));
        }
        if (entry.isDue(now)) {
            var _ = lookUp(domain);
        }
        return CompletableFuture.completedFuture(entry.policy(now));
    }

    /** Whether nothing is known of the domain yet, and its policy is being looked up. */
    boolean isAwaited(String domain) {
        return underWay.containsKey(domain);
    }

    private @Nullable StsEntry entry(String domain) {
        StsEntry entry = known.getIfPresent(domain);
        return entry != null ? entry : unknown.getIfPresent(domain);
    }

    private void keep(String domain, StsEntry entry) {
        if (entry.known() != null) {
            known.put(domain, entry);
            unknown.invalidate(domain);
        } else {
            unknown.put(domain, entry);
            known.invalidate(domain);
        }
    }

    private CompletableFuture<StsEntry> lookUp(String domain) {
        CompletableFuture<StsEntry> mine = new CompletableFuture<>();
        CompletableFuture<StsEntry> other = underWay.putIfAbsent(domain, mine);
        if (other != null) {
            return other;
        }
        StsEntry kept = entry(domain);
        StsEntry before = kept == null ? StsEntry.NOTHING : kept;
        var _ = lookups.texts("_mta-sts." + domain).thenCompose(answer -> next(domain, before, answer))
                .handle((next, failure) -> next != null ? next : unexpected(domain, before, failure))
                .thenAccept(next -> {
                    keep(domain, next);
                    underWay.remove(domain, mine);
                    mine.complete(next);
                });
        return mine;
    }

    private CompletableFuture<StsEntry> next(String domain, StsEntry before, TextAnswer answer) {
        long now = clock.millis();
        return switch (answer) {
            case TextAnswer.Trouble _ -> CompletableFuture.completedFuture(before.failed(now));
            case TextAnswer.Texts(var texts) -> {
                String id = StsText.id(texts);
                yield id != null && before.wants(id, now)
                        ? fetch.fetch(domain).handle((found, failure) -> found != null
                                ? fetched(domain, before, id, found)
                                : failed(domain, before, failure))
                        : CompletableFuture.completedFuture(before.seen(now));
            }
        };
    }

    private StsEntry fetched(String domain, StsEntry before, String id, StsText.Published found) {
        long now = clock.millis();
        fetched.increment();
        changed.set(true);
        StsPolicy policy = found.policy();
        log.info("event=mta-sts-policy domain={} id={} mode={} max-age={}", domain, id,
                policy == null ? "none" : policy.mode(), found.maxAgeSeconds());
        return before.fetched(new Known(id, policy, now, found.maxAgeSeconds()), now);
    }

    private StsEntry failed(String domain, StsEntry before, @Nullable Throwable failure) {
        long now = clock.millis();
        failures.increment();
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        StsException said = cause instanceof StsException told
                ? told
                : new StsException("sts-policy-fetch-error", String.valueOf(cause));
        StsPolicy held = before.policy(now);
        log.warn("event=mta-sts-policy-not-had domain={} why={} effect={}", domain, said.why(),
                held == null ? "mail goes as without one" : "the one from before holds");
        results.on(new TlsResult(domain, held == null
                ? TlsResult.Policy.NONE
                : new TlsResult.Policy(TlsResult.Kind.STS, held.lines(), held.mx()),
                new TlsResult.Failure(said.type(), "", "", "", said.why())));
        return before.failed(now);
    }

    private StsEntry unexpected(String domain, StsEntry before, @Nullable Throwable failure) {
        log.error("event=mta-sts-look-up-failed domain={}", domain, failure);
        return before.failed(clock.millis());
    }

    public StsStats stats() {
        long now = clock.millis();
        return new StsStats(fetched.sum(), failures.sum(),
                known.asMap().values().stream().filter(entry -> entry.policy(now) != null).count());
    }

    private void write() {
        if (changed.getAndSet(false)) {
            long now = clock.millis();
            Map<String, Known> kept = new HashMap<>();
            known.asMap().forEach((domain, entry) -> {
                Known policy = entry.known();
                if (policy != null && now < policy.untilMillis()) {
                    kept.put(domain, policy);
                }
            });
            file.write(kept);
        }
    }

    @Override
    public void close() {
        writer.shutdown();
        try {
            if (writer.awaitTermination(WRITE_PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
                write();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
