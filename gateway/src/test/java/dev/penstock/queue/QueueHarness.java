package dev.penstock.queue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.CurfewConfig;
import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ProviderMatch;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TenantConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.config.TrafficLimits;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.ManualClock;
import dev.penstock.units.MailClass;

/**
 * A queue without a scheduler thread, on a manual clock and a fake router, with what it told to the outside. Confined to
 * the test's thread. Its sessions are opened nowhere: they come up when the test takes mail through them.
 */
final class QueueHarness {
    record Unroutable(QueueItem item, Route.Failure failure) {}

    static final int SIZE = 4_096;
    static final Duration RETRY = Duration.ofHours(1);

    final ManualClock clock = new ManualClock();
    final FakeRouter router = new FakeRouter();
    final Shaper shaper;
    final SourceHealth health = new SourceHealth();
    final MailQueue queue;
    final SessionLimiter total;
    /** Sessions on their way up, in the order in which they were begun. */
    final List<Session> comingUp = new CopyOnWriteArrayList<>();
    final Admission admission;
    /** Those that wanted a session, in the order of their numbers: a seed is the same schedule each time. */
    final Set<ReadyQueue> ready = new ConcurrentSkipListSet<>(Comparator.comparingLong(queue -> queue.number));
    final List<ReadyQueue> removed = new CopyOnWriteArrayList<>();
    final List<Unroutable> failures = new CopyOnWriteArrayList<>();
    private final Map<ReadyQueue, Session> standing = new HashMap<>();
    /** Which hosts of a route its sessions try. */
    UnaryOperator<List<MailHost>> tried = UnaryOperator.identity();
    /** Run when admission looks at the clock: what comes between two of its steps. */
    Runnable atLook = () -> {};
    /** How often admission may still look at the clock, as it does between any two of its steps. */
    long looksLeft = Long.MAX_VALUE;
    private long nextId;
    private long idStep = 1;

    QueueHarness() {
        this(new SessionLimiter("max-sessions", 1_000, 100));
    }

    private QueueHarness(SessionLimiter total) {
        this(total, Pools.NONE, Quota.NONE);
    }

    private QueueHarness(SessionLimiter total, Pools pools, Quota quota) {
        this(total, pools, quota, null);
    }

    private QueueHarness(SessionLimiter total, Pools pools, Quota quota, @Nullable LimitBook book) {
        this.total = total;
        this.shaper = new Shaper(limits(Map.of()), book, clock, clock::nanoTime);
        this.queue = queue(pools, quota);
        this.admission = new Admission(total, this::nanosOfAdmission, comingUp::add);
    }

    private QueueHarness(SessionLimiter total, OpeningLimiter opening, @Nullable LimitBook book) {
        this.total = total;
        this.shaper = new Shaper(limits(Map.of()), book, clock, clock::nanoTime);
        this.queue = queue(Pools.NONE, Quota.NONE);
        this.admission = new Admission(total, total, opening, (_, hosts, _) -> tried.apply(hosts),
                this::nanosOfAdmission,
                comingUp::add);
    }

    private MailQueue queue(Pools pools, Quota quota) {
        return new MailQueue(QueueConfig.DEFAULT, shaper, router,
                new Placement(pools, health, quota), clock, clock::nanoTime);
    }

    /** Its sites in {@code mail.example} are of the provider "mail". */
    static QueueHarness open(Pools pools, Quota quota) {
        QueueHarness harness = new QueueHarness(new SessionLimiter("max-sessions", 1_000, 100), pools, quota);
        harness.idStep = 1 << 10; // as one node gives them out
        harness.start();
        return harness;
    }

    /** With what the book says for limits. */
    static QueueHarness open(LimitBook book) {
        return open(book, Pools.NONE);
    }

    static QueueHarness open(LimitBook book, Pools pools) {
        QueueHarness harness = new QueueHarness(new SessionLimiter("max-sessions", 1_000, 100), pools, Quota.NONE,
                book);
        harness.start();
        return harness;
    }

    static QueueHarness open() {
        return open(new SessionLimiter("max-sessions", 1_000, 100));
    }

