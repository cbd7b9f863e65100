package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.testing.FakeDns;

/** Mail of very many domains while DNS is dead: what waits is an object, before the answer, after it, and at a restart. */
class DeadDnsTest {
    private static final int DOMAINS = 20_000;
    private static final int IN_FLIGHT = 8;
    /**
     * Threads of answers whose consequences are still being drawn, too: dozens, and some hundred where a thread that has a
     * lock stands still.
     */
    private static final int FEW = DOMAINS / 10;
    private static final Route.Failure UNASKED = new Route.Failure(false, 451, "4.4.3", "no DNS server answers");

    private final AtomicInteger threads = new AtomicInteger();
    private final AtomicInteger mostThreads = new AtomicInteger();
    private final ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
    private final Set<String> routed = ConcurrentHashMap.newKeySet();

    @AfterEach
    void stop() {
        virtual.shutdownNow();
    }

    private void counted(Runnable task) {
        virtual.execute(() -> {
            mostThreads.accumulateAndGet(threads.incrementAndGet(), Math::max);
            try {
                task.run();
            } finally {
                threads.decrementAndGet();
            }
        });
    }

    private static MailQueue queue(Router router) {
        return new MailQueue(QueueConfig.DEFAULT, new Shaper(ShapingConfig.DEFAULT, System::nanoTime), router,
                InstantSource.system(), System::nanoTime);
    }

    private static void submitAll(MailQueue queue) {
        for (int i = 0; i < DOMAINS; i++) {
            queue.submit(Destinations.of(TestEntries.entry(i, 0), "d" + i + ".example", "", "",
                    System.currentTimeMillis(), 0, 0, 1));
        }
    }

    private final ReadyQueueListener routedOnly = new ReadyQueueListener() {
        @Override
        public void wantsSession(ReadyQueue queue) {
            routed.add(queue.key().site().name());
        }

        @Override
        public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {}
    };

    @Test
    void allThatFailAtOnceAreHandedOnByAFewThreads() throws InterruptedException {
        CompletableFuture<Route> dead = new CompletableFuture<>();
        CountDownLatch slow = new CountDownLatch(1);
        Set<QueueItem> handled = ConcurrentHashMap.newKeySet();
        MailQueue queue = queue(_ -> dead.copy());
        queue.open(new RouteFailureHandler() {
            @Override
            public void failed(QueueItem item, Route.Failure failure) {
                try {
                    slow.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                queue.finished(item);
                handled.add(item);
            }

            @Override
            public void reportDue(QueueItem item) {}
        }, routedOnly, this::counted);
        submitAll(queue);
        dead.complete(UNASKED);
        await().until(() -> threads.get() == MailQueue.FAILURES_AT_ONCE);
        assertThat(mostThreads.get()).isEqualTo(MailQueue.FAILURES_AT_ONCE);
        slow.countDown();
        await().atMost(Duration.ofMinutes(3)).until(() -> handled.size() == DOMAINS);
        assertThat(mostThreads.get()).isEqualTo(MailQueue.FAILURES_AT_ONCE);
        assertThat(queue.stats().queued()).isZero();
        queue.close();
    }

    @Test
    void atARestartNoneOfThoseThatWaitForTheirRouteIsAThread() {
        DnsConfig d = DnsConfig.DEFAULT;
        try (FakeDns dns = new FakeDns().start()) {
            dns.silenceAll();
            for (int i = 0; i < DOMAINS; i++) {
                dns.mx("d" + i + ".example", 10, "mx.example.net");
            }
            dns.address("mx.example.net", "192.0.2.1");
            DnsRouter router = new DnsRouter(Map.of(),
                    d.with(DnsConfig.SERVERS, List.of(dns.server())).with(DnsConfig.TIMEOUT, Duration.ofMillis(200))
                            .with(DnsConfig.DEADLINE, Duration.ofSeconds(1)).with(DnsConfig.MAX_IN_FLIGHT, IN_FLIGHT)
                            .with(DnsConfig.IGNORE_NETWORKS, List.of()),
                    25, OwnAddresses.NONE, System::nanoTime, this::counted, DnsRouter.SHARED_RANDOM);
            MailQueue queue = queue(router);
            AtomicInteger deferred = new AtomicInteger();
            submitAll(queue); // as the recovery does, before the start
            queue.start(new RouteFailureHandler() {
                @Override
                public void failed(QueueItem item, Route.Failure failure) {
                    deferred.incrementAndGet();
                    queue.retry(item, System.currentTimeMillis() + Duration.ofHours(1).toMillis(), 1);
                }

                @Override
                public void reportDue(QueueItem item) {}
            }, routedOnly);
            await().until(() -> router.stats().waiting() > DOMAINS - 100 && router.stats().silence() > 0);
            assertThat(mostThreads.get()).as("questions that are out").isLessThan(DOMAINS / 100);
            assertThat(queue.stats().routing()).isGreaterThan(DOMAINS - 100L);

            dns.speak();
            await().atMost(Duration.ofMinutes(3)).until(() -> queue.stats().routing() == 0);
            assertThat(mostThreads.get()).isLessThan(FEW);
            assertThat(deferred.get()).as("those that were really asked in vain").isLessThan(100);
            assertThat(routed).containsExactly("mx.example.net");
            queue.close();
        }
    }
}
