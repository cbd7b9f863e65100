package dev.penstock.shaping;

import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.Pacer.RateLimiter;
import dev.penstock.shaping.rules.RuleBook;

/**
 * How fast each site and domain may be sent to. Thread-safe; nothing blocks.
 *
 * <p>Which limits bind a path a {@link LimitBook} says: it is asked when a path is used first, and again by
 * {@link #changed()}. What several paths share there is one limiter, for as long as one of them uses it or anything of it
 * is spent.
 *
 * <p>A shaping key is a site, or the stand-in for a domain that has a section of its own ({@link Site#ofDomain}). Each
 * source has limits of its own towards each key, as if there were no other; a ready queue has one source and one key, which
 * others may share. A key's state lives as long as it matters: it is forgotten when no
 * ready queue has used it for some minutes, or just now when there are very many, and it has no session and no slot ahead.
 */
public final class Shaper implements AutoCloseable {
    /** A key unused for so long is forgotten. */
    static final Duration IDLE = Duration.ofMinutes(10);
    /** With more keys than this, some 120 MB, an unused one is forgotten as soon as it has no slot ahead. */
    static final int MANY = 100_000;
    private static final Duration REAP_OF_MANY = Duration.ofSeconds(10); // a look at each key

    private final ConcurrentHashMap<EgressPath, Throttle> throttles = new ConcurrentHashMap<>();
    /** What is shared, by who shares it. Guarded by itself. */
    private final Map<SharedLimit.Id, Shared> registry = new HashMap<>();
    private final Pacer pacer;
    private final SharedSessions sharedSessions = new SharedSessions();
    private final RuleBook rules;
    private final LimitBook book;
    private final LongSupplier nanoTime;
    private final AtomicLong lastReapNanos;
    private final AtomicInteger changes = new AtomicInteger();
    /** How often all senders that wait have been told to ask anew. */
    private final AtomicInteger lines = new AtomicInteger();
    /** Whether some sender was ever bound. */
    private volatile boolean hasBoundSenders;
    private volatile Runnable sendersChanged = () -> {};

    /** One shared limit that is in force, or was until lately. */
    private static final class Shared {
        private SharedLimit says;
        private @Nullable RateLimiter rate;
        private SharedSessions.@Nullable Count count;
        private SenderLimits.@Nullable InDelivery inDelivery;
        /** Paths that it binds. */
        private int users;
        private long usedNanos;

        private Shared(SharedLimit says) {
            this.says = says;
        }
    }

    /** By the file alone: no section is for a whole site. */
    public Shaper(ShapingConfig config, LongSupplier nanoTime) {
        this(config, null, InstantSource.system(), nanoTime);
    }

    /** @param book null for what the file says */
    public Shaper(ShapingConfig config, @Nullable LimitBook book, InstantSource wallClock, LongSupplier nanoTime) {
        this(new RuleBook(config), book, wallClock, nanoTime);
    }

    /**
     * @param rules     of the file
     * @param book      which limits bind which path; null for what the rules say
     * @param wallClock by which days begin and end
     */
    public Shaper(RuleBook rules, @Nullable LimitBook book, InstantSource wallClock, LongSupplier nanoTime) {
        this.rules = rules;
        this.book = book == null ? rules : book;
        this.nanoTime = nanoTime;
        this.pacer = new Pacer(nanoTime, wallClock);
        this.lastReapNanos = new AtomicLong(nanoTime.getAsLong());
    }

    /** Begins to give out slots when they come. */
    public void start() {
        pacer.start();
    }

    /** Gives out no more slots. */
    @Override
    public void close() {
        pacer.close();
    }

    /** Without a thread: gives out what is due by now. */
    public void runDue() {
        while (turn() == 0) {
            // until nothing is due any more
        }
    }

    /** As {@link #runDue}, a part of it. @return nanoseconds until there is more, 0 when there is */
    public long turn() {
        return pacer.turn();
    }

    /** Bulk keeps so much, in percent, of the slots that transactional mail waits for, too. */
    public void bulkShare(int percent) {
        pacer.bulkShare(percent);
    }