    /** @param total of all sessions */
    static QueueHarness open(SessionLimiter total) {
        QueueHarness harness = new QueueHarness(total);
        harness.start();
        return harness;
    }

    /**
     * @param total   of all sessions
     * @param opening of those that come up
     */
    static QueueHarness open(SessionLimiter total, OpeningLimiter opening) {
        QueueHarness harness = new QueueHarness(total, opening, null);
        harness.start();
        return harness;
    }

    /** @param book what it says for limits */
    static QueueHarness open(SessionLimiter total, OpeningLimiter opening, LimitBook book) {
        QueueHarness harness = new QueueHarness(total, opening, book);
        harness.start();
        return harness;
    }

    private long nanosOfAdmission() {
        atLook.run();
        if (looksLeft-- == 0) {
            throw new AssertionError("permits go round without end");
        }
        return clock.nanoTime();
    }

    /** A sub-queue that nothing is done with, for tests of single structures. */
    static SubQueue subQueue() {
        QueueHarness harness = open();
        harness.submit("example.com");
        return harness.take(harness.readyQueue("example.com")).home;
    }

    void start() {
        queue.open((item, failure) -> failures.add(new Unroutable(item, failure)), new ReadyQueueListener() {
            @Override
            public void wantsSession(ReadyQueue readyQueue) {
                ready.add(readyQueue);
                admission.seek(readyQueue);
            }

            @Override
            public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {
                admission.mayGrant(readyQueue, limiter);
            }

            @Override
            public void removed(ReadyQueue readyQueue) {
                removed.add(readyQueue);
            }
        }, Runnable::run);
    }

    ReadyQueue readyQueue(String source, String site) {
        for (ReadyQueue readyQueue : ready) {
            if (readyQueue.key().source().equals(source) && readyQueue.key().site().name().equals(site)) {
                return readyQueue;
            }
        }
        throw new AssertionError("no readyQueue became ready for " + source + "->" + site + ", but " + ready);
    }

    /** @return the message's id, ascending */
    long submit(String domain) {
        return submit(domain, "", "", SIZE);
    }

    long submit(String domain, String tenant, String campaign, long size) {
        return submit(domain, tenant, campaign, size, 0, 0);
    }

    long submit(String domain, String tenant, String campaign, long size, int attempts, long dueMillis) {
        long id = nextId;
        nextId += idStep;
        queue.submit(Destinations.of(TestEntries.entry(id, 0), domain, tenant, campaign, clock.millis(), attempts,
                dueMillis, size));
        return id;
    }

    /** @return the message's id, ascending */
    long submit(MailClass mailClass, String domain, String tenant, String campaign) {
        return submit(mailClass, "", domain, tenant, campaign);
    }

    long submit(MailClass mailClass, String pool, String domain, String tenant, String campaign) {
        long id = nextId;
        nextId += idStep;
        queue.submit(Destinations.of(mailClass, pool, TestEntries.entry(id, 0), domain, tenant, campaign,
                clock.millis()));
        return id;
    }

    /** A report made here for a tenant. */
    long report(String domain, String tenant) {
        long id = nextId;
        nextId += idStep;
        queue.submit(Destinations.report(TestEntries.entry(id, 0), domain, tenant, clock.millis()));
        return id;
    }

    /** From now on by these; what is queued too. */
    void reconfigure(TenantRules tenants, Map<String, CurfewConfig> curfews) {
        queue.reconfigure(tenants, new Curfews(curfews));
        queue.runDue();
    }

    static TenantRules weights(Map<String, Integer> tenants) {
        Map<String, TenantConfig> configs = new HashMap<>();
        tenants.forEach(
                (tenant, weight) -> configs.put(tenant, TenantConfig.DEFAULT.with(TenantConfig.WEIGHT, weight)));
        return new TenantRules(configs, Map.of());
    }

    ReadyQueue readyQueue(String site) {
        for (ReadyQueue readyQueue : ready) {
            if (readyQueue.key().site().name().equals(site)) {
                return readyQueue;
            }
        }
        throw new AssertionError("no readyQueue became ready for " + site + ", but " + ready);
    }

