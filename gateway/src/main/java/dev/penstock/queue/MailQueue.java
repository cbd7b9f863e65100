package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ProviderConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.config.TlsPolicy;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Everywhere;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.egress.SourceHealth.Suspension;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.routing.Providers;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.LimitReached;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.SenderLimits;
import dev.penstock.shaping.SenderLimits.Answer;
import dev.penstock.shaping.SenderLimits.Taken;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.Throttle;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Orders.Binding;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.units.Durations;
import dev.penstock.units.MailClass;

/**
 * Every destination of every message from acceptance to its end: what is due later waits on a timing wheel, what is due
 * now in its ready queue, and until its route is known in the unrouted. Thread-safe; nothing blocks but {@link ReadyQueue#await}.
 *
 * <p>An item is in one place at a time: on the wheel, in a {@link SubQueue}, or with the delivery session that polled it, who
 * gives it back by exactly one of {@link #finished}, {@link #retry} and {@link #requeue}. A domain with all its mail that
 * goes by one source is in one {@link ReadyQueue}, and moves as a whole when its route or its shaping changes. An item has
 * its source when it is taken in, and anew when it is due, and when its source can't be used any more or another can again.
 * While none of its pool can, it waits in a {@link Lane} of its pool's, and takes turns there as mail that is ready does.
 *
 * <p>Locks, each held for nanoseconds: one per ready queue, the scheduler's and that of the ids; before the ready queues' comes that of what stands, which is held over all of them when that changes. Whoever holds one of these
 * two takes no other; two ready queues are locked by ascending number, and a quota is asked under theirs. The router, the listener and the failure handler are called with none held.
 */