    /** From now on with these limits, also for sessions already open; what is over a lowered limit ends by itself. */
    public void reconfigure(ShapingConfig next) {
        rules.reconfigure(next);
        changed();
    }

    /** The book says something else: all that is in force is asked for anew, and applies at once, to mail that waits too. */
    public void changed() {
        changed(_ -> true);
    }

    /**
     * As {@link #changed()}, of one source towards one provider.
     *
     * @param source   empty for all
     * @param provider empty for those whose hosts are nobody's known
     */
    public void changed(String source, String provider) {
        changed(throttle -> throttle.provider().equals(provider)
                && (source.isEmpty() || throttle.key().source().equals(source)));
    }

    /**
     * As {@link #changed(String, String)}, towards one site.
     *
     * @param site by its name; empty for all
     */
    public void changed(String source, String provider, String site) {
        changed(throttle -> throttle.provider().equals(provider)
                && (source.isEmpty() || throttle.key().source().equals(source))
                && (site.isEmpty() || throttle.key().site().name().equals(site)));
    }

    private void changed(Predicate<Throttle> which) {
        lines.incrementAndGet();
        changes.incrementAndGet();
        long now = nanoTime.getAsLong();
        List<Runnable> told = new ArrayList<>();
        for (Throttle throttle : throttles.values()) {
            if (which.test(throttle)) {
                ask(throttle, told, now);
            }
        }
        told.forEach(Runnable::run);
        if (hasBoundSenders) {
            sendersChanged.run();
        }
    }

    /** Senders may go by another pool, or to another provider: what binds them is asked for anew. */
    public void sendersMoved() {
        lines.incrementAndGet();
        changes.incrementAndGet();
        if (hasBoundSenders) {
            sendersChanged.run();
        }
    }

    /** @param changed run, with no lock held, when what binds senders may be something else */
    public void listen(Runnable changed) {
        sendersChanged = changed;
    }

    /** How often limits may have changed: who keeps what they were asks again when this is another. */
    public int changes() {
        return changes.get();
    }

    private void ask(Throttle throttle, List<Runnable> told, long nowNanos) {
        int asOf;
        do { // the book is asked with no lock held, so that it may have one; who was told of late asks again
            asOf = changes.get();
            PathLimits limits = pathLimits(throttle.key(), throttle.provider());
            synchronized (throttle) {
                if (throttle.reconfigure(limits, limit -> rate(limit, nowNanos), limit -> count(limit, told, nowNanos),
                        told, nowNanos)) {
                    uses(throttle, limits.shared(), nowNanos);
                }
            }
        } while (asOf != changes.get());
    }

    private PathLimits pathLimits(EgressPath path, String provider) {
        return book.of(path, provider);
    }

    private void uses(Throttle throttle, List<SharedLimit> limits, long nowNanos) {
        List<SharedLimit.Id> next = limits.stream().map(SharedLimit::id).distinct().toList();
        synchronized (registry) {
            if (throttle.forgotten || next.equals(throttle.uses)) {
                return;
            }
            next.forEach(id -> count(id, 1, nowNanos));
            throttle.uses.forEach(id -> count(id, -1, nowNanos));
            throttle.uses = next;
        }
    }

    private void count(SharedLimit.Id id, int users, long nowNanos) {
        Shared shared = registry.get(id);
        if (shared != null) {
            shared.users += users;
            shared.usedNanos = nowNanos;
        }
    }

    private RateLimiter rate(SharedLimit limit, long nowNanos) {
        synchronized (registry) {
            Shared shared = registry.computeIfAbsent(limit.id(), _ -> new Shared(limit));
            RateLimiter rate = shared.rate;
            if (rate == null) {
                rate = pacer.limiter(limit, nowNanos);
                shared.rate = rate;
            } else if (!rate.says().equals(limit)) {
                pacer.limit(rate, limit, nowNanos);
            }
            shared.says = limit;
            shared.usedNanos = nowNanos;
            return rate;
        }
    }

