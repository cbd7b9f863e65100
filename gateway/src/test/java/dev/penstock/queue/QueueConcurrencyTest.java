package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.FakeRouter;

/** The real scheduler thread, real time, and everything at once. */
@Timeout(180)
class QueueConcurrencyTest {
    private static final int SUBMITTERS = 4;
    private static final int EACH = 25_000;
    private static final int DOMAINS = 40;
    private static final int SITES = 10;
    private static final int COURIERS_PER_LANE = 4;
    private static final Duration IDLE = Duration.ofMillis(5);

    private final FakeRouter router = new FakeRouter();
    private final MailQueue queue = new MailQueue(QueueConfig.DEFAULT,
            new Shaper(ShapingConfig.DEFAULT, System::nanoTime), router, InstantSource.system(), System::nanoTime);
    private final ConcurrentHashMap<ReadyQueue, Semaphore> couriers = new ConcurrentHashMap<>();
    private final AtomicIntegerArray ends = new AtomicIntegerArray(SUBMITTERS * EACH);
    private final CountDownLatch left = new CountDownLatch(SUBMITTERS * EACH);
    private final AtomicReference<@Nullable Throwable> trouble = new AtomicReference<>();

    @AfterEach
    void close() {
        queue.close();
    }

    /** What a dispatcher does: opens couriers while there are fewer than allowed. */
    private void dispatch(ReadyQueue readyQueue) {
        Semaphore free = couriers.computeIfAbsent(readyQueue, _ -> new Semaphore(COURIERS_PER_LANE));
        if (free.tryAcquire()) {
            Thread.startVirtualThread(() -> {
                try {
                    deliver(readyQueue);
                } catch (Throwable e) {
                    trouble.compareAndSet(null, e);
                } finally {
                    free.release();
                }
                if (readyQueue.ready() > 0) {
                    dispatch(readyQueue);
                }
            });
        }
    }

    private void deliver(ReadyQueue readyQueue) throws InterruptedException {
        QueueItem item;
        while ((item = readyQueue.poll(IDLE)) != null) {
            int id = (int) item.entry().messageId();
            if (id % 10 == 1 && item.attempts() == 0) {
                queue.retry(item, System.currentTimeMillis() + id % 200, 1);
            } else if (id % 10 == 2 && item.attempts() == 0 && ends.compareAndSet(id, 0, 100)) {
                queue.requeue(item);
            } else if (id % 1_000 == 3 && ends.compareAndSet(id, 0, 100)) {
                readyQueue.park(System.currentTimeMillis() + 20, "a pause");
                queue.requeue(item);
            } else {
                end(item);
            }
        }
    }

    private void end(QueueItem item) {
        queue.finished(item);
        ends.incrementAndGet((int) item.entry().messageId());
        left.countDown();
    }

    @Test
    void losesAndDoublesNothing() throws InterruptedException {
        for (int d = 0; d < DOMAINS; d++) {
            router.setSite("d" + d + ".example", "site" + d % SITES);
        }
        router.set("d7.example", new Route.Failure(true, 550, "5.1.2", "no such domain"));
        queue.start((item, _) -> end(item), this::dispatch);
        List<Thread> submitters = new ArrayList<>();
        for (int s = 0; s < SUBMITTERS; s++) {
            int first = s * EACH;
            submitters.add(Thread.ofPlatform().start(() -> {
                SplittableRandom random = new SplittableRandom(first);
                for (int id = first; id < first + EACH; id++) {
                    long due = id % 20 == 4 ? System.currentTimeMillis() + random.nextInt(300) : 0;
                    queue.submit(TestEntries.entry(id, 0), "d" + random.nextInt(DOMAINS) + ".example",
                            "t" + random.nextInt(5), "", System.currentTimeMillis(), 0, due, 4_096);
                }
            }));
        }
        SplittableRandom random = new SplittableRandom(99);
        for (int move = 0; move < 200; move++) { // routes change all the while
            int domain = random.nextInt(8, DOMAINS);
            router.setSite("d" + domain + ".example", "site" + random.nextInt(SITES));
            queue.reroute();
            if (move % 20 == 0) {
                queue.items("d" + domain + ".example", 100);
                queue.readyQueues();
                queue.stats();
            }
        }
        for (Thread submitter : submitters) {
            submitter.join();
        }
        boolean all = left.await(30, TimeUnit.SECONDS);
        assertThat(trouble.get()).isNull();
        assertThat(all).as("%d left: %s", left.getCount(), queue.stats()).isTrue();
        for (int id = 0; id < SUBMITTERS * EACH; id++) {
            assertThat(ends.get(id) % 100).as("ends of message %d", id).isEqualTo(1);
        }
        assertThat(queue.stats())
                .returns(0L, QueueStats::queued).returns(0L, QueueStats::scheduled).returns(0L, QueueStats::ready)
                .returns(0L, QueueStats::routing).returns(0L, QueueStats::parked).returns(0L, QueueStats::active);
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
            queue.submit(TestEntries.entry(i, 0), domain, "", "", 0, 0, 0, 4_096);
        }
        await().untilAtomic(now, equalTo(MailQueue.FAILURES_AT_ONCE));
        gate.release(1_000);
        assertThat(handled.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(most.get()).isEqualTo(MailQueue.FAILURES_AT_ONCE);
    }

    @Test
    void releasesOnTimeByItself() throws InterruptedException {
        CountDownLatch ready = new CountDownLatch(1);
        queue.start((_, _) -> {}, _ -> ready.countDown());
        long begin = System.nanoTime();
        queue.submit(TestEntries.entry(1, 0), "example.com", "", "", System.currentTimeMillis(), 1,
                System.currentTimeMillis() + 3_600_000, 4_096);
        queue.submit(TestEntries.entry(2, 0), "example.com", "", "", System.currentTimeMillis(), 1,
                System.currentTimeMillis() + 100, 4_096);
        assertThat(ready.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThan(Duration.ofMillis(98));
        assertThat(queue.stats().scheduled()).isEqualTo(1);
    }

    @Test
    void wakesAWaitingCourierInsteadOfAskingForAnother() throws InterruptedException {
        AtomicReference<@Nullable ReadyQueue> known = new AtomicReference<>();
        Semaphore told = new Semaphore(0);
        queue.start((_, _) -> {}, readyQueue -> {
            known.set(readyQueue);
            told.release();
        });
        queue.submit(TestEntries.entry(1, 0), "example.com", "", "", 0, 0, 0, 4_096);
        told.acquire();
        ReadyQueue readyQueue = requireNonNull(known.get());
        queue.finished(requireNonNull(readyQueue.poll()));
        CountDownLatch taken = new CountDownLatch(1);
        Thread courier = Thread.startVirtualThread(() -> {
            try {
                queue.finished(requireNonNull(readyQueue.poll(Duration.ofSeconds(30))));
                taken.countDown();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        await().until(() -> queue.readyQueues().getFirst().waitingCouriers() == 1);
        queue.submit(TestEntries.entry(2, 0), "example.com", "", "", 0, 0, 0, 4_096);
        assertThat(taken.await(30, TimeUnit.SECONDS)).isTrue();
        courier.join();
        assertThat(told.availablePermits()).isZero();
    }
}