    /** The queue's next session on its way up. */
    Session begun(ReadyQueue readyQueue) {
        for (Session session : comingUp) {
            if (session.queue() == readyQueue) {
                comingUp.remove(session);
                return session;
            }
        }
        throw new AssertionError("no session is on its way up for " + readyQueue.describe());
    }

    boolean hasBegun(ReadyQueue readyQueue) {
        return comingUp.stream().anyMatch(session -> session.queue() == readyQueue);
    }

    /** Over the session that stands, or the next on its way up. */
    QueueItem take(ReadyQueue readyQueue) {
        QueueItem item = poll(readyQueue);
        if (item == null) {
            throw new AssertionError("nothing to take from " + readyQueue.describe());
        }
        return item;
    }

    /** As {@link #take}; null when there is nothing, and then all sessions of the queue end. */
    @Nullable
    QueueItem poll(ReadyQueue readyQueue) {
        Session session = standing.get(readyQueue);
        QueueItem item = null;
        if (session != null) {
            item = readyQueue.next(session);
        } else if (hasBegun(readyQueue)) {
            session = begun(readyQueue);
            standing.put(readyQueue, session);
            item = readyQueue.up(session);
        }
        if (item == null) {
            endSessions(readyQueue);
        }
        return item;
    }

    void endSessions(ReadyQueue readyQueue) {
        Session session = standing.remove(readyQueue);
        if (session != null) {
            admission.ended(session);
        }
        while (hasBegun(readyQueue)) {
            admission.ended(begun(readyQueue));
        }
    }

    /** The queue's next session can't be opened. What is charged with that is deferred for {@link #RETRY}. */
    Failed fail(ReadyQueue readyQueue, Trouble trouble) {
        return fail(begun(readyQueue), trouble);
    }

    Failed fail(Session session, Trouble trouble) {
        Failed failed = admission.failed(session, trouble, true, trouble.name());
        QueueItem charged = failed.charged();
        if (charged != null) {
            queue.retry(charged, clock.millis() + RETRY.toMillis(), charged.attempts() + 1);
        }
        standing.remove(session.queue(), session);
        admission.ended(session);
        return failed;
    }

    /** Takes all there is and finishes it, over sessions that end then. */
    List<Long> drain(ReadyQueue readyQueue) {
        return drain(readyQueue, Integer.MAX_VALUE);
    }

    List<Long> drain(ReadyQueue readyQueue, int limit) {
        List<Long> ids = new ArrayList<>();
        @Nullable
        QueueItem item;
        while (ids.size() < limit && (item = poll(readyQueue)) != null) {
            ids.add(item.entry().messageId());
            queue.finished(item);
        }
        return ids;
    }

    /** All that is ready and was received before then is taken out of turn. */
    static List<QueueItem> takeOld(ReadyQueue readyQueue, long millis) {
        List<QueueItem> taken = new ArrayList<>();
        OldMail old = readyQueue.oldMail(millis);
        for (List<QueueItem> some = old.next(); some != null; some = old.next()) {
            taken.addAll(some);
        }
        return taken;
    }

    /** Time passes, and the scheduler does what it would do then. */
    void advance(Duration time) {
        clock.advance(time);
        queue.runDue();
    }

    void shapeByItself(String domain) {
        reconfigure(limits(Map.of(domain, TrafficLimits.DEFAULT)));
    }

    private static ShapingConfig limits(Map<String, TrafficLimits> sections) {
        List<ProviderConfig> providers = new ArrayList<>(ShapingConfig.DEFAULT.providers());
        providers.add(
                new ProviderConfig("mail", List.of(new ProviderMatch(ProviderMatch.Kind.MX_SUFFIX, ".mail.example"))));
        return new ShapingConfig(TrafficLimits.DEFAULT, sections, providers);
    }

    /** As a dispatcher follows it. */
    void reconfigure(ShapingConfig limits) {
        shaper.reconfigure(limits);
        queue.reconfigure(QueueConfig.DEFAULT);
        queue.forEachReadyQueue(admission::reconfigured);
        queue.runDue();
    }
}