    private SharedSessions.Count count(SharedLimit limit, List<Runnable> told, long nowNanos) {
        synchronized (registry) {
            Shared shared = registry.computeIfAbsent(limit.id(), _ -> new Shared(limit));
            SharedSessions.Count count = shared.count;
            if (count == null) {
                count = sharedSessions.count(limit);
                shared.count = count;
            } else if (!count.says().equals(limit)) {
                Throttle.tell(sharedSessions.limit(count, limit), sharedSessions, told);
            }
            shared.says = limit;
            shared.usedNanos = nowNanos;
            return count;
        }
    }

    private SenderLimits.InDelivery inDelivery(SharedLimit limit, long nowNanos) {
        synchronized (registry) {
            Shared shared = registry.computeIfAbsent(limit.id(), _ -> new Shared(limit));
            SenderLimits.InDelivery inDelivery = shared.inDelivery;
            if (inDelivery == null) {
                inDelivery = new SenderLimits.InDelivery(limit);
                shared.inDelivery = inDelivery;
            } else if (!limit.equals(shared.says)) {
                inDelivery.limit(limit, pacer::later);
            }
            shared.says = limit;
            shared.usedNanos = nowNanos;
            return inDelivery;
        }
    }

    /** Whether any limit is told apart by who sends: else nobody needs to ask for {@link #of}. */
    public boolean limitsSenders() {
        return book.limitsSenders();
    }

    /** What binds this sender's mail on the path beside what binds the path; for as long as {@link #changes} stays. */
    public SenderLimits of(Throttle throttle, Sender sender) {
        List<SharedLimit> limits = book.of(throttle.key(), throttle.provider(), sender);
        if (limits.isEmpty()) {
            return SenderLimits.NONE;
        }
        hasBoundSenders = true;
        int line = lines.get();
        long now = nanoTime.getAsLong();
        List<RateLimiter> rates = new ArrayList<>();
        List<SenderLimits.InDelivery> inDelivery = new ArrayList<>();
        for (SharedLimit limit : limits) {
            switch (limit.id().measure()) {
                case CONNECTIONS -> inDelivery.add(inDelivery(limit, now));
                case MESSAGE_RATE, RECIPIENT_RATE, OCTET_RATE, CONNECTION_RATE, SOURCE_SELECTION_RATE -> rates
                        .add(rate(limit, now));
            }
        }
        return new SenderLimits(rates.isEmpty() ? null : pacer.unshared(rates), inDelivery, line,
                pacer::later);
    }

    /** What is to be expected of its mail. */
    public Prospect prospect(Throttle throttle) {
        return book.prospect(throttle.key(), throttle.provider());
    }

    /** The shaping key for mail to {@code domain}, which is taken at {@code site}. */
    public Site key(String domain, Site site) {
        return rules.key(domain, site);
    }

    /** Who runs the hosts of which domains. */
    public List<ProviderConfig> providers() {
        return rules.config().providers();
    }

    /** What is configured for {@code key} now, where there is one source and nobody's provider. */
    public TrafficLimits limits(Site key) {
        return limits(EgressPath.DEFAULT_SOURCE, key, "");
    }

    /** What is configured for mail of that source to {@code key}, which is of {@code provider}; empty for nobody known. */
    public TrafficLimits limits(String source, Site key, String provider) {
        return rules.of(new EgressPath(source, key), provider).own();
    }

    /** What {@code key} is shaped by where there is one source. */
    public Throttle use(Site key) {
        return use(EgressPath.DEFAULT_SOURCE, key, "");
    }

    /**
     * What mail of that source to {@code key} is shaped by; it is kept until {@link #letGo}. For one ready queue.
     *
     * @param provider whose hosts it goes to; empty for nobody known
     */
    public Throttle use(String source, Site key, String provider) {
        long now = nanoTime.getAsLong();
        reapSometimes(now);
        // Inside compute, so that a key can't be forgotten between being found and being counted.
        Throttle used = throttles.compute(new EgressPath(source, key), (path, present) -> {
            Throttle throttle = present == null
                    ? new Throttle(path, provider, limits(source, key, provider), LimitSource.LOCAL, pacer,
                            sharedSessions, now)
                    : present;
            throttle.used(now);
            throttle.users++;
            return throttle;
        });
        provider(used, provider); // it may have been made while the configuration changed
        return used;
    }