public final class MailQueue implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(MailQueue.class);

    /** A route older than this is asked for again when mail comes for it; the router answers from its cache. */
    static final Duration ROUTE_REFRESH = Duration.ofSeconds(5);
    /** How often all domains and ready queues are looked at, to follow changed routes and to forget what is idle. */
    static final Duration SWEEP_INTERVAL = Duration.ofMinutes(1);
    /** What was found idle so often is forgotten. */
    static final int IDLE_SWEEPS = 5;
    /** Of one sender's mail for one domain, to find a message: well below a millisecond. */
    private static final int MOST_LOOKED_AT = 10_000;
    private static final int SWEEP_BATCH = 256;
    /** Times of nanoseconds compare within 292 years. */
    static final Duration FAR_AWAY = Duration.ofDays(36_500);
    /** By more than this the wall's clock and the monotonic one drift apart only when somebody sets one. */
    private static final Duration CLOCK_SET = Duration.ofSeconds(1);
    /** How often mail that no source takes is tried again though nothing is heard of one: quotas tell nobody. */
    static final Duration WAITING_RETRY = Duration.ofSeconds(1);
    /** Of mail that waits, so many senders' mail for a domain is tried each time though none before it found a source. */
    static final int WAITING_LOOKS = 256;
    private static final int FAILURE_BATCH = 128;
    /** What a destination takes at most, with its message's envelope, as MemoryTest has it. */
    private static final int DESTINATION_OCTETS = 300;
    /** What a domain takes, and a ready queue with its throttle, its limiters and its site: with what DNS said 5,230 octets, as MemoryTest has it. */
    private static final int DOMAIN_OCTETS = 700;
    private static final int READY_QUEUE_OCTETS = 3_700;
    /** Domains whose mail is handed to the failure handler at once: each may hold a message in memory. */
    static final int FAILURES_AT_ONCE = 32;

    final QueueClock clock;
    final Scheduler scheduler;
    private final Shaper shaper;
    private final Router router;
    private final Placement placement;
    /** By source. */
    private final ConcurrentHashMap<String, Lane> lanes = new ConcurrentHashMap<>();
    /** Mail that waits for one of its pool's sources. */
    private final ConcurrentHashMap<Waiting, Lane> waiting = new ConcurrentHashMap<>();
    /** What sessions have in hand and the quota of its source counts, until something is sent of it. */
    private final ConcurrentHashMap<QueueItem, Charge> charges = new ConcurrentHashMap<>();
    /** What sessions have in hand and is counted by limits of its sender or of how often its source is chosen. */
    private final ConcurrentHashMap<QueueItem, Counted> counted = new ConcurrentHashMap<>();
    /** Whose mail is to be placed anew. */
    private final Queue<DomainQueue> astray = new ConcurrentLinkedQueue<>();
    private final Choice plainChoice;
    /** Some lane is. */
    private volatile boolean lanesAstray;
    /** A source can be used again: mail that waits for one is to be looked at. */
    private volatile boolean looksAtWaiting;
    private final ConcurrentHashMap<QueueKey, ReadyQueue> readyQueues = new ConcurrentHashMap<>();
    private final AtomicLong numbers = new AtomicLong();
    final ReadyQueue unrouted;
    private final AtomicInteger routeEpoch = new AtomicInteger();
    /** Domains whose mail has no route and is to be handed to the failure handler, and how many threads are at it. */
    private final Queue<Failing> failing = new ConcurrentLinkedQueue<>();
    private final AtomicInteger failers = new AtomicInteger();
    /** Items that are due for a report alone, and how many threads are at it. */
    private final Queue<QueueItem> reportsDue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger reporters = new AtomicInteger();
    /** Held items whose time to be looked at has come, and how many threads are at it. */
    private final Queue<QueueItem> holdsDue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger holders = new AtomicInteger();
    private final Holds holds = new Holds();
    private final StandingOrders orders = new StandingOrders();
    /**
     * Who waits for items that others have in hand, one after the other. Added to under the lock that guards the item. The lists
     * are replaced, not changed.
     */
    private final ConcurrentHashMap<QueueItem, List<Claimant>> claims = new ConcurrentHashMap<>();
    private final ClassAges ages = new ClassAges();
    private final LongAdder submitted = new LongAdder();
    private final LongAdder finished = new LongAdder();
    private final LongAdder retried = new LongAdder();
    private final LongAdder requeued = new LongAdder();
    private final LongAdder routeFailures = new LongAdder();
    private final LongAdder moved = new LongAdder();
    private final LongAdder placedAnew = new LongAdder();
    private final LongAdder outlasted = new LongAdder();
    /** Of replies that are kept to be shown. */
    private final LongAdder keptOctets = new LongAdder();
    private final TenantAccounts accounts;
    private final IdIndex byId = new IdIndex();
    private final Traffic traffic;
    private final QueueViews views;
    private volatile TenantRules tenants = TenantRules.NONE;
    private volatile Shares shares;
    private volatile Curfews curfews = Curfews.NONE;
    /** Those in force, as they were found last. */
    private volatile List<Withheld.Curfew> inForce = List.of();
    /** What operators have suspended, and what of it is in force, as it was found last. */
    private volatile List<OperatorSuspension> suspensions = List.of();
    private volatile List<Withheld.Ordered> suspended = List.of();
    /** When an operator's suspension ends that has no end: as far away as times can be compared. */
    private final long farNanos;
    /** Curfews may be others, or may bind other mail. */
    private volatile boolean curfewsChanged;
    /** Held by who finds out what is in force: the scheduler, or who has changed it. Ready queues' locks come behind it. */
    private final ReentrantLock curfewLock = new ReentrantLock();
    /** Under that lock. */
    private long nextCurfewNanos;
    private volatile QueueConfig config;
    private volatile List<ProviderConfig> knownProviders;
    private volatile Providers providers;
    private volatile boolean started;
    private volatile boolean closed;
    private volatile @Nullable ReadyQueueListener listener;
    private volatile BooleanSupplier canRecord = () -> true;
    private final ReadyQueue.Surroundings surroundings = new Around();
    private volatile @Nullable RouteFailureHandler failureHandler;
    private volatile Executor failureExecutor = Thread::startVirtualThread;

    // Confined to the scheduler's thread.
    private @Nullable Iterator<DomainQueue> sweeping;
    private long nextSweepNanos;
    /** Mail in the scheduler's hands, on its way to another source. */
    private final ItemList placing = new ItemList();
    private @Nullable Iterator<DomainQueue> placingAll;
    private long nextWaitingNanos;
    /** Lanes of mail that waits, whose turn it is to look for sources. */
    private final ArrayDeque<Lane> looking = new ArrayDeque<>();
    private long placedFromWaiting;
    private int sweptEpoch;

    /** Whose mail goes by one source, whatever it is. */
    public MailQueue(QueueConfig config, Shaper shaper, Router router, InstantSource wallClock,
            LongSupplier nanoTime) {
        this(config, shaper, router, Placement.plain(), wallClock, nanoTime);
    }

    public MailQueue(QueueConfig config, Shaper shaper, Router router, Placement placement, InstantSource wallClock,
            LongSupplier nanoTime) {
        this.config = config;
        this.shares = new Shares(TenantRules.NONE, config.bulkSharePercent());
        this.shaper = shaper;
        shaper.bulkShare(config.bulkSharePercent());
        this.router = router;
        this.knownProviders = shaper.providers();
        this.providers = new Providers(knownProviders);
        this.placement = placement;
        this.clock = new QueueClock(wallClock, nanoTime);
        this.traffic = new Traffic(clock::millis, this::place);
        this.views = new QueueViews(this, shaper);
        this.accounts = new TenantAccounts(clock::wallMillis, clock::nanos);
        this.unrouted = new ReadyQueue(surroundings, new QueueKey("", new Site(""), false), numbers.getAndIncrement(),
                null, null);
        Lane plain = new Lane(QueueKey.DEFAULT_SOURCE, unrouted);
        lanes.put(QueueKey.DEFAULT_SOURCE, plain);
        this.plainChoice = new Choice(plain, Pools.NONE, true);
        this.scheduler = new Scheduler(clock, this::enqueue, ReadyQueue::timeCame, this::keepHouse);
        this.farNanos = clock.nanos() + FAR_AWAY.toNanos();
        this.nextSweepNanos = clock.nanos() + SWEEP_INTERVAL.toNanos();
        this.nextWaitingNanos = clock.nanos() + WAITING_RETRY.toNanos();
        this.nextCurfewNanos = clock.nanos() + SWEEP_INTERVAL.toNanos();
        placement.health().listen(new Health());
        shaper.listen(() -> readyQueues.values().forEach(ReadyQueue::sendersChanged));
    }

    private record Failing(DomainQueue domain, Route.Failure failure) {}

    /** @param provider who runs the hosts of its domain, empty for nobody known; null while that isn't known */
    private record Waiting(String pool, @Nullable String provider) {}

    /** What a message in hand is counted as. */
    private record Charge(String source, String provider, long takenMillis) {}

    /** Guarded by itself. */
    private static final class Counted {
        private @Nullable Taken bySender;
        private @Nullable Slot bySource;
        private boolean sent;
    }

    /** What a ready queue can't know by itself. */
    private final class Around implements ReadyQueue.Surroundings {
        @Override
        public boolean isReleased(QueueItem item) {
            return orders.of(item.entry()).released();
        }

        @Override
        public long nanos() {
            return clock.nanos();
        }

        @Override
        public long wallAt(long atNanos) {
            return clock.wallMillis() + TimeUnit.NANOSECONDS.toMillis(atNanos - clock.nanos());
        }

        @Override
        public boolean handsOut() {
            return started && !closed && canRecord.getAsBoolean();
        }

        @Override
        public ReadyQueue.Suspensions suspensions() {
            long longest = config.maxSuspension().toNanos();
            return new ReadyQueue.Suspensions(Math.min(RetrySchedule.shortest(config).toNanos(), longest), longest);
        }

        @Override
        public long counts(QueueItem item) {
            return count(item);
        }

        @Override
        public Withheld.@Nullable Until bySender(QueueItem item) {
            return shaper.limitsSenders() ? countSender(item) : null;
        }

        @Override
        public Prospect prospect(Throttle throttle) {
            return shaper.prospect(throttle);
        }

        @Override
        public Shares shares() {
            return shares;
        }

        @Override
        public void keeps(int octets) {
            keptOctets.add(octets);
        }

        @Override
        public void strays(SubQueue subQueue) {
            strayLocked(subQueue);
        }

        @Override
        public void requeue(QueueItem item) {
            MailQueue.this.requeue(item);
        }

        @Override
        public void wakeAt(ReadyQueue queue, long atNanos) {
            scheduler.wakeAt(queue, atNanos);
        }

        @Override
        public void wantsSession(ReadyQueue queue) {
            ReadyQueueListener told = listener;
            if (told != null) {
                told.wantsSession(queue);
            }
        }

        @Override
        public void mayGrant(ReadyQueue queue, Limiter limiter) {
            ReadyQueueListener told = listener;
            if (told != null) {
                told.mayGrant(queue, limiter);
            }
        }

        @Override
        public boolean askNow(DomainQueue domain) {
            return MailQueue.this.askNow(domain);
        }
    }

    private ReadyQueue newReadyQueue(QueueKey key, Route.Open route) {
        Throttle throttle = shaper.use(key.source(), key.site(), providers.ofKey(key.site(), route.site()));
        return new ReadyQueue(surroundings, key, numbers.getAndIncrement(), throttle, route);
    }

    /** Whoever finds a new one puts mail into it at once: it is locked until it has been told what stands. */
    private ReadyQueue readyQueue(QueueKey key, Route.Open route) {
        ReadyQueue known = readyQueues.get(key);
        if (known != null) {
            return known;
        }
        AtomicReference<ReadyQueue> made = new AtomicReference<>();
        ReadyQueue found = readyQueues.computeIfAbsent(key, _ -> {
            ReadyQueue locked = newReadyQueue(key, route);
            locked.lock();
            made.set(locked);
            return locked;
        });
        if (found == made.get()) {
            try {
                bar(found); // asked now that whoever hears of changes finds it
                found.standing(this::standing);
            } finally {
                found.unlock();
            }
        }
        return found;
    }

    /**
     * Mail is given out only while {@code recordable} says that what becomes of it can be recorded. Before
     * {@link #start}; {@link #recordingChanged} has to be called whenever it may have come to say so again.
     */
    public void handsOutOnlyWhile(BooleanSupplier recordable) {
        canRecord = recordable;
    }

    /** Whether outcomes can be recorded may have changed: when they can, mail is given out again. */
    public void recordingChanged() {
        if (canRecord.getAsBoolean()) {
            forEachReadyQueue(ReadyQueue::handsOutAgain);
        }
    }

    /** Shows every ready queue there is. */
    public void forEachReadyQueue(Consumer<ReadyQueue> action) {
        readyQueues.values().forEach(action);
    }

    /** Begins to give out mail. What was submitted before comes first. */
    public void start(RouteFailureHandler handler, ReadyQueueListener readyQueueListener) {
        open(handler, readyQueueListener, failureExecutor);
        shaper.start();
        scheduler.start();
        traffic.start();
    }

    /** As {@link #start}, but without the scheduler's thread: the test calls {@link #runDue()}. */
    void open(RouteFailureHandler handler, ReadyQueueListener readyQueueListener, Executor executor) {
        failureHandler = handler;
        listener = readyQueueListener;
        failureExecutor = executor;
        lookAtCurfews();
        started = true;
    }

    /** Does what the scheduler's thread would do now. */
    void runDue() {
        shaper.runDue();
        while (scheduler.turn() == 0) {
            // until nothing is due any more
        }
        shaper.runDue();
        traffic.tick();
    }

    /**
     * Takes in a destination whose place in its tenant's {@link #accounts()} wasn't taken before. Else as
     * {@link #submit(QueuedDestination, boolean)}.
     */
    public void submit(QueuedDestination destination) {
        submit(destination, false);
    }

    /**
     * Takes in a destination, new or recovered. It may be held (RFC 4865): it isn't due before the hold's end then, and its
     * age counts from there. A next attempt that is further away than the schedule's longest wait was computed by a clock
     * that was wrong, and is brought back to it. Reports made here are told from their tenant's mail. One that its
     * receivers would mind ({@link dev.penstock.message.Options#heldFor}) is held, as by {@link #hold}, unless it was
     * let go on before and attempted.
     *
     * @param counted whether it is among the destinations of its tenant already
     */
    public void submit(QueuedDestination destination, boolean counted) {
        Envelope envelope = destination.envelope();
        Orders ordered = destination.orders();
        TenantCampaign owner = owner(envelope, ordered.binding());
        String domain = ordered.domain(destination.domain());
        if (!counted && !owner.reports()) {
            accounts.queued(owner.tenant(), TenantAccounts.kilobytes(destination.size()), envelope.id().value(),
                    envelope.receivedMillis());
        }
        long holdMillis = envelope.options().holdUntilMillis();
        long dueMillis = destination.nextAttemptMillis();
        long now = clock.millis();
        long earliest = holdMillis == 0 ? now : Math.max(now, clock.fromWall(holdMillis));
        long due = dueMillis == 0
                ? earliest
                : Math.clamp(clock.fromWall(dueMillis), 0, earliest + RetrySchedule.longest(config).toMillis());
        String heldFor = destination.attempts() == 0 && !ordered.released() ? envelope.options().heldFor() : null;
        boolean held = heldFor != null || ordered.isHeld();
        if (ordered.isHeld()) {
            due = endOfHold(ordered);
        } else if (heldFor != null) {
            due = holds.nextLookMillis(now);
        } else if (ordered.notBeforeMillis() > clock.wallMillis()) {
            due = Math.max(earliest, clock.fromWall(ordered.notBeforeMillis()));
        }
        boolean later = due > now || !started || held;
        submitted.increment();
        if (started) {
            traffic.came();
        }
        while (true) {
            Choice choice = choose(owner, destination.entry().messageId(), destination.attempts(), domain,
                    later ? Wish.LATER : Wish.NOW);
            DomainQueue queue = choice.lane().domain(domain);
            QueueItem item;
            boolean wants = false;
            boolean ask = false;
            ReadyQueue readyQueue = queue.lockReadyQueue();
            try {
                if (queue.removed) {
                    continue;
                }
                SubQueue home = queue.subQueue(owner);
                item = new QueueItem(destination.entry(), home, Math.max(envelope.receivedMillis(), holdMillis),
                        destination.size());
                item.schedule(due, destination.attempts());
                if (!ordered.isNone()) {
                    orders.put(item.entry(), ordered);
                }
                if (heldFor != null) {
                    holds.put(item.entry(), heldFor);
                }
                if (held) {
                    item.state(QueueItem.HELD);
                }
                home.enter(item);
                byId.add(item);
                if (!later) {
                    wants = readyQueue.append(item);
                    ask = mayAsk(queue);
                }
            } finally {
                readyQueue.unlock();
            }
            ages.add(item, destination.attempts());
            if (later) {
                scheduler.insert(item);
            }
            follow(queue, readyQueue, ask, wants, choice.isOutdated(placement.pools()));
            return;
        }
    }

    /**
     * The attempt failed for now, and the spool knows.
     *
     * @param dueMillis of the next attempt, milliseconds since 1970
     * @param attempts  made so far
     */
    public void retry(QueueItem item, long dueMillis, int attempts) {
        retry(item, QueueItem.SCHEDULED, dueMillis, attempts);
    }

    /** As {@link #retry}, but nothing is left to deliver: no session is opened for it, the handler settles it. */
    public void retryReport(QueueItem item, long dueMillis, int attempts) {
        retry(item, QueueItem.REPORT_SCHEDULED, dueMillis, attempts);
    }

    /** How often held mail is looked at, from its next look on. */
    public void lookAtHeldEvery(Duration interval) {
        holds.interval(interval);
    }

    /**
     * The item waits, attempted by nobody, until {@link RouteFailureHandler#holdDue} has let it go.
     *
     * @param noLaterThan when it is looked at again, at the latest; milliseconds since 1970
     */
    public void hold(QueueItem item, String why, long noLaterThan) {
        long due = Math.min(holds.nextLookMillis(clock.millis()), Math.max(0, clock.fromWall(noLaterThan)));
        holds.put(item.entry(), why);
        goesOn(item, QueueItem.HELD, due, item.attempts());
    }

    /**
     * Nothing holds the item any more: it is the next of its ready queue.
     *
     * @param notBefore its sender wants no attempt before it (RFC 4865), milliseconds since 1970; 0 for at once
     */
    public void release(QueueItem item, long notBefore) {
        holds.remove(item.entry());
        // By way of the wheel, so that it is placed as sources, pools and quotas are now.
        retry(item, Math.max(notBefore, clock.wallMillis()), item.attempts());
    }

    /** Why the item is held; null when it isn't. */
    public @Nullable String heldFor(QueueItem item) {
        return holds.why(item.entry());
    }

    /** What an item that is held waits for, for people. */
    String awaitedRelease(QueueItem item) {
        Orders ordered = orders.of(item.entry());
        String preflight = heldFor(item);
        return ordered.isHeld()
                ? "its release by an operator: " + ordered.heldFor()
                : "its release" + (preflight == null ? "" : " by the preflight: " + preflight);
    }

    /** When what holds an item ends by itself, or is looked at, milliseconds since 1970; 0 when somebody has to release it. */
    long endOfHoldMillis(QueueItem item) {
        Orders ordered = orders.of(item.entry());
        return ordered.isHeld() ? ordered.heldUntilMillis() : clock.toWall(item.dueMillis());
    }

    /** Destinations that are held. */
    public int held() {
        return holds.size();
    }

    private void retry(QueueItem item, int state, long dueMillis, int attempts) {
        retried.increment();
        // What is held is let go by release alone, whatever else came of the look at it.
        goesOn(item, state == QueueItem.SCHEDULED && isHeld(item) ? QueueItem.HELD : state,
                Math.max(0, clock.fromWall(dueMillis)), attempts);
    }

    /** Whoever had the item in hand is done with it: it waits for its time, unless somebody waits for it. */
    private void goesOn(QueueItem item, int state, long due, int attempts) {
        Claimant claimant;
        ReadyQueue readyQueue = item.home.domain.lockReadyQueue();
        try {
            claimant = claimed(item);
            ages.attempted(item, item.attempts(), attempts);
            if (claimant == null) {
                readyQueue.endActive(item);
                item.home.schedule(item, state, due, attempts);
            } else {
                readyQueue.attempted(item);
                item.home.schedule(item, QueueItem.ACTIVE, due, attempts);
            }
        } finally {
            readyQueue.unlock();
        }
        giveBack(item);
        if (claimant == null) {
            scheduler.insert(item);
        } else {
            claimant.has(item, state == QueueItem.REPORT_SCHEDULED);
        }
    }

    private boolean isHeld(QueueItem item) {
        return holds.why(item.entry()) != null || orders.of(item.entry()).isHeld();
    }

    /** Who has waited for it longest, and waits no more. Under the lock that guards it. */
    private @Nullable Claimant claimed(QueueItem item) {
        if (claims.isEmpty()) {
            return null;
        }
        List<Claimant> waiting = claims.get(item);
        while (waiting != null && !replaced(item, waiting, waiting.subList(1, waiting.size()))) {
            waiting = claims.get(item);
        }
        return waiting == null ? null : waiting.getFirst();
    }

    /** @return whether those were who waits for it still */
    private boolean replaced(QueueItem item, List<Claimant> waiting, List<Claimant> left) {
        return left.isEmpty() ? claims.remove(item, waiting) : claims.replace(item, waiting, List.copyOf(left));
    }

    /**
     * Something of the message is being sent: from now on it counts for the quota of its source, whatever becomes of it.
     * What isn't told so isn't counted.
     *
     * @param recipients that are asked for
     */
    public void sent(QueueItem item, int recipients) {
        if (!charges.isEmpty()) {
            charges.remove(item);
        }
        Counted count = counted.isEmpty() ? null : counted.get(item);
        if (count != null) {
            synchronized (count) {
                if (count.bySender != null) {
                    count.bySender.sent(count.sent ? recipients : recipients - 1);
                }
                count.sent = true;
            }
        }
    }

    private void giveBack(QueueItem item) {
        Counted count = counted.isEmpty() ? null : counted.remove(item);
        if (count != null) {
            long now = clock.nanos();
            synchronized (count) {
                if (count.bySender != null) {
                    count.bySender.giveBack(count.sent, now);
                }
                if (count.bySource != null && !count.sent) {
                    count.bySource.giveBack(now);
                }
            }
        }
        Charge charge = charges.isEmpty() ? null : charges.remove(item);
        if (charge != null) {
            placement.quota().giveBack(charge.source, charge.provider, charge.takenMillis);
        }
    }

    /** Under the lock of the item's ready queue. @return 0, or nanoseconds until it is worth asking again */
    private long count(QueueItem item) {
        String source = item.home.domain.lane.source;
        long selection = countSelection(item);
        if (selection > 0 || !placement.hasQuota() || source == null) {
            return selection;
        }
        String provider = item.home.domain.provider;
        long now = clock.wallMillis();
        long answer = placement.quota().take(source, provider, now);
        if (answer == Quota.GRANTED) {
            charges.put(item, new Charge(source, provider, now));
        }
        if (answer > 0) {
            giveBack(item);
        }
        return answer <= 0 ? 0 : TimeUnit.MILLISECONDS.toNanos(Math.max(1, answer - now));
    }

    /** How often its source may be chosen. As {@link #count}. */
    private long countSelection(QueueItem item) {
        Throttle throttle = item.home.domain.readyQueue.throttleOrNull();
        if (throttle == null || !throttle.limitsSelections()) {
            return 0;
        }
        Slot slot = throttle.selections().slot();
        long wait = slot.take(Cost.ONE, -1, clock.nanos());
        if (!slot.isTaken()) {
            giveBack(item);
            return Math.max(1, wait);
        }
        Counted count = counted.computeIfAbsent(item, _ -> new Counted());
        synchronized (count) {
            count.bySource = slot;
        }
        return 0;
    }

    /** Under the lock of the item's ready queue. @return null when it may be sent; else until when nothing of its sub-queue may */
    private Withheld.@Nullable Until countSender(QueueItem item) {
        SubQueue home = item.home;
        Throttle throttle = home.domain.readyQueue.throttleOrNull();
        if (throttle == null || home.owner.reports()) {
            return null;
        }
        int changes = shaper.changes();
        SenderLimits limits = home.limits;
        if (limits == null || home.limitsChanges != changes || home.limitsOf != throttle) {
            limits = shaper.of(throttle, new Sender(home.owner.tenant(), home.owner.campaign(),
                    placement.poolOf(home.owner), home.domain.name,
                    home.owner.mailClass() == MailClass.TRANSACTIONAL));
            home.limits = limits;
            home.limitsChanges = changes;
            home.limitsOf = throttle;
        }
        if (limits.isNone()) {
            if (home.waiter != null) {
                home.waiter.isFree();
            }
            return null;
        }
        long now = clock.nanos();
        SenderLimits.Waiter waiter = waiter(home);
        Answer answer = limits.take(new Cost(1, item.size()), waiter, now);
        Taken taken = answer.taken();
        if (taken == null) {
            waiter.waits(now, answer.waitNanos(), answer.forTheDay());
            Supplier<LimitReached> reached = requireNonNull(answer.reached());
            return new Withheld.Until(now + answer.waitNanos(), "its sender's limits",
                    () -> reached.get().toString());
        }
        waiter.goes(now, !home.ready.isEmpty());
        Counted count = counted.computeIfAbsent(item, _ -> new Counted());
        synchronized (count) {
            count.bySender = taken;
        }
        return null;
    }

    private SenderLimits.Waiter waiter(SubQueue home) {
        SenderLimits.Waiter known = home.waiter;
        if (known == null) {
            known = new SenderLimits.Waiter(() -> mayGoOn(home));
            home.waiter = known;
        }
        return known;
    }

    /** Its sender may send again. @return whether it had mail that waited for that alone */
    private boolean mayGoOn(SubQueue subQueue) {
        ReadyQueue readyQueue = subQueue.domain.lockReadyQueue();
        boolean waited;
        boolean wants;
        try {
            waited = !subQueue.ready.isEmpty() && readyQueue.isWithheld(subQueue);
            wants = readyQueue.mayGoOn(subQueue);
            waited &= !readyQueue.isWithheld(subQueue);
        } finally {
            readyQueue.unlock();
        }
        if (wants) {
            surroundings.wantsSession(readyQueue);
        }
        return waited;
    }

    /** Nothing was attempted: the item is the next of its ready queue again. */
    public void requeue(QueueItem item) {
        DomainQueue domain = item.home.domain;
        giveBack(item);
        boolean wants;
        ReadyQueue readyQueue = domain.lockReadyQueue();
        boolean ask;
        Claimant claimant;
        try {
            claimant = claimed(item);
            if (item.home.waiter != null) {
                item.home.waiter.cameBack();
            }
            wants = claimant == null && readyQueue.putBack(item);
            ask = mayAsk(domain);
        } finally {
            readyQueue.unlock();
        }
        requeued.increment();
        if (claimant != null) {
            claimant.has(item, false);
        }
        String source = domain.lane.source;
        follow(domain, readyQueue, ask, wants, source != null && !placement.goesBy(item.home.owner, source));
    }

    /**
     * What an attempt came to for some of an item's recipients; the caller has the item in hand.
     *
     * @param delivered taken
     * @param deferred  to be tried again
     * @param bounced   returned
     */
    public void outcome(QueueItem item, int delivered, int deferred, int bounced) {
        traffic.count(item, delivered, deferred, bounced);
        RecentOutcomes recent = item.home.domain.readyQueue.recent;
        recent.add(RecentOutcomes.Outcome.DELIVERED, delivered);
        recent.add(RecentOutcomes.Outcome.DEFERRED, deferred);
        recent.add(RecentOutcomes.Outcome.BOUNCED, bounced);
    }

    /** Why a recipient of the item wasn't taken; the caller has the item in hand. */
    public void replied(QueueItem item, RecentReply reply) {
        item.home.domain.readyQueue.recent.add(reply);
    }

    /** What is queued and why, for who looks at it. */
    public QueueViews views() {
        return views;
    }

    /** What has become of recipients lately. */
    public Traffic traffic() {
        return traffic;
    }

    /** Nothing is left to do: the item is forgotten. */
    public void finished(QueueItem item) {
        List<Claimant> waiting;
        ReadyQueue readyQueue = item.home.domain.lockReadyQueue();
        try {
            readyQueue.endActive(item);
            item.state(QueueItem.GONE);
            item.home.leave(item);
            holds.remove(item.entry());
            orders.remove(item.entry());
            waiting = claims.isEmpty() ? null : claims.remove(item);
        } finally {
            readyQueue.unlock();
        }
        var _ = byId.remove(item);
        giveBack(item);
        if (!item.home.owner.reports()) {
            accounts.finished(item.tenant(), item.kilobytes());
        }
        ages.remove(item);
        finished.increment();
        if (waiting != null) {
            waiting.forEach(claimant -> claimant.gone(item));
        }
    }

    /** Whether nothing of the item is left to do. */
    public boolean isGone(QueueItem item) {
        ReadyQueue readyQueue = item.home.domain.lockReadyQueue();
        try {
            return item.state() == QueueItem.GONE;
        } finally {
            readyQueue.unlock();
        }
    }

    // What operators order

    /**
     * Takes an item out of wherever it waits, so that something can be done to it. While somebody has it in hand, a
     * delivery session above all, the claimant waits for it, and of several the one that came first has it first.
     */
    public Claimant.Answer claim(QueueItem item, Claimant claimant) {
        SubQueue home = item.home;
        ReadyQueue readyQueue = home.domain.lockReadyQueue();
        try {
            if (item.home != home) {
                return Claimant.Answer.AGAIN;
            }
            return switch (item.state()) {
                case QueueItem.GONE -> Claimant.Answer.GONE;
                case QueueItem.ACTIVE -> {
                    claims.merge(item, List.of(claimant),
                            (before, more) -> Stream.concat(before.stream(), more.stream()).toList());
                    yield Claimant.Answer.LATER;
                }
                case QueueItem.QUEUED -> {
                    readyQueue.takeAlone(item);
                    yield Claimant.Answer.TAKEN;
                }
                default -> {
                    if (!scheduler.remove(item)) {
                        yield Claimant.Answer.AGAIN;
                    }
                    boolean reportAlone = item.state() == QueueItem.REPORT_SCHEDULED;
                    readyQueue.activateAlone(item);
                    yield reportAlone ? Claimant.Answer.TAKEN_FOR_REPORT : Claimant.Answer.TAKEN;
                }
            };
        } finally {
            readyQueue.unlock();
        }
    }

    /** The claimant waits for the item no more. @return whether it did; else it has been called, or is just being called */
    public boolean unclaim(QueueItem item, Claimant claimant) {
        List<Claimant> waiting = claims.get(item);
        while (waiting != null && waiting.contains(claimant)) {
            if (replaced(item, waiting, waiting.stream().filter(each -> !each.equals(claimant)).toList())) {
                return true;
            }
            waiting = claims.get(item);
        }
        return false;
    }

    /** What operators have ordered for the item. */
    public Orders orders(QueueItem item) {
        return orders.of(item.entry());
    }

    /**
     * The item, which the caller has in hand, goes on as ordered; the spool knows. It is held, or due at its time.
     *
     * @param dueMillis   of the next attempt, milliseconds since 1970; of no account when it is held by the order
     * @param reportAlone whether nothing is to be delivered: its sender is owed a report
     */
    public void order(QueueItem item, Orders ordered, long dueMillis, boolean reportAlone) {
        ReadyQueue readyQueue = item.home.domain.lockReadyQueue();
        orders.put(item.entry(), ordered);
        if (ordered.released()) {
            holds.remove(item.entry());
        }
        readyQueue.unlock();
        int state = reportAlone
                ? QueueItem.REPORT_SCHEDULED
                : isHeld(item) ? QueueItem.HELD : QueueItem.SCHEDULED;
        long due = ordered.isHeld() && !reportAlone
                ? endOfHold(ordered)
                : Math.max(0, clock.fromWall(dueMillis));
        goesOn(item, state, due, item.attempts());
    }

    /** When an item was or will be due by the wall clock, milliseconds since 1970. */
    public long dueAt(QueueItem item) {
        return clock.toWall(item.dueMillis());
    }

    private long endOfHold(Orders ordered) {
        return ordered.heldUntilMillis() == 0
                ? QueueItem.MAX_DUE
                : Math.max(0, clock.fromWall(ordered.heldUntilMillis()));
    }

    /**
     * The item, which the caller has in hand and keeps, is another sender's from now on, or goes by another pool or another
     * domain's route.
     *
     * @param recipients their domain
     */
    public void rebind(QueueItem item, Binding to, String recipients) {
        TenantCampaign before = item.home.owner;
        TenantCampaign owner = new TenantCampaign(to.tenant(), to.campaign(), before.reports(), to.pool(),
                before.mailClass());
        String domain = to.routingDomain().isEmpty() ? recipients : to.routingDomain();
        while (true) {
            Choice choice = choose(owner, item.entry().messageId(), item.attempts(), domain, Wish.LATER);
            if (rehome(item, owner, choice.lane().domain(domain))) {
                break;
            }
        }
        if (!owner.reports() && !owner.tenant().equals(before.tenant())) {
            accounts.moved(before.tenant(), owner.tenant(), item.kilobytes());
        }
    }

    /** @return false when the domain was forgotten there meanwhile */
    private boolean rehome(QueueItem item, TenantCampaign owner, DomainQueue to) {
        SubQueue from = item.home;
        Locked locked = lockBoth(from.domain, to);
        try {
            if (to.removed) {
                return false;
            }
            SubQueue home = to.subQueue(owner);
            if (home != from) {
                locked.one().leave(item);
                item.home = home;
                home.enter(item);
                locked.other().activateAlone(item);
            }
            return true;
        } finally {
            locked.unlock();
        }
    }

    private record Locked(ReadyQueue one, ReadyQueue other) {
        void unlock() {
            other.unlock();
            if (one != other) {
                one.unlock();
            }
        }
    }

    /** Locks the ready queues that two domains are in. */
    private static Locked lockBoth(DomainQueue one, DomainQueue other) {
        while (true) {
            ReadyQueue a = one.readyQueue;
            ReadyQueue b = other.readyQueue;
            Locked locked = new Locked(a, b);
            (a.number < b.number ? a : b).lock();
            if (a != b) {
                (a.number < b.number ? b : a).lock();
            }
            if (a == one.readyQueue && b == other.readyQueue) {
                return locked;
            }
            locked.unlock();
        }
    }

    /** Jobs that have marked what they did are over: their marks aren't needed any more. */
    public void forgetJobs(LongPredicate over) {
        orders.forgetJobs(over);
    }

    /**
     * Shows all that is queued in the places that are wanted, some hundred destinations at a time with their lock held. What
     * comes or moves meanwhile may be seen or not, and what moves seen twice.
     */
    public QueueWalk walk(Predicate<Selection.Place> wanted) {
        return new QueueWalk(Stream.concat(domainsOf(lanes.values()), domainsOf(waiting.values())).iterator(), wanted,
                this::place, unrouted);
    }

    /** The wait after so many attempts, jitter included. */
    public Duration nextRetry(int attempts) {
        return RetrySchedule.delay(attempts, config, ThreadLocalRandom.current());
    }

    /**
     * From now on with this configuration, and with whatever changed at the router and the {@link Shaper}: tell those
     * first. Mail already queued moves to the ready queues it belongs in now; waits already begun stay as they are.
     */
    public void reconfigure(QueueConfig next) {
        config = next;
        shares = new Shares(tenants, next.bulkSharePercent());
        shaper.bulkShare(next.bulkSharePercent());
        if (!shaper.providers().equals(knownProviders)) {
            knownProviders = shaper.providers();
            providers = new Providers(knownProviders);
            readyQueues.values().forEach(readyQueue -> {
                bar(readyQueue);
                shaper.provider(readyQueue.throttle(), provider(readyQueue));
            });
            shaper.sendersMoved();
        }
        reroute();
    }

    /** From now on by these weights, quotas and curfews; mail that is queued too. In force when this returns. */
    public void reconfigure(TenantRules ofTenants, Curfews next) {
        tenants = ofTenants;
        shares = new Shares(ofTenants, config.bulkSharePercent());
        accounts.reconfigure(ofTenants);
        curfews = next;
        curfewsChanged = true;
        lookAtCurfews();
        scheduler.rouse(); // they may end sooner than it looks
    }

    /** What tenants have queued. */
    public TenantAccounts accounts() {
        return accounts;
    }

    /**
     * Ends suspensions of a source's mail to a site.
     *
     * @param site by its name
     */
    public void resume(String source, String site) {
        for (ReadyQueue readyQueue : readyQueues.values()) {
            EgressPath path = readyQueue.throttle().key();
            if (path.source().equals(source) && path.site().name().equals(site)) {
                var _ = readyQueue.resume();
            }
        }
    }

    /** Asks for the route of every domain anew, in the background. */
    public void reroute() {
        routeEpoch.incrementAndGet();
        scheduler.rouse();
    }

    /** From now on by these pools, mail that is queued too. */
    public void reconfigure(Pools next) {
        if (placement.pools(next)) {
            stray(lanes.values(), true);
            stray(waiting.values(), true);
            curfewsChanged = true;
            shaper.sendersMoved();
            scheduler.rouse();
        }
    }

    /** A source isn't configured any more: what waits for it goes by the others of its pools. */
    public void sourceIsGone(String source) {
        Lane lane = lanes.get(source);
        if (lane != null) {
            stray(List.of(lane), true);
            scheduler.rouse();
        }
    }

    /** By which pool the item goes now. */
    public String pool(QueueItem item) {
        return placement.poolOf(item.home.owner);
    }

    /** How far a receiver's refusal of a source reaches. */
    public enum Reach {
        SITE,
        /** All of the receiver's provider where it is known, else the site. */
        PROVIDER,
        /** All receivers: it is about the source itself. */
        EVERYWHERE
    }

    /**
     * A receiver has named the queue's source as blocked: its mail goes by the others of its pools. A source that shares no
     * pool with another isn't suspended here: nobody could take over, and what it is refused for at one receiver is no reason
     * to send nothing to others; its ready queue is suspended all the same.
     *
     * @param reach       towards whom
     * @param why         for people
     * @param untilMillis milliseconds since 1970
     * @return whether others may take over
     */
    public boolean blocked(ReadyQueue readyQueue, Reach reach, String why, long untilMillis) {
        QueueKey key = readyQueue.key();
        if (placement.isAlone(key.source())) {
            return false;
        }
        String name = provider(readyQueue);
        Scope scope = switch (reach) {
            case EVERYWHERE -> Scope.EVERYWHERE;
            case PROVIDER -> name.isEmpty() ? Scope.site(key.site().name()) : Scope.provider(name);
            case SITE -> Scope.site(key.site().name());
        };
        placement.health().suspend(key.source(), scope, Cause.BLOCKED, why, untilMillis, clock.wallMillis());
        return true;
    }

    /** What there is of one source's. */
    public SourceStats sourceStats(String source) {
        long ready = 0;
        long sessions = 0;
        for (ReadyQueue readyQueue : readyQueues.values()) {
            if (readyQueue.key().source().equals(source)) {
                ready += readyQueue.ready();
                sessions += readyQueue.sessions();
            }
        }
        return new SourceStats(ready, sessions, placement.health().causes(source));
    }

    /** Stops giving out mail: the wheel stands still, idle sessions get null. What is queued stays in the spool. */
    @Override
    public void close() {
        closed = true;
        traffic.close();
        scheduler.close();
        shaper.close();
        readyQueues.values().forEach(ReadyQueue::close);
    }

    // Routing

    /** An item is due: into its domain's ready queue, unless there is nothing to deliver. */
    private void enqueue(QueueItem item) {
        if (item.state() == QueueItem.REPORT_SCHEDULED || item.state() == QueueItem.HELD) {
            boolean held = item.state() == QueueItem.HELD;
            ReadyQueue readyQueue = item.home.domain.lockReadyQueue();
            readyQueue.activateAlone(item);
            readyQueue.unlock();
            if (held) {
                holdsDue.add(item);
                start(holders, this::lookAtHeld);
            } else {
                reportsDue.add(item);
                start(reporters, this::settleReports);
            }
            return;
        }
        place(item);
    }

    private void place(QueueItem item) {
        while (!place(item, choose(item, Wish.NOW))) {
            // its domain was forgotten there meanwhile
        }
    }

    /**
     * Into its domain's queue of the source that it goes by now; the item is in no structure.
     *
     * @return false when that is to be chosen anew
     */
    private boolean place(QueueItem item, Choice choice) {
        SubQueue before = item.home;
        String name = before.domain.name;
        DomainQueue domain = choice.lane() == before.domain.lane ? before.domain : choice.lane().domain(name);
        boolean wants;
        boolean ask;
        Locked locked = lockBoth(before.domain, domain);
        ReadyQueue readyQueue = locked.other();
        try {
            if (domain.removed) { // never its own, which counts the item
                return false;
            }
            if (domain != before.domain) {
                before.leave(item);
                item.home = domain.subQueue(before.owner);
                item.home.enter(item);
            }
            wants = readyQueue.append(item);
            ask = mayAsk(domain);
        } finally {
            locked.unlock();
        }
        if (domain != before.domain) {
            placedAnew.increment();
        }
        follow(domain, readyQueue, ask, wants, choice.isOutdated(placement.pools()));
        return true;
    }

    /** For what mail wants a source. */
    private enum Wish {
        /** To wait there for its time: no quota is asked. */
        LATER,
        /** To be sent, after what waits for a source of its pool. */
        NOW,
        /** As {@link #NOW}, and of those that wait it is its turn. */
        IN_TURN
    }

    /**
     * Where mail goes.
     *
     * @param pools by which that was chosen
     * @param ofAll whether the same would be chosen for all other mail that waits there; said of mail that waits
     */
    private record Choice(Lane lane, Pools pools, boolean ofAll) {
        boolean isOutdated(Pools now) {
            return !pools.equals(now);
        }
    }

    /** What was found out about sources that don't take a message. */
    private static final class Refusals {
        /** Whose hosts its domain has; null while that isn't known. */
        @Nullable
        String provider;
        /** For a reason that other domains of that provider may not have. */
        boolean ofTheDomain;
    }

    private Choice choose(QueueItem item, Wish wish) {
        return choose(item.home.owner, item.entry().messageId(), item.attempts(), item.domain(), wish);
    }

    private Choice choose(TenantCampaign owner, long messageId, int attempts, String domain, Wish wish) {
        if (owner.pool().isEmpty() && placement.isPlain()) {
            return plainChoice;
        }
        Pools pools = placement.pools();
        String name = pools.nameFor(owner.pool(), owner.tenant(), owner.campaign());
        Pool pool = pools.pool(name);
        if (pool == null) {
            return new Choice(waiting(name, ""), pools, true);
        }
        Refusals refusals = new Refusals();
        String source = pool.choose(pool.draw(messageId, attempts),
                each -> takes(each, name, domain, wish, refusals));
        return source == null
                ? new Choice(waiting(name, placement.hasQuota() ? refusals.provider : ""), pools, !refusals.ofTheDomain)
                : new Choice(lanes.computeIfAbsent(source, each -> new Lane(each, unrouted)), pools, false);
    }

    private boolean takes(String source, String pool, String domain, Wish wish, Refusals refusals) {
        Lane lane = lanes.get(source);
        DomainQueue there = lane == null ? null : lane.domains.get(domain);
        DomainQueue routed = there != null && there.readyQueue != unrouted ? there : null;
        if (routed != null) {
            refusals.provider = routed.provider;
        }
        if (placement.health().of(source) != null) {
            return false;
        }
        if (routed != null && routed.readyQueue.isBarred()) {
            refusals.ofTheDomain = true;
            return false;
        }
        if (wish != Wish.LATER && routed != null && isChosenTooOften(routed.readyQueue)) {
            refusals.ofTheDomain = true; // the rate may be that of its site
            return false;
        }
        if (wish == Wish.LATER || !placement.hasQuota() || there == null) {
            return true;
        }
        if (routed == null) {
            boolean scouted = wish == Wish.IN_TURN && hasReady(there); // one is enough to find out whose hosts it has
            refusals.ofTheDomain |= scouted;
            return !scouted;
        }
        long now = clock.wallMillis();
        String provider = routed.provider;
        if (wish == Wish.NOW && placement.quota().limits(source, provider, now)) {
            Lane before = waiting.get(new Waiting(pool, provider));
            if (before != null && before.entrance.ready() > 0) {
                return false;
            }
        }
        return placement.quota().expect(source, provider, now) <= 0;
    }

    private boolean isChosenTooOften(ReadyQueue readyQueue) {
        Throttle throttle = readyQueue.throttleOrNull();
        if (throttle == null || !throttle.limitsSelections()) {
            return false;
        }
        LimitReached reached = throttle.selections().waitingFor(clock.nanos());
        return reached != null && reached.retryNanos() > ReadyQueue.QUOTA_WAIT.toNanos();
    }

    private static boolean hasReady(DomainQueue domain) {
        ReadyQueue readyQueue = domain.lockReadyQueue();
        try {
            return domain.subQueues.values().stream().anyMatch(subQueue -> !subQueue.ready.isEmpty());
        } finally {
            readyQueue.unlock();
        }
    }

    private Lane waiting(String pool, @Nullable String provider) {
        Waiting place = new Waiting(pool, provider);
        Lane known = waiting.get(place);
        return known != null
                ? known
                : waiting.computeIfAbsent(place, _ -> {
                    String towards = provider == null ? "?" : provider;
                    Site site = new Site("pool:" + pool + (towards.isEmpty() ? "" : "->" + towards));
                    ReadyQueue entrance = new ReadyQueue(surroundings, new QueueKey("", site, false),
                            numbers.getAndIncrement(), null, null);
                    entrance.bar(() -> placement.whyNone(pool));
                    return new Lane(null, entrance);
                });
    }

    /** @param misplaced whether pools have changed since the domain's mail was given its source */
    private void follow(DomainQueue domain, ReadyQueue readyQueue, boolean ask, boolean wants, boolean misplaced) {
        if (misplaced || readyQueue.isBarred() && !domain.lane.waits()) {
            stray(domain);
        }
        if (domain.lane.waits()) {
            scheduler.rouse(); // to come back for it in good time
        }
        if (wants) {
            surroundings.wantsSession(readyQueue);
        }
        if (ask) {
            ask(domain);
        }
    }

    /** Under the domain's ready queue's lock. @return whether the caller shall call {@link #ask} when it has let go of it */
    private boolean mayAsk(DomainQueue domain) {
        if (domain.asking || domain.removed || domain.lane.waits()) {
            return false;
        }
        boolean fresh = domain.readyQueue != unrouted && domain.askedEpoch == routeEpoch.get()
                && clock.nanos() - domain.askedNanos < ROUTE_REFRESH.toNanos();
        domain.asking = !fresh;
        return !fresh;
    }

    /** Asks however fresh the route is. @return whether the answer was there at once, and now applies */
    boolean askNow(DomainQueue domain) {
        ReadyQueue readyQueue = domain.lockReadyQueue();
        try {
            if (domain.asking || domain.removed) {
                return false;
            }
            domain.asking = true;
        } finally {
            readyQueue.unlock();
        }
        return ask(domain);
    }

    private boolean ask(DomainQueue domain) {
        int epoch = routeEpoch.get();
        CompletableFuture<Route> answer;
        try {
            answer = router.route(domain.name);
        } catch (RuntimeException | Error e) {
            answer = CompletableFuture.failedFuture(e);
        }
        boolean atOnce = answer.isDone();
        var _ = answer.whenComplete((route, failure) -> {
            try {
                answered(domain, epoch, route != null ? route : unexpected(domain, failure));
            } catch (RuntimeException | Error e) {
                log.error("event=route-not-followed domain={}", domain.name, e);
                asksNoMore(domain);
            }
        });
        return atOnce;
    }

    private static Route unexpected(DomainQueue domain, @Nullable Throwable failure) {
        log.error("event=router-failed domain={}", domain.name, failure);
        return new Route.Failure(false, 451, "4.4.3", "No route to " + domain.name + " could be found");
    }

    private void answered(DomainQueue domain, int epoch, Route route) {
        switch (route) {
            case Route.Open open -> assign(domain, epoch, open);
            case Route.Failure failure -> {
                move(domain, unrouted);
                failing.add(new Failing(domain, failure));
                start(failers, this::settleFailures);
            }
        }
    }

    /** What came of asking is lost: with the next mail, or by the next sweep, it is asked again. */
    private static void asksNoMore(DomainQueue domain) {
        ReadyQueue readyQueue = domain.lockReadyQueue();
        domain.asking = false;
        readyQueue.unlock();
    }

    private void assign(DomainQueue domain, int epoch, Route.Open route) {
        Site site = shaper.key(domain.name, route.site());
        String source = requireNonNull(domain.lane.source);
        TlsPolicy tls = route.tls() == null
                ? shaper.limits(source, site, providers.ofKey(site, route.site())).enableTls()
                : route.tls();
        QueueKey key = new QueueKey(source, site, route.protocol(), route.configured(), tls, route.proof(),
                route.login());
        while (true) {
            ReadyQueue readyQueue = readyQueue(key, route);
            boolean wasUnrouted = domain.readyQueue == unrouted;
            move(domain, readyQueue);
            if (follow(domain, epoch, route, readyQueue, wasUnrouted)) {
                return;
            }
            readyQueues.remove(key, readyQueue); // it was forgotten meanwhile: the next one is new
        }
    }

    /** @return false when the domain isn't in that ready queue */
    private boolean follow(DomainQueue domain, int epoch, Route.Open route, ReadyQueue readyQueue,
            boolean wasUnrouted) {
        boolean wants = false;
        readyQueue.lock();
        try {
            if (domain.readyQueue != readyQueue) {
                return false;
            }
            readyQueue.route(route);
            if (domain.isOfOther(providers, route.site())) { // what was withheld for the one isn't for the other
                readyQueue.dismiss(domain);
                domain.provider(providers, route.site());
                wants = readyQueue.admit(domain);
            }
            domain.asking = false;
            domain.askedEpoch = epoch;
            domain.askedNanos = clock.nanos();
            if (wasUnrouted && placement.hasQuota()) {
                domain.unasked = true;
                strayLocked(domain); // it is known now to whom it goes
            }
        } finally {
            readyQueue.unlock();
        }
        if (wants) {
            surroundings.wantsSession(readyQueue);
        }
        String provider = provider(readyQueue);
        if (!provider.equals(readyQueue.throttle().provider())) {
            shaper.provider(readyQueue.throttle(), provider);
        }
        if (!placement.health().isSound()) {
            bar(readyQueue); // its hosts may be others' now
        }
        if (readyQueue.isBarred()) {
            stray(domain);
        }
        return true;
    }

    private void bar(ReadyQueue readyQueue) {
        readyQueue.bar(() -> placement.bar(readyQueue.key(), provider(readyQueue)));
    }

    /** All of the domain's mail goes to another ready queue, unless that is closed. */
    private void move(DomainQueue domain, ReadyQueue to) {
        while (true) {
            ReadyQueue from = domain.readyQueue;
            if (from == to) {
                return;
            }
            ReadyQueue first = from.number < to.number ? from : to;
            ReadyQueue second = first == from ? to : from;
            boolean wants;
            first.lock();
            second.lock();
            try {
                if (to.isClosed()) {
                    return;
                }
                if (domain.readyQueue != from) {
                    continue;
                }
                from.dismiss(domain);
                domain.readyQueue = to;
                wants = to.admit(domain);
            } finally {
                second.unlock();
                first.unlock();
            }
            if (from != unrouted) {
                moved.increment();
                log.debug("event=queue-moved domain={} queue={} before={}", domain.name, to, from);
            }
            if (wants) {
                surroundings.wantsSession(to);
            }
            return;
        }
    }

    private void settleReports() {
        settle(reportsDue, reporters, RouteFailureHandler::reportDue);
    }

    private void lookAtHeld() {
        settle(holdsDue, holders, RouteFailureHandler::holdDue);
    }

    private void settle(Queue<QueueItem> due, AtomicInteger threads,
            BiConsumer<RouteFailureHandler, QueueItem> decision) {
        do {
            for (QueueItem item = due.poll(); item != null; item = due.poll()) {
                RouteFailureHandler handler = failureHandler;
                try {
                    if (handler != null) {
                        decision.accept(handler, item);
                    }
                } catch (RuntimeException | Error e) {
                    notHandled(item, e);
                }
            }
            threads.decrementAndGet();
        } while (!due.isEmpty() && mayStart(threads)); // one came just now
    }

    /** One thread more is at it, unless there are enough; when none can be started, whoever comes next tries again. */
    private void start(AtomicInteger threads, Runnable task) {
        if (mayStart(threads)) {
            try {
                failureExecutor.execute(task);
            } catch (RuntimeException | Error e) {
                threads.decrementAndGet();
                throw e;
            }
        }
    }

    /** Whether one thread more may be at it; it is counted then. */
    private static boolean mayStart(AtomicInteger threads) {
        return threads.getAndUpdate(n -> Math.min(n + 1, FAILURES_AT_ONCE)) < FAILURES_AT_ONCE;
    }

    /** What waits is an entry of a queue: when DNS is dead, all domains there are may fail in the same moment. */
    private void settleFailures() {
        do {
            for (Failing next = failing.poll(); next != null; next = failing.poll()) {
                try {
                    if (failBatch(next.domain, next.failure)) {
                        failing.add(next); // behind the others, so that large domains don't hold up small ones
                    }
                } catch (RuntimeException | Error e) {
                    log.error("event=route-failure-not-followed domain={}", next.domain.name, e);
                    asksNoMore(next.domain);
                }
            }
            failers.decrementAndGet();
        } while (!failing.isEmpty() && mayStart(failers)); // one came just now
    }

    private boolean failBatch(DomainQueue domain, Route.Failure failure) {
        List<QueueItem> items = new ArrayList<>();
        ReadyQueue readyQueue = domain.lockReadyQueue();
        try {
            readyQueue.takeAll(domain, FAILURE_BATCH, items);
            if (items.isEmpty()) {
                domain.asking = false;
                return false;
            }
        } finally {
            readyQueue.unlock();
        }
        for (QueueItem item : items) {
            fail(item, failure);
        }
        return true;
    }

    private void fail(QueueItem item, Route.Failure failure) {
        routeFailures.increment();
        RouteFailureHandler handler = failureHandler;
        try {
            if (handler != null) {
                handler.failed(item, failure);
            }
        } catch (RuntimeException | Error e) {
            notHandled(item, e);
        }
    }

    private void notHandled(QueueItem item, Throwable e) {
        log.error("event=item-undecided domain={} id={}", item.domain(),
                new MessageId(item.entry().messageId()), e);
        String heldFor = holds.why(item.entry());
        if (item.state() == QueueItem.ACTIVE && heldFor != null) {
            hold(item, heldFor, Long.MAX_VALUE / 2);
        } else if (item.state() == QueueItem.ACTIVE) {
            retry(item, clock.wallMillis() + nextRetry(item.attempts() + 1).toMillis(), item.attempts());
        }
    }

    // Housekeeping, on the scheduler's thread

    /** Does a little of what is to be done. @return nanoseconds until there is more */
    private long keepHouse() {
        long until = placement.health().expire(clock.wallMillis());
        long untilCurfew = lookAtCurfews();
        if (placesAnew()) {
            return 0;
        }
        long wait = Math.min(sweep(), untilCurfew);
        if (until != SourceHealth.UNTIL_RESUMED) {
            wait = Math.min(wait, TimeUnit.MILLISECONDS.toNanos(Math.max(1, until - clock.wallMillis())));
        }
        return isAnyWaiting() ? Math.min(wait, Math.max(1, nextWaitingNanos - clock.nanos())) : wait;
    }

    private static Stream<DomainQueue> domainsOf(Collection<Lane> some) {
        return some.stream().flatMap(lane -> lane.domains.values().stream());
    }

    private long domainCount() {
        return Stream.concat(lanes.values().stream(), waiting.values().stream())
                .mapToLong(lane -> lane.domains.size()).sum();
    }

    // Curfews

    /**
     * Finds out which are in force, when that may have changed; at least once a minute, since the wall's clock may be set.
     *
     * @return nanoseconds until that is to be done again
     */
    private long lookAtCurfews() {
        curfewLock.lock();
        try {
            return lookAtCurfewsLocked();
        } finally {
            curfewLock.unlock();
        }
    }

    private long lookAtCurfewsLocked() {
        boolean changed = curfewsChanged;
        long now = clock.nanos();
        if (!changed && now - nextCurfewNanos < 0) {
            return nextCurfewNanos - now;
        }
        if (changed) { // else who has changed something since it was looked at is heard the next time
            curfewsChanged = false;
        }
        long wall = clock.wallMillis();
        Curfews known = curfews;
        List<Withheld.Curfew> next = known.at(wall).stream().map(curfew -> inForce(curfew, now, wall)).toList();
        List<Withheld.Curfew> before = inForce;
        List<Withheld.Ordered> byOperators = suspensions.stream().filter(each -> !each.isOver(wall))
                .map(each -> inForce(each, now, wall)).toList();
        if (changed || differ(before, next) || differ(suspended, byOperators)) {
            inForce = next;
            suspended = byOperators;
            tell(before, next);
            readyQueues.values().forEach(readyQueue -> readyQueue.standing(this::standing));
        }
        long change = suspensions.stream().mapToLong(each -> each.endAfter(wall)).reduce(known.nextChangeMillis(wall),
                Math::min);
        long nanos = change == Long.MAX_VALUE
                ? SWEEP_INTERVAL.toNanos()
                : Math.min(SWEEP_INTERVAL.toNanos(), TimeUnit.MILLISECONDS.toNanos(change - wall));
        nextCurfewNanos = now + nanos;
        return nanos;
    }

    private Withheld.Curfew inForce(Curfews.Curfew curfew, long nowNanos, long wall) {
        long end = curfew.nextChangeMillis(wall);
        long left = end == Long.MAX_VALUE ? TimeUnit.DAYS.toNanos(1) : TimeUnit.MILLISECONDS.toNanos(end - wall);
        return new Withheld.Curfew(curfew, Withheld.Until.endOfCurfew(nowNanos + left, curfew.name()),
                placement::poolOf);
    }

    /** Other ones, or such as end at another time: the wall's clock was set. */
    private static boolean differ(List<? extends Withheld.Standing> before, List<? extends Withheld.Standing> now) {
        if (!rules(before).equals(rules(now))) {
            return true;
        }
        for (int i = 0; i < now.size(); i++) {
            if (Math.abs(now.get(i).until().nanos() - before.get(i).until().nanos()) > CLOCK_SET.toNanos()) {
                return true;
            }
        }
        return false;
    }

    private static List<Object> rules(List<? extends Withheld.Standing> some) {
        return some.stream().<Object>map(each -> switch (each) {
            case Withheld.Curfew curfew -> curfew.rule();
            case Withheld.Ordered suspension -> suspension.rule();
        }).toList();
    }

    private List<Withheld.Standing> standing() {
        List<Withheld.Standing> all = new ArrayList<>(inForce);
        all.addAll(suspended);
        return all;
    }

    private Withheld.Ordered inForce(OperatorSuspension suspension, long nowNanos, long wall) {
        boolean open = suspension.untilMillis() == 0;
        long end = open
                ? farNanos
                : nowNanos
                        + TimeUnit.MILLISECONDS.toNanos(Math.min(suspension.untilMillis() - wall, FAR_AWAY.toMillis()));
        String why = suspension.words();
        return new Withheld.Ordered(suspension, new Withheld.Until(end, why, () -> why, open), this::place);
    }

    /**
     * From now on operators have suspended these: mail that is queued, and mail that comes. What sessions have in hand is
     * still sent. In force when this returns.
     */
    public void suspend(List<OperatorSuspension> all) {
        suspensions = List.copyOf(all);
        curfewsChanged = true;
        lookAtCurfews();
        scheduler.rouse(); // one may end sooner than it looks
    }

    private void tell(List<Withheld.Curfew> before, List<Withheld.Curfew> now) {
        List<Curfews.Curfew> stood = before.stream().map(Withheld.Curfew::rule).toList();
        List<Curfews.Curfew> stand = now.stream().map(Withheld.Curfew::rule).toList();
        for (Withheld.Curfew curfew : now) {
            if (!stood.contains(curfew.rule())) {
                log.info("event=curfew curfew={} until={}", curfew.rule().name(),
                        Instant.ofEpochMilli(surroundings.wallAt(curfew.until().nanos())));
            }
        }
        for (Curfews.Curfew curfew : stood) {
            if (!stand.contains(curfew)) {
                log.info("event=curfew-over curfew={}", curfew.name());
            }
        }
    }

    private static TenantCampaign owner(Envelope envelope, @Nullable Binding binding) {
        return binding == null
                ? owner(envelope)
                : new TenantCampaign(binding.tenant(), binding.campaign(), envelope.isReport(), binding.pool(),
                        envelope.mailClass());
    }

    private static TenantCampaign owner(Envelope envelope) {
        return new TenantCampaign(envelope.tenant(), envelope.campaign(), envelope.isReport(), envelope.pool(),
                envelope.mailClass());
    }

    /**
     * Whether a message that comes now waits for the end of a curfew until it is older than mail may be: it is tried once
     * then, and returned if that fails. Curfews towards a provider aren't looked at, since that isn't known yet.
     *
     * @return what its sender should hear, empty for nothing
     */
    public String outlasted(Envelope envelope) {
        List<Withheld.Curfew> standing = inForce;
        if (standing.isEmpty() || envelope.options().holdUntilMillis() > clock.wallMillis()) {
            return "";
        }
        TenantCampaign owner = owner(envelope);
        String pool = placement.poolOf(owner);
        long expires = envelope.receivedMillis() + config.maxAge().toMillis();
        for (Withheld.Curfew curfew : standing) {
            long end = surroundings.wallAt(curfew.until().nanos());
            if (end > expires && curfew.rule().config().providers().isEmpty() && curfew.rule().binds(owner, pool)) {
                outlasted.increment();
                log.warn("event=curfew-outlasts id={} tenant={} curfew={} until={} max-age={}", envelope.id(),
                        envelope.tenant(), curfew.rule().name(), Instant.ofEpochMilli(end),
                        Durations.format(config.maxAge()));
                return "waits for the end of curfew " + curfew.rule().name() + " at "
                        + Instant.ofEpochMilli(end).truncatedTo(ChronoUnit.SECONDS) + ", which is after queue.max-age";
            }
        }
        return "";
    }

    /** Whether a curfew held an item, which the caller has in hand, when it became older than mail may be. */
    public boolean isOutlasted(QueueItem item) {
        TenantCampaign owner = item.home.owner;
        return curfews.at(item.receivedMillis() + config.maxAge().toMillis()).stream()
                .anyMatch(curfew -> curfew.binds(owner,
                        curfew.config().pools().isEmpty() ? "" : placement.poolOf(owner), item.provider()));
    }

    // Mail whose source changes

    /** Hears what is wrong with sources, or not any more. */
    private final class Health implements SourceHealth.Listener {
        @Override
        public void suspended(Suspension suspension) {
            changed(suspension.source());
            Lane lane = lanes.get(suspension.source());
            if (lane != null) {
                stray(List.of(lane), suspension.scope() instanceof Everywhere);
            }
            scheduler.rouse();
        }

        /** Mail that went to others comes back, and what waits for one goes on. */
        @Override
        public void resumed(Suspension suspension, String why) {
            changed(suspension.source());
            for (Pool pool : placement.pools().with(suspension.source())) {
                stray(pool.members().stream().map(member -> lanes.get(member.source())).filter(Objects::nonNull)
                        .toList(), true);
            }
            looksAtWaiting = true;
            scheduler.rouse();
        }

        private void changed(String source) {
            for (ReadyQueue readyQueue : readyQueues.values()) {
                if (readyQueue.key().source().equals(source)) {
                    bar(readyQueue);
                }
            }
            Map<String, ReadyQueue.Bar> why = new HashMap<>();
            waiting.forEach((place, lane) -> {
                if (lane.entrance.ready() > 0) {
                    ReadyQueue.Bar bar = why.computeIfAbsent(place.pool, placement::whyNone);
                    lane.entrance.bar(() -> bar);
                }
            });
        }
    }

    /** @param whole else only what the source may not send */
    private void stray(Collection<Lane> some, boolean whole) {
        some.forEach(lane -> {
            if (whole) {
                lane.astrayWhole = true;
            }
            lane.astray = true;
        });
        lanesAstray = true;
    }

    private void stray(DomainQueue domain) {
        ReadyQueue readyQueue = domain.lockReadyQueue();
        strayLocked(domain);
        readyQueue.unlock();
    }

    /** Under the domain's ready queue's lock. */
    private void strayLocked(DomainQueue domain) {
        domain.subQueues.values().forEach(this::strayLocked);
    }

    /** Likewise. */
    private void strayLocked(SubQueue subQueue) {
        subQueue.astray = subQueue.ready.size();
        DomainQueue domain = subQueue.domain;
        if (subQueue.astray > 0 && !domain.astray) {
            domain.astray = true;
            astray.add(domain);
            scheduler.rouse();
        }
    }

    /** Places a batch of mail anew, on the scheduler's thread. @return whether there may be more to place */
    private boolean placesAnew() {
        for (int i = 0; i < Scheduler.BATCH && !placing.isEmpty(); i++) {
            place(requireNonNull(placing.pollFirst()));
        }
        if (!placing.isEmpty()) {
            return true;
        }
        DomainQueue domain = astray.poll();
        if (domain != null) {
            withdraw(domain);
            return true;
        }
        Iterator<DomainQueue> iterator = placingAll;
        if (iterator == null && lanesAstray) {
            lanesAstray = false;
            List<Lane> stray = Stream.concat(lanes.values().stream(), waiting.values().stream())
                    .filter(lane -> lane.astray).toList();
            iterator = stray.stream().flatMap(MailQueue::strayDomains).iterator();
        }
        for (int i = 0; iterator != null && i < SWEEP_BATCH && iterator.hasNext(); i++) {
            stray(iterator.next());
        }
        placingAll = iterator != null && iterator.hasNext() ? iterator : null;
        if (placingAll != null || !astray.isEmpty()) {
            return true;
        }
        long now = clock.nanos();
        if (looksAtWaiting || now - nextWaitingNanos >= 0) {
            int looks = looksAtWaiting ? Integer.MAX_VALUE : WAITING_LOOKS;
            looksAtWaiting = false;
            nextWaitingNanos = now + WAITING_RETRY.toNanos();
            waiting.forEach((place, lane) -> lane.entrance.bar(() -> placement.whyNone(place.pool)));
            looking.clear();
            waiting.values().stream().sorted(Comparator.comparingLong(lane -> lane.placedLast)).forEach(lane -> {
                lane.looksLeft = Math.min(looks, lane.entrance.turns());
                looking.add(lane);
            });
        }
        return placesWaiting() || !astray.isEmpty();
    }

    private static Stream<DomainQueue> strayDomains(Lane lane) {
        lane.astray = false;
        boolean whole = lane.astrayWhole;
        if (whole) { // what is told in between isn't forgotten
            lane.astrayWhole = false;
        }
        return lane.domains.values().stream().filter(domain -> whole || domain.readyQueue.isBarred());
    }

    /** Takes some of what is to be placed anew into the scheduler's hands. */
    private void withdraw(DomainQueue domain) {
        int before = placing.size();
        boolean unasked;
        ReadyQueue readyQueue = domain.lockReadyQueue();
        try {
            unasked = domain.unasked;
            domain.astray = readyQueue.withdraw(domain, Scheduler.BATCH, placing);
            domain.unasked &= domain.astray;
            if (domain.astray) {
                astray.add(domain); // behind the others
            }
        } finally {
            readyQueue.unlock();
        }
        String source = domain.lane.source;
        if (source != null && !unasked && placement.hasQuota()) {
            placement.quota().expectNot(source, domain.provider, placing.size() - before);
        }
    }

    /**
     * Mail that waits goes on, one message of each pool and provider after the other and within these by their senders'
     * turns, for as long as it finds sources.
     *
     * @return whether there may be more that does
     */
    private boolean placesWaiting() {
        for (int i = 0; i < Scheduler.BATCH; i++) {
            Lane lane = looking.poll();
            if (lane == null) {
                return false;
            }
            QueueItem item = lane.looksLeft == 0 ? null : lane.entrance.takeTurn();
            if (item == null) {
                continue;
            }
            Choice choice = choose(item, Wish.IN_TURN);
            if (choice.lane == lane) {
                lane.entrance.takeBack(item, choice.ofAll);
                lane.looksLeft = choice.ofAll ? 0 : lane.looksLeft - 1;
            } else if (!place(item, choice)) {
                place(item);
            } else if (!choice.lane.waits()) {
                lane.placedLast = ++placedFromWaiting;
            }
            looking.add(lane);
        }
        return true;
    }

    private boolean isAnyWaiting() {
        for (Lane lane : waiting.values()) {
            if (lane.entrance.ready() > 0) {
                return true;
            }
        }
        return false;
    }

    /** Does a part of a sweep if one is due. @return nanoseconds until there is more to do */
    private long sweep() {
        Iterator<DomainQueue> iterator = sweeping;
        int epoch = routeEpoch.get();
        if (iterator == null) {
            long wait = nextSweepNanos - clock.nanos();
            if (wait > 0 && epoch == sweptEpoch) {
                return wait;
            }
            sweptEpoch = epoch;
            iterator = Stream.concat(domainsOf(lanes.values()), domainsOf(waiting.values())).iterator();
            sweeping = iterator;
        }
        for (int i = 0; i < SWEEP_BATCH && iterator.hasNext(); i++) {
            sweep(iterator.next());
        }
        if (!iterator.hasNext()) {
            sweeping = null;
            nextSweepNanos = clock.nanos() + SWEEP_INTERVAL.toNanos();
            for (ReadyQueue readyQueue : readyQueues.values()) {
                if (readyQueue.sweep(IDLE_SWEEPS)) {
                    readyQueues.remove(readyQueue.key(), readyQueue);
                    shaper.letGo(readyQueue.throttle());
                    readyQueue.recent.clear();
                    ReadyQueueListener told = listener;
                    if (told != null) {
                        told.removed(readyQueue);
                    }
                }
            }
            waiting.values().forEach(lane -> expire(lane.entrance));
            if (!suspended.isEmpty()) { // no session comes by
                readyQueues.values().forEach(this::expire);
            }
            accounts.sweep();
            views.forgetOld();
        }
        return 0;
    }

    /** What has become too old while it waited for a source, or was suspended, is told to its sender. */
    private void expire(ReadyQueue readyQueue) {
        OldMail old = readyQueue.oldMail(clock.wallMillis() - config.maxAge().toMillis());
        for (List<QueueItem> some = old.next(); some != null; some = old.next()) {
            if (!some.isEmpty()) {
                reportsDue.addAll(some);
                start(reporters, this::settleReports);
            }
        }
    }

    private void sweep(DomainQueue domain) {
        boolean ask = false;
        ReadyQueue readyQueue = domain.lockReadyQueue();
        try {
            boolean waiting = false;
            for (Iterator<SubQueue> each = domain.subQueues.values().iterator(); each.hasNext();) {
                SubQueue subQueue = each.next();
                waiting |= !subQueue.ready.isEmpty();
                if (subQueue.all.size() > 0) {
                    subQueue.idleSweeps = 0;
                } else if (++subQueue.idleSweeps > IDLE_SWEEPS) {
                    each.remove();
                }
            }
            if (domain.subQueues.isEmpty() && !domain.asking) {
                domain.removed = true;
                readyQueue.dismiss(domain);
                domain.lane.domains.remove(domain.name, domain);
            } else if (waiting) {
                ask = mayAsk(domain);
            }
        } finally {
            readyQueue.unlock();
        }
        if (ask) {
            ask(domain);
        }
    }

    // What an operator asks, by way of the views

    /** Where a sub-queue's mail goes and whose it is: reports made here are nobody's. */
    Selection.Place place(SubQueue subQueue) {
        DomainQueue domain = subQueue.domain;
        TenantCampaign owner = subQueue.owner;
        String source = domain.lane.source;
        ReadyQueue readyQueue = domain.readyQueue;
        return new Selection.Place(domain.name,
                readyQueue == unrouted || domain.lane.waits() ? "" : readyQueue.key().site().name(), domain.provider,
                source == null ? "" : source, placement.poolOf(owner), owner.reports() ? "" : owner.tenant(),
                owner.reports() ? "" : owner.campaign(), owner.mailClass());
    }

    Stream<DomainQueue> allDomains() {
        return Stream.concat(domainsOf(lanes.values()), domainsOf(waiting.values()));
    }

    Collection<ReadyQueue> allReadyQueues() {
        return readyQueues.values();
    }

    /** Why mail of the sub-queue that is ready, or is being attempted, hasn't gone; null when there is none. */
    @Nullable
    Why why(SubQueue subQueue) {
        ReadyQueue readyQueue = subQueue.domain.lockReadyQueue();
        try {
            QueueItem first = subQueue.ready.first();
            QueueItem item = first == null ? subQueue.active.first() : first;
            return item == null ? null : why(item, readyQueue, 0);
        } finally {
            readyQueue.unlock();
        }
    }

    /** Those of the lanes' domains that have that name. */
    Stream<DomainQueue> allOf(String domain) {
        return lanesOf(domain);
    }

    /** All of it in the order of ids: an item is there from before anybody can have it until it is finished. */
    IdIndex byId() {
        return byId;
    }

    /** The item as its lock guards it; null when it has gone. */
    @Nullable
    SeenItem look(QueueItem item) {
        while (true) {
            SubQueue home = item.home;
            ReadyQueue readyQueue = home.domain.lockReadyQueue();
            try {
                if (item.home != home) {
                    continue;
                }
                QueueItem.State state = item
                        .where(item.isReady() ? readyState(home, readyQueue) : QueueItem.State.READY);
                return state == null ? null : new SeenItem(item, state, item.dueMillis(), item.attempts());
            } finally {
                readyQueue.unlock();
            }
        }
    }

    /** Locked, of an item that is ready. */
    QueueItem.State readyState(SubQueue subQueue, ReadyQueue readyQueue) {
        if (readyQueue == unrouted) {
            return QueueItem.State.ROUTING;
        }
        return readyQueue.stands() || readyQueue.isWithheld(subQueue)
                ? QueueItem.State.SUSPENDED
                : QueueItem.State.READY;
    }

    /** Who runs the hosts that its mail goes to, whichever section shapes it; empty when nobody known does. */
    public String provider(ReadyQueue readyQueue) {
        return readyQueue.provider(providers);
    }

    /** Every ready queue that has or lately had mail. */
    public List<ReadyQueueSnapshot> readyQueues() {
        Collection<ReadyQueue> all = readyQueues.values();
        List<ReadyQueueSnapshot> snapshots = new ArrayList<>(all.size());
        for (ReadyQueue readyQueue : all) {
            snapshots.add(readyQueue.snapshot());
        }
        for (Lane lane : waiting.values()) {
            if (lane.entrance.ready() > 0) {
                snapshots.add(lane.entrance.snapshot());
            }
        }
        return snapshots;
    }

    /** Destinations. */
    long queued() {
        long done = finished.sum(); // before submitted, so that the difference is never negative
        return submitted.sum() - done;
    }

    /** Octets of heap that queued mail takes, reckoned: its destinations, their domains, their ready queues, and what is kept to be shown. */
    public long heapOctets() {
        return queued() * DESTINATION_OCTETS + domainCount() * DOMAIN_OCTETS
                + readyQueues.size() * (long) READY_QUEUE_OCTETS + orders.size() * (long) StandingOrders.OCTETS
                + Math.max(0, keptOctets.sum());
    }

    /** How long ago what is queued was accepted, or the hold that it had ended; by the class's word. */
    public Map<List<String>, HistogramSnapshot> ages() {
        return ages.histograms(clock.wallMillis());
    }

    /** Of the oldest, in seconds, to the minute; by the class's word. */
    public Map<List<String>, Long> oldest() {
        return ages.oldest(clock.wallMillis());
    }

    /** As {@link #oldest}, of mail that no attempt was made at yet. */
    public Map<List<String>, Long> oldestUntried() {
        return ages.oldestUntried(clock.wallMillis());
    }

    public CurfewStats curfewStats() {
        long waits = 0;
        List<Withheld.Curfew> standing = inForce;
        if (!standing.isEmpty()) {
            for (ReadyQueue readyQueue : readyQueues.values()) {
                waits += readyQueue.underCurfew();
            }
        }
        return new CurfewStats(standing.size(), waits, outlasted.sum());
    }

    public QueueStats stats() {
        long ready = 0;
        long suspended = 0;
        ReadyQueue.Counts undecided = unrouted.counts();
        long active = undecided.active();
        for (ReadyQueue readyQueue : readyQueues.values()) {
            ReadyQueue.Counts counts = readyQueue.counts();
            ready += counts.ready();
            suspended += counts.suspended();
            active += counts.active();
        }
        for (Lane lane : waiting.values()) {
            ReadyQueue.Counts counts = lane.entrance.counts();
            suspended += counts.suspended();
            active += counts.active();
        }
        long done = finished.sum(); // before submitted, so that the difference is never negative
        long taken = submitted.sum();
        return new QueueStats(taken - done, scheduler.size(), undecided.ready(), ready, suspended, active,
                domainCount(), readyQueues.size(), taken, done, retried.sum(), requeued.sum(), routeFailures.sum(),
                moved.sum());
    }

    /**
     * What is queued for a domain and what it waits for: first what is being delivered, then what is ready in the order
     * of its senders' queues, then what is scheduled. Looks through the whole wheel when the domain has scheduled mail
     * (tens of milliseconds for a million items): for operators, not for loops.
     */
    public List<ItemView> items(String domain, int limit) {
        return items(domain, limit, _ -> true);
    }

    /** One destination, empty when it isn't queued; costs what {@link #items} costs. */
    public Optional<ItemView> item(String domain, MessageId id) {
        return items(domain, 1, item -> item.entry().messageId() == id.value()).stream().findFirst();
    }

    private List<ItemView> items(String domain, int limit, Predicate<QueueItem> wanted) {
        List<ItemView> views = new ArrayList<>();
        Stream.concat(lanes.values().stream(), waiting.values().stream()).map(lane -> lane.domains.get(domain))
                .filter(Objects::nonNull).forEach(queue -> addItems(queue, limit, wanted, views));
        return views;
    }

    private void addItems(DomainQueue queue, int limit, Predicate<QueueItem> wanted, List<ItemView> views) {
        int scheduled = 0;
        ReadyQueue readyQueue = queue.lockReadyQueue();
        try {
            for (SubQueue subQueue : queue.subQueues.values()) {
                scheduled += subQueue.scheduled();
                view(subQueue.active, readyQueue, limit, wanted, views);
            }
            for (SubQueue subQueue : queue.subQueues.values()) {
                view(subQueue.ready, readyQueue, limit, wanted, views);
            }
        } finally {
            readyQueue.unlock();
        }
        if (scheduled > 0 && views.size() < limit) {
            AtomicInteger unseen = new AtomicInteger(scheduled); // the last one ends the scan
            scheduler.scan(item -> {
                boolean ours = item.home.domain == queue;
                if (ours && wanted.test(item)) {
                    views.add(view(item, readyQueue, -1)); // not ready: nothing of its ready queue is asked
                }
                return views.size() < limit && (!ours || unseen.decrementAndGet() > 0);
            });
        }
    }

    private void view(ItemList list, ReadyQueue readyQueue, int limit, Predicate<QueueItem> wanted,
            List<ItemView> into) {
        long place = 0;
        for (QueueItem item = list.first(); item != null && into.size() < limit; item = item.next) {
            if (wanted.test(item)) {
                into.add(view(item, readyQueue, place));
            }
            place++;
        }
    }

    /**
     * Why a destination hasn't gone yet, and when it will. Looks at {@value #MOST_LOOKED_AT} messages of each sender's mail
     * for the domain at most, those that go next and those that came last, with the lock of their ready queue held for
     * these; and not at mail that waits for its time or its release, which {@link #item} finds.
     *
     * @return empty when it isn't among these
     */
    public Optional<Why> why(String domain, MessageId id) {
        return lanesOf(domain).map(queue -> why(queue, item -> item.entry().messageId() == id.value()))
                .filter(Objects::nonNull).findFirst();
    }

    /**
     * Why mail for the domain hasn't gone yet, and when the next will: of one message that is next of its sender's, or is
     * just being attempted if there is no such. Costs the same however much waits.
     *
     * @return empty when none is ready
     */
    public Optional<Why> whyDomain(String domain) {
        return lanesOf(domain).map(queue -> why(queue, _ -> true)).filter(Objects::nonNull).findFirst();
    }

    private Stream<DomainQueue> lanesOf(String domain) {
        return Stream.concat(lanes.values().stream(), waiting.values().stream()).map(lane -> lane.domains.get(domain))
                .filter(Objects::nonNull);
    }

    private @Nullable Why why(DomainQueue queue, Predicate<QueueItem> wanted) {
        ReadyQueue readyQueue = queue.lockReadyQueue();
        try {
            for (SubQueue subQueue : queue.subQueues.values()) {
                Why why = why(subQueue.ready, readyQueue, wanted);
                if (why != null) {
                    return why;
                }
            }
            for (SubQueue subQueue : queue.subQueues.values()) {
                Why why = why(subQueue.active, readyQueue, wanted);
                if (why != null) {
                    return why;
                }
            }
            return null;
        } finally {
            readyQueue.unlock();
        }
    }

    private @Nullable Why why(ItemList list, ReadyQueue readyQueue, Predicate<QueueItem> wanted) {
        int place = 0;
        QueueItem last = list.last();
        for (QueueItem item = list.first(); item != null && last != null
                && place < MOST_LOOKED_AT / 2; item = item.next) {
            if (wanted.test(item)) {
                return why(item, readyQueue, place);
            }
            if (wanted.test(last)) {
                return why(last, readyQueue, list.size() - 1 - place);
            }
            last = last.previous;
            place++;
        }
        return null;
    }

    /** Under the lock that guards the item. */
    private ItemView view(QueueItem item, ReadyQueue readyQueue, long place) {
        return new ItemView(new MessageId(item.entry().messageId()), item.entry().destination(), item.domain(),
                item.tenant(), item.campaign(), why(item, readyQueue, place),
                readyQueue == unrouted || item.home.domain.lane.waits() ? "" : readyQueue.toString(), item.attempts(),
                item.receivedMillis());
    }

    /**
     * Under the lock that guards the item.
     *
     * @param place in its list, from 0
     */
    private Why why(QueueItem item, ReadyQueue readyQueue, long place) {
        QueueItem.State state;
        String waitingFor;
        long next = 0;
        switch (item.state()) {
            case QueueItem.ACTIVE -> {
                state = QueueItem.State.ACTIVE;
                waitingFor = holds.why(item.entry()) != null
                        ? "the decision whether it is held on"
                        : readyQueue == unrouted
                                ? "the decision about its route's failure"
                                : "the attempt under way";
            }
            case QueueItem.HELD -> {
                state = QueueItem.State.HELD;
                waitingFor = awaitedRelease(item);
                next = endOfHoldMillis(item);
            }
            case QueueItem.QUEUED -> {
                String withheldWhy = readyQueue.withheldWhy(item.home);
                boolean suspended = readyQueue.suspendedWhy() != null;
                if (readyQueue == unrouted) {
                    state = QueueItem.State.ROUTING;
                    waitingFor = router.awaited(item.domain());
                } else if (withheldWhy != null) {
                    state = QueueItem.State.SUSPENDED;
                    waitingFor = withheldWhy;
                    next = readyQueue.withheldUntilMillis(item.home);
                } else if (suspended) {
                    state = QueueItem.State.SUSPENDED;
                    waitingFor = readyQueue.waitingFor();
                    next = readyQueue.suspendedUntilMillis();
                } else {
                    state = QueueItem.State.READY;
                    waitingFor = readyQueue.waitingFor() + ", " + readyQueue.readyNow() + " ready in its queue";
                }
            }
            default -> {
                state = QueueItem.State.SCHEDULED;
                waitingFor = "its next attempt";
                next = clock.toWall(item.dueMillis());
            }
        }
        return item.state() == QueueItem.QUEUED
                ? readyQueue.why(item, state, place, next, waitingFor)
                : new Why(state, waitingFor, null, null, next, 0, -1, 0, 0, 0);
    }
}
