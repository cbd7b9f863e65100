package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pool.Member;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.Patience;

/** The views while mail comes, goes, waits, is held and changes its source and its site, all at once. */
@Timeout(600)
class QueueViewsConcurrencyTest {
    private static final int SUBMITTERS = 2;
    private static final int EACH = 15_000;
    private static final int DOMAINS = 30;
    private static final int SITES = 5;
    /** So often it is looked while mail goes, at least. */
    private static final int LEAST_VIEWS = 10;
    /** Mail that waits throughout, and is known by its attempts. */
    private static final int RESIDENTS = 200;
    private static final int THEIR_ATTEMPTS = 1_000;
    private static final Selection THEY = Selection.parse(Map.of("min-attempts", List.of("" + THEIR_ATTEMPTS), "state",
            List.of("scheduled"), "older-than", List.of("1m")));
    private static final Pools POOLS = new Pools(
            Map.of("two", new Pool("two", List.of(new Member("ip-0", 1), new Member("ip-1", 1)), true)), Map.of(),
            Map.of("t0", "two"), Pools.DEFAULT);

    private final FakeRouter router = new FakeRouter();
    private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, null, InstantSource.system(), System::nanoTime);
    private final SourceHealth health = new SourceHealth();
    private final MailQueue queue = new MailQueue(QueueConfig.DEFAULT, shaper, router,
            new Placement(POOLS, health, Quota.NONE), InstantSource.system(), System::nanoTime);
    private final Admission admission = new Admission(new SessionLimiter("max-sessions", 20, 2), System::nanoTime,
            this::open);
    private final AtomicLong ids = new AtomicLong();
    private final Set<Long> residents = ConcurrentHashMap.newKeySet();
    private final AtomicInteger submitted = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicInteger views = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    private volatile boolean calm;

    @AfterEach
    void close() {
        calm = true;
        queue.close();
    }

    @Test
    void theyNeverTellNonsenseAndNothingIsLeftInThemWhenAllHasGone() throws Exception {
        for (int domain = 0; domain < DOMAINS; domain++) {
            router.setSite(domain(domain), "mx" + domain % SITES);
        }
        queue.lookAtHeldEvery(Duration.ofMillis(10));
        queue.start(new RouteFailureHandler() {
            @Override
            public void failed(QueueItem item, Route.Failure failure) {
                end(item);
            }

            @Override
            public void reportDue(QueueItem item) {
                end(item);
            }

            @Override
            public void holdDue(QueueItem item) {
                queue.release(item, 0);
            }
        }, new ReadyQueueListener() {
            @Override
            public void wantsSession(ReadyQueue readyQueue) {
                admission.seek(readyQueue);
            }

            @Override
            public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {
                admission.mayGrant(readyQueue, limiter);
            }
        });
        for (int i = 0; i < RESIDENTS; i++) {
            long now = System.currentTimeMillis();
            long id = ids.incrementAndGet();
            residents.add(id);
            queue.submit(Destinations.of(TestEntries.entry(id, 0), domain(i % DOMAINS), "t" + i % 3, "",
                    now - 100_000, THEIR_ATTEMPTS, now + 10_000_000, 1_000));
        }
        Thread reader = guarded(() -> {
            while (!calm) {
                look();
            }
        });
        Thread disturber = guarded(() -> {
            for (int i = 0; !calm; i++) {
                disturb(i);
            }
        });
        List<Thread> submitters = Stream.generate(() -> guarded(this::submit)).limit(SUBMITTERS).toList();
        await().atMost(Patience.LONG.multipliedBy(5)).until(() -> thrown.get() != null
                || submitters.stream().noneMatch(Thread::isAlive) && done.get() == submitted.get());
        calm = true;
        reader.join();
        disturber.join();
        assertThat(thrown.get()).isNull();
        QueueCounts left = new QueueViews(queue, shaper).table(Grouping.DOMAIN, Selection.EVERYTHING).total();
        assertThat(left.destinations()).isEqualTo(RESIDENTS);
        assertThat(left.attempted()).isEqualTo(RESIDENTS);
        assertThat(left.octets()).isEqualTo(RESIDENTS * 1_024);
        assertThat(left.ages().stream().mapToLong(count -> count).sum()).isEqualTo(RESIDENTS);
        queue.traffic().tick();
        assertThat(queue.traffic().rates().deliveredHour()).isEqualTo(submitted.get());
    }

    private Thread guarded(Runnable action) {
        return Thread.ofPlatform().daemon().start(() -> {
            try {
                action.run();
            } catch (Throwable e) {
                thrown.compareAndSet(null, e);
            }
        });
    }

    private static String domain(int number) {
        return "d" + number + ".example";
    }

    private void submit() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        for (int i = 0; (i < EACH || views.get() <= LEAST_VIEWS) && thrown.get() == null && !calm; i++) {
            if (i > EACH) { // until it was looked often enough; slowly
                LockSupport.parkNanos(1_000_000);
            }
            submitted.incrementAndGet();
            long now = System.currentTimeMillis();
            queue.submit(Destinations.of(TestEntries.entry(ids.incrementAndGet(), 0), domain(random.nextInt(DOMAINS)),
                    "t" + random.nextInt(3), "", now - random.nextInt(100_000_000), 0,
                    random.nextInt(3) == 0 ? now + random.nextInt(50) : 0, random.nextInt(100_000)));
        }
    }

    private void disturb(int round) {
        long now = System.currentTimeMillis();
        router.setSite(domain(round % DOMAINS), "mx" + round % (SITES + 1));
        if (round % 2 == 0) {
            var _ = health.suspend("ip-0", Scope.EVERYWHERE, Cause.BLOCKED, "listed", now + 1_000_000, now);
        } else {
            var _ = health.resume("ip-0", Scope.EVERYWHERE, Cause.BLOCKED, "delisted");
        }
        queue.reroute();
    }

    private void look() {
        try {
            QueueViews fresh = new QueueViews(queue, shaper);
            for (Grouping by : Grouping.values()) {
                for (QueueTable.Row row : fresh.page(by, Selection.EVERYTHING, QueueTable.Column.OLDEST, false, 0, 50)
                        .rows()) {
                    QueueCounts counts = row.counts();
                    assertThat(counts.destinations()).isBetween(0L, 2L * ids.get());
                    assertThat(counts.scheduled()).isNotNegative();
                    assertThat(counts.held()).isNotNegative();
                    assertThat(counts.attempted()).isNotNegative();
                    assertThat(counts.octets()).isNotNegative();
                    assertThat(counts.ages()).allMatch(count -> count >= 0);
                }
            }
            var _ = fresh.why(Selection.EVERYTHING);
            var _ = fresh.messages(Selection.parse(Map.of("tenant", List.of("t1"))), Cursor.START, 20, _ -> null);
            lookAtResidents(fresh);
            views.incrementAndGet();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Each is on one of the pages once, whatever comes and goes and wherever it is moved to. */
    private void lookAtResidents(QueueViews fresh) throws IOException {
        List<Long> seen = new ArrayList<>();
        Cursor after = Cursor.START;
        while (after != null) {
            MessagePage page = fresh.messages(THEY, after, RESIDENTS / 7, _ -> null);
            page.messages().forEach(row -> seen.add(row.id().value()));
            assertThat(page.selected()).isEqualTo(RESIDENTS);
            after = page.next();
        }
        assertThat(seen).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(residents);
    }

    private void open(Session session) {
        Thread.startVirtualThread(() -> {
            try {
                QueueItem item = admission.up(session);
                admission.proved(session);
                while (item != null) {
                    become(item);
                    item = session.queue().next(session);
                }
            } catch (Throwable e) {
                thrown.compareAndSet(null, e);
            } finally {
                admission.ended(session);
            }
        });
    }

    private void become(QueueItem item) {
        long now = System.currentTimeMillis();
        switch (ThreadLocalRandom.current().nextInt(8)) {
            case 0 -> queue.retry(item, now + 5, item.attempts() + 1);
            case 1 -> queue.requeue(item);
            case 2 -> queue.hold(item, "no rDNS", now + 5);
            case 3 -> queue.retryReport(item, now + 5, item.attempts() + 1);
            default -> end(item);
        }
    }

    private void end(QueueItem item) {
        queue.outcome(item, 1, 0, 0);
        queue.finished(item);
        done.incrementAndGet();
    }
}