    /** Whose hosts its mail goes to, as is known now: the limits are those for that one. */
    public void provider(Throttle throttle, String provider) {
        List<Runnable> told = new ArrayList<>();
        if (!provider.equals(throttle.provider())) {
            throttle.provider(provider);
            changes.incrementAndGet(); // what is kept of its senders is of the other one
        }
        ask(throttle, told, nanoTime.getAsLong());
        told.forEach(Runnable::run);
    }

    /** The ready queue is gone. */
    public void letGo(Throttle throttle) {
        throttles.computeIfPresent(throttle.key(), (_, present) -> {
            present.users--;
            present.used(nanoTime.getAsLong());
            return present;
        });
    }

    /** What holds mail of the default source to {@code key} back now, null when nothing does. */
    public @Nullable LimitReached waitingFor(Site key) {
        Throttle throttle = throttles.get(new EgressPath(EgressPath.DEFAULT_SOURCE, key));
        return throttle == null ? null : throttle.waitingFor(nanoTime.getAsLong());
    }

    /** Sessions open to {@code key}, of all sources. */
    public int openSessions(Site key) {
        int open = 0;
        for (Throttle throttle : throttles.values()) {
            open += throttle.key().site().equals(key) ? throttle.sessions().sessions() : 0;
        }
        return open;
    }

    /** Keys whose receivers have been found to take fewer sessions than are configured. */
    public int narrowed() {
        int narrowed = 0;
        for (Throttle throttle : throttles.values()) {
            narrowed += throttle.sessions().isLearned() ? 1 : 0;
        }
        return narrowed;
    }

    /** Every key that has state, in no order. */
    public List<ThrottleSnapshot> snapshot() {
        long now = nanoTime.getAsLong();
        return throttles.values().stream()
                .map(
                        throttle -> new ThrottleSnapshot(throttle.key().source(), throttle.key().site(),
                                throttle.limits(), throttle.sharedLimits(),
                                throttle.sessions().sessions(),
                                throttle.sessions().size(), throttle.waitingFor(now)))
                .toList();
    }

    private void reapSometimes(long now) {
        long last = lastReapNanos.get();
        boolean many = throttles.size() > MANY;
        long idle = many ? 0 : IDLE.toNanos();
        if (now - last > (many ? REAP_OF_MANY.toNanos() : idle / 2) && lastReapNanos.compareAndSet(last, now)) {
            for (EgressPath path : throttles.keySet()) {
                throttles.computeIfPresent(path, (_, throttle) -> {
                    if (!throttle.isIdle(now, idle)) {
                        return throttle;
                    }
                    synchronized (registry) {
                        uses(throttle, List.of(), now);
                        throttle.forgotten = true;
                    }
                    return null;
                });
            }
            synchronized (registry) {
                boolean some = registry.values().removeIf(shared -> shared.users == 0
                        && now - shared.usedNanos > IDLE.toNanos() && isIdle(shared, now));
                if (some) {
                    changes.incrementAndGet(); // what is kept of them is of no use any more
                }
            }
        }
    }

    /** Whether forgetting it gives nobody anew what is spent. */
    private boolean isIdle(Shared shared, long nowNanos) {
        RateLimiter rate = shared.rate;
        SharedSessions.Count count = shared.count;
        SenderLimits.InDelivery inDelivery = shared.inDelivery;
        return (rate == null || pacer.isIdle(rate, nowNanos)) && (count == null || sharedSessions.isIdle(count))
                && (inDelivery == null || inDelivery.isIdle());
    }

    /** Sessions that are open of those that a limit counts, and permits that are kept for some; 0 when it isn't in force. */
    public int open(SharedLimit.Id id) {
        synchronized (registry) {
            Shared shared = registry.get(id);
            SharedSessions.Count count = shared == null ? null : shared.count;
            return count == null ? 0 : sharedSessions.open(count);
        }
    }

    /** Slots of rates that were given back, and that nobody else could use. */
    public long lostSlots() {
        return pacer.lost();
    }

    /** What is shared and in force, in no order. */
    public List<SharedLimit> sharedLimits() {
        synchronized (registry) {
            return registry.values().stream().map(shared -> shared.says).toList();
        }
    }
}
