package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import java.time.Duration;
import java.time.InstantSource;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.CurfewConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pool.Member;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.Pacer;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.ThrottleSnapshot;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;
import dev.penstock.units.MailClass;

/** The real scheduler thread, real time, sessions on threads of their own, and everything at once. */
@Timeout(600)
class QueueConcurrencyTest {
    private static final int SUBMITTERS = 4;
    private static final int EACH = 20_000;
    /** Come while next to nothing may be sent: however fast all others went, queues sleep then. */
    private static final int SLEEPY = 100;
    /** Come while the gate is closed for the last time. */
    private static final int LAST = 100;
    private static final int MESSAGES = SUBMITTERS * EACH + SLEEPY + LAST;
    private static final int DOMAINS = 40;
    private static final int SITES = 8;
    private static final int MAX_SESSIONS = 20;
    private static final Duration RETRY = Duration.ofMillis(5);
    private static final Duration MAX_SUSPENSION = Duration.ofMillis(20);
    private static final Duration IDLE = Duration.ofMillis(5);
    private static final Duration HOUR = Duration.ofHours(1);
    /** As a delivery session's: a session that others wait for ends after so many messages. */
    private static final int WANTED_AFTER = 20;
    private static final int TOUCHED = 100;
    private static final List<TlsPolicy> POLICIES = List.of(TlsPolicy.NONE, TlsPolicy.OPPORTUNISTIC,
            TlsPolicy.REQUIRED);
    /** Two tenants of five have three sources. */
    private static final Pools POOLS = new Pools(
            Map.of("three", new Pool("three", List.of(new Member("ip-0", 2), new Member("ip-1", 1),
                    new Member("ip-2", 1)), true)),
            Map.of(), Map.of("t0", "three", "t1", "three"), Pools.DEFAULT);
    private static final List<Trouble> TROUBLES = List.of(Trouble.values());

