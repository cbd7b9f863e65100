package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

import dev.penstock.config.DnsConfig;

/**
 * Many domains due at once, as at a restart with a large queue, and a resolver that takes its time for each answer: the
 * wait for a place is longer than any deadline, and fails nobody. {@code -Dpenstock.flood=60000} asks for that many with
 * the default limits and 100 ms, and prints what it took.
 */
class LookUpFloodTest {
    private static final int FULL = Integer.getInteger("penstock.flood", 0);
    /** A thousand domains each. */
    private static final int HOSTS_PER_THOUSAND = 2;

    private final AtomicInteger tasks = new AtomicInteger();
    private final AtomicInteger mostTasks = new AtomicInteger();

    @Test
    void noDomainFailsForItsWaitAndNoneWaitsInAThread() {
        int domains = FULL > 0 ? FULL : 2_500;
        Duration delay = Duration.ofMillis(FULL > 0 ? 100 : 20);
        DnsConfig d = DnsConfig.DEFAULT;
        Duration shortTime = Duration.ofSeconds(5); // less than all take, and more than a busy machine stalls
        DnsConfig config = FULL > 0
                ? limits(d.timeout(), d.deadline(), d.maxInFlight())
                : limits(shortTime, shortTime, 8);
        int hosts = Math.max(1, domains * HOSTS_PER_THOUSAND / 1_000);
        try (Routers at = new Routers(config, this::counted)) {
            for (int i = 0; i < hosts; i++) {
                at.dns.address("mx" + i + ".example.net", "127.0.0.11");
            }
            for (int i = 0; i < domains; i++) {
                at.dns.mx("d" + i + ".example", 10, "mx" + i % hosts + ".example.net");
            }
            at.dns.delay(delay);
            long before = FULL > 0 ? used() : 0;
            long begun = System.nanoTime();
            List<CompletableFuture<Route>> routes = new ArrayList<>(domains);
            for (int i = 0; i < domains; i++) {
                routes.add(at.router.route("d" + i + ".example"));
            }
            long waiting = FULL > 0 ? used() - before : 0;
            long failed = routes.stream().map(route -> route.orTimeout(120, TimeUnit.SECONDS).join())
                    .filter(Route.Failure.class::isInstance).count();
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            RoutingStats stats = at.router.stats();
            if (FULL > 0) {
                System.out.printf("domains=%d failed=%d seconds=%.1f queries=%d peak_tasks=%d bytes_per_domain=%d%n",
                        domains, failed, took.toMillis() / 1_000.0, stats.queries(), mostTasks.get(),
                        waiting / domains);
            }
            assertThat(failed).isZero();
            assertThat(took).as("the last waited past any deadline").isGreaterThan(config.deadline());
            assertThat(mostTasks.get()).isLessThan(4 * config.maxInFlight());
            assertThat(stats.trouble() + stats.unasked()).isZero();
            assertThat(stats.waiting() + stats.waitingQueries()).isZero();
        }
    }

    private Runnable counted(Runnable task) {
        return () -> {
            mostTasks.accumulateAndGet(tasks.incrementAndGet(), Math::max);
            try {
                task.run();
            } finally {
                tasks.decrementAndGet();
            }
        };
    }

    private static DnsConfig limits(Duration timeout, Duration deadline, int maxInFlight) {
        DnsConfig d = DnsConfig.DEFAULT;
        return d.with(DnsConfig.TIMEOUT, timeout).with(DnsConfig.DEADLINE, deadline)
                .with(DnsConfig.MAX_IN_FLIGHT, maxInFlight).with(DnsConfig.IGNORE_NETWORKS, List.of());
    }

    private static long used() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