    private final FakeRouter router = new FakeRouter();
    private final FakeLimitBook book = new FakeLimitBook();
    private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, book, InstantSource.system(), System::nanoTime);
    private final QueueConfig config = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, RETRY)
            .with(QueueConfig.MAX_RETRY_INTERVAL, RETRY).with(QueueConfig.JITTER_PERCENT, 0)
            .with(QueueConfig.MAX_SUSPENSION, MAX_SUSPENSION).with(QueueConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(1));
    private final SourceHealth health = new SourceHealth();
    private final Moody quota = new Moody();
    private final MailQueue queue = new MailQueue(config, shaper, router,
            new Placement(POOLS, health, quota),
            InstantSource.system(), System::nanoTime);
    private final SessionLimiter total = new SessionLimiter("max-sessions", MAX_SESSIONS, 2);
    private final Admission admission = new Admission(total, System::nanoTime, this::open);
    private final AtomicIntegerArray ends = new AtomicIntegerArray(MESSAGES);
    private final CountDownLatch left = new CountDownLatch(MESSAGES);
    private final AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    private final AtomicInteger sessions = new AtomicInteger();
    private final AtomicInteger suspensions = new AtomicInteger();
    private final AtomicInteger dismissals = new AtomicInteger();
    private final AtomicInteger waited = new AtomicInteger();
    private final AtomicInteger slept = new AtomicInteger();
    private final Set<Trouble> troubles = ConcurrentHashMap.newKeySet();
    /** Of sources with a quota. */
    private final AtomicLong sent = new AtomicLong();
    /** Nothing fails any more. */
    private volatile boolean calm;
    private volatile Duration idle = IDLE;

    /** Refuses now and then, for a moment or for longer, and counts. */
    private static final class Moody implements Quota {
        final AtomicLong counted = new AtomicLong();
        volatile boolean generous;

        @Override
        public long expect(String source, String provider, long nowMillis) {
            return answer(source, 20, nowMillis);
        }

        @Override
        public void expectNot(String source, String provider, long messages) {}

        @Override
        public long take(String source, String provider, long nowMillis) {
            long answer = answer(source, 50, nowMillis);
            if (answer == GRANTED) {
                counted.incrementAndGet();
            }
            return answer;
        }

        private long answer(String source, int oneIn, long nowMillis) {
            ThreadLocalRandom random = ThreadLocalRandom.current();
            if (!limits(source, "", nowMillis)) {
                return UNLIMITED;
            }
            return generous || random.nextInt(oneIn) > 0 ? GRANTED : nowMillis + (random.nextBoolean() ? 3 : 3_000);
        }

        @Override
        public void giveBack(String source, String provider, long takenMillis) {
            counted.decrementAndGet();
        }

        @Override
        public boolean limits(String source, String provider, long nowMillis) {
            return source.startsWith("ip-");
        }
    }

    QueueConcurrencyTest() {
        limit(3);
    }

    /** From now on all paths have so many connections, and share these. */
    private void limit(int connections, SharedLimit... shared) {
        TrafficLimits own = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections)
                .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 3);
        book.others((_, _) -> new PathLimits(own, List.of(shared)));
        shaper.changed();
    }

    /** What all paths share for a while: some sessions, and a rate, now and then one so low that all queues sleep. */
    private void limit(SplittableRandom random) {
        List<SharedLimit> shared = new ArrayList<>();
        if (random.nextInt(4) > 0) {
            shared.add(FakeLimitBook.connections("all", random.nextInt(2, 10)));
        }
        if (random.nextInt(4) > 0) {
            shared.add(FakeLimitBook.messages("all", random.nextInt(4) == 0 ? "1/h" : "50000/s,max_burst=10"));
        }
        limit(random.nextInt(1, 5), shared.toArray(SharedLimit[]::new));
    }

    /** As a delivery session waits for its slot. @return whether it is taken; else its queue is held */
    private boolean paced(ReadyQueue readyQueue, Pacer.Slot slot) throws InterruptedException {
        slot.take(Pacer.Cost.ONE, idle.toNanos(), System.nanoTime());
        if (slot.isWaiting()) {
            waited.incrementAndGet();
            readyQueue.pacing(true);
            try {
                slot.await(idle.toNanos());
            } finally {
                readyQueue.pacing(false);
            }
        }
        if (!slot.isTaken()) {
            slept.incrementAndGet();
            readyQueue.hold();
            return false;
        }
        slot.used();
        return true;
    }

    @AfterEach
    void close() {
        queue.close();
    }

    /** What a dispatcher does. */
    private final class Listener implements ReadyQueueListener {
        @Override
        public void wantsSession(ReadyQueue readyQueue) {
            admission.seek(readyQueue);
        }

        @Override
        public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {
            admission.mayGrant(readyQueue, limiter);
        }
    }

    private void open(Session session) {
        sessions.incrementAndGet();
        Thread.startVirtualThread(() -> {
            try {
                serve(session);
            } catch (Throwable e) {
                thrown.compareAndSet(null, e);
            } finally {
                try {
                    admission.ended(session);
                } finally {
                    sessions.decrementAndGet(); // when nothing follows from its end any more
                }
            }
        });
    }

    private void serve(Session session) throws InterruptedException {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        ReadyQueue readyQueue = session.queue();
        if (!calm && random.nextInt(10) == 0) {
            fail(session, true);
            return;
        }
        QueueItem item = readyQueue.up(session);
        Pacer.Slot slot = readyQueue.messages().slot();
        int served = 0;
        while (true) {
            while (item != null) {
                if (!paced(readyQueue, slot)) {
                    queue.requeue(item);
                    return;
                }
                if (!calm && random.nextInt(500) == 0) {
                    fail(session, false); // before its mail comes back
                    queue.requeue(item);
                    return;
                }
                if (settle(item)) {
                    admission.proved(session);
                }
                served++;
                if (served >= WANTED_AFTER && session.permit().isWanted(readyQueue.waitingAt())) {
                    return;
                }
                item = readyQueue.next(session);
            }
            if (session.permit().isWanted(readyQueue.waitingAt())) {
                return;
            }
            long begin = System.nanoTime();
            item = readyQueue.await(session, idle.toNanos());
            if (item == null) {
                if (System.nanoTime() - begin < idle.toNanos()) {
                    dismissals.incrementAndGet();
                }
                return;
            }
        }
    }

    private void fail(Session session, boolean mayCharge) {
        Trouble trouble = TROUBLES.get(ThreadLocalRandom.current().nextInt(TROUBLES.size()));
        troubles.add(trouble);
        Failed failed = admission.failed(session, trouble, mayCharge, "on purpose");
        if (failed.suspension() != null) {
            suspensions.incrementAndGet();
        }
        QueueItem charged = failed.charged();
        if (charged != null) {
            queue.retry(charged, System.currentTimeMillis() + RETRY.toMillis(), charged.attempts() + 1);
        }
    }

    /** @return whether it was delivered */
    private boolean settle(QueueItem item) {
        int id = (int) item.entry().messageId();
        if (id % 10 == 1 && item.attempts() == 0) {
            if (id % 20 == 1) { // else no host was reached
                send(item);
            }
            queue.retry(item, System.currentTimeMillis() + id % 200, 1);
            return false;
        }
        if (id % 10 == 2 && ends.compareAndSet(id, 0, TOUCHED)) {
            queue.requeue(item);
            return false;
        }
        send(item);
        end(item);
        return true;
    }

    private void send(QueueItem item) {
        if (quota.limits(item.source(), "", 0)) {
            sent.incrementAndGet();
        }
        queue.sent(item, 1);
    }

    private void end(QueueItem item) {
        queue.finished(item);
        ends.incrementAndGet((int) item.entry().messageId());
        left.countDown();
    }

    /** Others from now on: in half of the times mail of some tenants waits. */
    private void sharesAndCurfews(SplittableRandom random) {
        LocalTime now = LocalTime.now(ZoneOffset.UTC);
        CurfewConfig curfew = CurfewConfig.DEFAULT.with(CurfewConfig.FROM, now.minusHours(1))
                .with(CurfewConfig.TO, now.plusHours(1))
                .with(CurfewConfig.TENANTS, List.of("t" + random.nextInt(5), "t" + random.nextInt(5)))
                .with(CurfewConfig.CLASSES, Set.of((random.nextBoolean() ? MailClass.TRANSACTIONAL : MailClass.BULK)));
        queue.reconfigure(QueueHarness.weights(Map.of("t" + random.nextInt(5), random.nextInt(1, 9))),
                random.nextBoolean() ? Curfews.NONE : new Curfews(Map.of("now", curfew)));
    }

    private void route(int domain, int site, int policy) {
        Route.Hosts plain = FakeRouter.hosts("site" + site);
        router.set("d" + domain + ".example",
                new Route.Hosts(plain.site(), plain.hosts(), false, true, POLICIES.get(policy)));
    }

    @Test
    void losesAndDoublesNothing() throws InterruptedException {
        for (int d = 0; d < DOMAINS; d++) {
            route(d, d % SITES, d / SITES % POLICIES.size());
        }
        router.set("d7.example", new Route.Failure(true, 550, "5.1.2", "no such domain"));
        AtomicBoolean recordable = new AtomicBoolean(true);
        queue.handsOutOnlyWhile(recordable::get);
        queue.start((item, _) -> end(item), new Listener());
        List<Thread> submitters = new ArrayList<>();
        for (int s = 0; s < SUBMITTERS; s++) {
            int first = s * EACH;
            submitters.add(Thread.ofPlatform().start(() -> submit(first, EACH)));
        }
        SplittableRandom random = new SplittableRandom(99);
        for (int round = 0; round < 200; round++) {
            route(random.nextInt(8, DOMAINS), random.nextInt(SITES), random.nextInt(POLICIES.size()));
            queue.reroute();
            sourcesComeAndGo(random);
            if (round % 4 == 0) {
                sharesAndCurfews(random);
            }
            if (round % 10 == 5) {
                recordable.set(false);
            } else if (round % 10 == 7) {
                recordable.set(true);
                queue.recordingChanged();
            }
            if (round % 20 == 0) {
                limit(random);
                queue.forEachReadyQueue(admission::reconfigured);
                queue.items("d" + random.nextInt(DOMAINS) + ".example", 100);
                queue.readyQueues();
                queue.stats();
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5)); // spreads the rounds over the work
        }
        for (Thread submitter : submitters) {
            submitter.join();
        }
        queue.reconfigure(TenantRules.NONE, Curfews.NONE);
        limit(3, FakeLimitBook.messages("all", "1/h"));
        queue.forEachReadyQueue(admission::reconfigured);
        submit(SUBMITTERS * EACH, SLEEPY);
        await("queues sleep").atMost(Patience.LONG).until(() -> slept.get() > 0);
        recordable.set(false);
        limit(3, FakeLimitBook.connections("all", 4), FakeLimitBook.messages("all", "50000/s"));
        await().atMost(Patience.LONG).untilAtomic(sessions, equalTo(0));
        quota.generous = true;
        Pool three = requireNonNull(POOLS.pool("three"));
        String own = requireNonNull(three.choose(three.draw(SUBMITTERS * EACH, 0), _ -> true));
        health.suspend(own, Scope.EVERYWHERE, Cause.OPERATOR, "on purpose", SourceHealth.UNTIL_RESUMED, 0);
        long before = left.getCount();
        submit(MESSAGES - LAST, LAST);
        assertThat(left.getCount()).as("nothing of it is given out").isGreaterThanOrEqualTo(before - LAST / 2);
        await("others take over").atMost(Patience.LONG)
                .until(() -> !lastOfThree().isEmpty() && lastOfThree().stream().noneMatch(by -> by.equals(own)));
        health.resume(own, Scope.EVERYWHERE, Cause.OPERATOR, "on purpose");
        await("it comes back to its own source").atMost(Patience.LONG)
                .until(() -> !lastOfThree().isEmpty() && lastOfThree().stream().allMatch(by -> by.equals(own)));
        recordable.set(true);
        queue.recordingChanged();
        boolean all = left.await(60, TimeUnit.SECONDS);
        assertThat(thrown.get()).isNull();
        assertThat(all).as("%d left: %s", left.getCount(), queue.readyQueues()).isTrue();
        for (int id = 0; id < MESSAGES; id++) {
            assertThat(ends.get(id) % TOUCHED).as("ends of message %d", id).isEqualTo(1);
        }
        assertNothingIsLeft();
        for (int t = 0; t < 5; t++) {
            assertThat(queue.accounts().destinations("t" + t)).as("queued of t%d", t).isZero();
            assertThat(queue.accounts().kilobytes("t" + t)).as("kilobytes queued of t%d", t).isZero();
        }
        assertThat(queue.curfewStats()).isEqualTo(new CurfewStats(0, 0, 0));
        assertThat(troubles).containsExactlyInAnyOrderElementsOf(EnumSet.allOf(Trouble.class));
        assertThat(suspensions.get()).isPositive();
        assertThat(shaper.snapshot()).extracting(ThrottleSnapshot::source).contains("ip-0", "ip-1", "ip-2", "default");
        assertThat(waited.get()).as("messages that waited for a slot").isPositive();
        assertThat(shaper.open(FakeLimitBook.connections("all", 4).id())).isZero();
        assertThat(health.isSound()).isTrue();
        assertThat(quota.counted.get()).as("messages that count").isEqualTo(sent.get()).isPositive();
    }

    /** By which sources the last messages go that have three, and are ready; all ids fall to the same of these. */
    private List<String> lastOfThree() {
        List<String> sources = new ArrayList<>();
        for (int d = 0; d < DOMAINS; d++) {
            for (ItemView item : queue.items("d" + d + ".example", MESSAGES)) {
                if (item.id().value() >= MESSAGES - LAST && item.readyQueue().contains("->")
                        && item.state() != QueueItem.State.SCHEDULED
                        && (item.tenant().equals("t0") || item.tenant().equals("t1"))) {
                    sources.add(item.readyQueue().substring(0, item.readyQueue().indexOf("->")));
                }
            }
        }
        return sources;
    }

    /** Each by itself, now and then all at once; for some milliseconds. */
    private void sourcesComeAndGo(SplittableRandom random) {
        long now = System.currentTimeMillis();
        Scope scope = random.nextBoolean() ? Scope.EVERYWHERE : Scope.site("site" + random.nextInt(SITES));
        boolean all = random.nextInt(4) == 0;
        for (int i = 0; i < 3; i++) {
            if (all || random.nextInt(3) == 0) {
                health.suspend("ip-" + i, scope, Cause.BLOCKED, "on purpose", now + random.nextInt(1, 30), now);
            }
        }
        health.resume("ip-" + random.nextInt(3), Scope.EVERYWHERE, Cause.BLOCKED, "on purpose");
    }

    private void submit(int first, int count) {
        SplittableRandom random = new SplittableRandom(first);
        for (int id = first; id < first + count; id++) {
            long due = id % 20 == 4 ? System.currentTimeMillis() + random.nextInt(300) : 0;
            String domain = "d" + random.nextInt(DOMAINS) + ".example";
            String tenant = "t" + random.nextInt(5);
            queue.submit(due == 0
                    ? Destinations.of((random.nextBoolean() ? MailClass.TRANSACTIONAL : MailClass.BULK), "",
                            TestEntries.entry(id, 0), domain,
                            tenant, "", System.currentTimeMillis())
                    : Destinations.of(TestEntries.entry(id, 0), domain, tenant, "", System.currentTimeMillis(), 0, due,
                            4_096));
            if (id % 50 == 0) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1)); // queues run empty in between
            }
        }
    }

    private void assertNothingIsLeft() {
        await().atMost(Patience.LONG).untilAtomic(sessions, equalTo(0));
        await().atMost(Patience.LONG).until(() -> total.open() == 0);
        assertThat(queue.stats())
                .returns(0L, QueueStats::queued).returns(0L, QueueStats::scheduled).returns(0L, QueueStats::ready)
                .returns(0L, QueueStats::routing).returns(0L, QueueStats::suspended).returns(0L, QueueStats::active);
        assertThat(total.waiting()).isZero();
        assertThat(shaper.snapshot()).allMatch(snapshot -> snapshot.openSessions() == 0, "has no session");
        queue.forEachReadyQueue(readyQueue -> assertThat(readyQueue.violation()).isNull());
    }

    /** Sessions may idle for an hour here: who waits gets what it needs because the one that idles is asked to end. */
    @Test
    void queuesThatShareOneSessionHaveTheirTurnsThoughEachSessionWouldIdle() throws InterruptedException {
        calm = true;
        idle = HOUR;
        limit(1);
        for (int d = 0; d < POLICIES.size(); d++) {
            route(d, 0, d);
        }
        queue.start((item, _) -> end(item), new Listener());
        int rounds = 2_000;
        for (int id = 0; id < rounds; id++) {
            // another queue's session has just delivered, is about to idle, or idles
            queue.submit(Destinations.of(TestEntries.entry(10L * id, 0), "d" + id % POLICIES.size() + ".example", "",
                    "", 0, 0, 0,
                    4_096));
            if (id % 3 == 0) {
                int want = MESSAGES - id - 1;
                await().pollInterval(Duration.ofMillis(1)).atMost(Patience.LONG).until(() -> left.getCount() == want);
            }
        }
        await().atMost(Patience.LONG).until(() -> left.getCount() == MESSAGES - rounds);
        assertThat(thrown.get()).isNull();
        assertThat(dismissals.get()).isPositive();
        queue.close();
        assertNothingIsLeft();
    }

    /** Dead DNS and a hundred domains: the handler may read a message into memory each time it is called. */
    @Test
    void handsRouteFailuresToOnlySoManyAtOnce() throws InterruptedException {
        CountDownLatch handled = new CountDownLatch(1_000);
        Semaphore gate = new Semaphore(0);
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        queue.start((item, _) -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            gate.acquireUninterruptibly();
            now.decrementAndGet();
            queue.finished(item);
            handled.countDown();
        }, _ -> {});
        for (int i = 0; i < 1_000; i++) {
            String domain = "d" + i % 100 + ".example";
            router.set(domain, new Route.Failure(false, 451, "4.4.3", "no answer"));
            queue.submit(Destinations.of(TestEntries.entry(i, 0), domain, "", "", 0, 0, 0, 4_096));
        }
        await().untilAtomic(now, equalTo(MailQueue.FAILURES_AT_ONCE));
        gate.release(1_000);
        assertThat(handled.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(most.get()).isEqualTo(MailQueue.FAILURES_AT_ONCE);
    }

    @Test
    void releasesOnTimeByItself() throws InterruptedException {
        queue.reconfigure(QueueConfig.DEFAULT); // its waits are long enough for both
        CountDownLatch ready = new CountDownLatch(1);
        queue.start((_, _) -> {}, _ -> ready.countDown());
        long begin = System.nanoTime();
        queue.submit(Destinations.of(TestEntries.entry(1, 0), "example.com", "", "", System.currentTimeMillis(), 1,
                System.currentTimeMillis() + HOUR.toMillis(), 4_096));
        queue.submit(Destinations.of(TestEntries.entry(2, 0), "example.com", "", "", System.currentTimeMillis(), 1,
                System.currentTimeMillis() + 100, 4_096));
        assertThat(ready.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThan(Duration.ofMillis(98));
        assertThat(queue.stats().scheduled()).isEqualTo(1);
    }

    @Test
    void handsMailToASessionThatIdlesInsteadOfOpeningAnother() throws InterruptedException {
        BlockingQueue<Session> opened = new LinkedBlockingQueue<>();
        Admission recording = new Admission(total, System::nanoTime, opened::add);
        queue.start((_, _) -> {}, recording::seek);
        queue.submit(Destinations.of(TestEntries.entry(1, 0), "example.com", "", "", 0, 0, 0, 4_096));
        Session session = opened.take();
        ReadyQueue readyQueue = session.queue();
        queue.finished(requireNonNull(readyQueue.up(session)));
        CountDownLatch taken = new CountDownLatch(1);
        Thread deliverySession = Thread.startVirtualThread(() -> {
            try {
                queue.finished(requireNonNull(readyQueue.await(session, HOUR.toNanos())));
                taken.countDown();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        await().until(readyQueue::hasIdle);
        queue.submit(Destinations.of(TestEntries.entry(2, 0), "example.com", "", "", 0, 0, 0, 4_096));
        assertThat(taken.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        deliverySession.join();
        assertThat(opened).isEmpty();
    }

    @Test
    void anInterruptedSessionTakesNothing() throws InterruptedException {
        BlockingQueue<Session> opened = new LinkedBlockingQueue<>();
        Admission recording = new Admission(total, System::nanoTime, opened::add);
        queue.start((_, _) -> {}, recording::seek);
        for (int id = 0; id < 500; id++) {
            queue.submit(Destinations.of(TestEntries.entry(2L * id, 0), "example.com", "", "", 0, 0, 0, 4_096));
            Session session = opened.take();
            ReadyQueue readyQueue = session.queue();
            queue.finished(requireNonNull(readyQueue.up(session)));
            AtomicReference<@Nullable QueueItem> got = new AtomicReference<>();
            Thread deliverySession = Thread.startVirtualThread(() -> {
                try {
                    got.set(readyQueue.await(session, HOUR.toNanos()));
                } catch (InterruptedException _) {
                    // what it was handed is put back
                }
            });
            await().pollInterval(Duration.ofMillis(1)).until(readyQueue::hasIdle);
            deliverySession.interrupt(); // in the moment in which it is handed the next
            queue.submit(Destinations.of(TestEntries.entry(2L * id + 1, 0), "example.com", "", "", 0, 0, 0, 4_096));
            deliverySession.join();
            recording.ended(session);
            QueueItem item = got.get();
            if (item == null) {
                Session next = opened.take();
                item = requireNonNull(readyQueue.up(next));
                recording.ended(next);
            }
            queue.finished(item);
        }
        assertThat(queue.stats()).returns(0L, QueueStats::queued).returns(0L, QueueStats::active);
        assertThat(total.open()).isZero();
        assertThat(shaper.snapshot()).extracting(ThrottleSnapshot::openSessions).containsExactly(0);
    }
}
