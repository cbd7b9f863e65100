package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.queue.Selection.Place;
import dev.penstock.spool.TestEntries;
import dev.penstock.units.MailClass;

class TrafficTest {
    private static final long STEP = TrafficSeries.STEP_MILLIS;
    private static final long MINUTE = Duration.ofMinutes(1).toMillis();
    private static final long START = 1_800_000_000_000L;
    private final AtomicLong now = new AtomicLong(START);
    private final Traffic traffic = new Traffic(now::get, TrafficTest::place);
    private final ReadyQueue nowhere = QueueHarness.subQueue().domain.readyQueue;
    private final Map<String, QueueItem> items = new HashMap<>();

    private static Place place(SubQueue subQueue) {
        return new Place(subQueue.domain.name, "mx." + subQueue.domain.name, "p", "ip-1", "pool",
                subQueue.owner.tenant(), subQueue.owner.campaign(), MailClass.BULK);
    }

    private QueueItem item(String domain, String tenant) {
        return items.computeIfAbsent(domain + "/" + tenant, _ -> {
            SubQueue home = new SubQueue(new DomainQueue(domain, new Lane("ip-1", nowhere)),
                    new TenantCampaign(tenant, ""));
            return new QueueItem(TestEntries.entry(1, 0), home, START, 1);
        });
    }

    @Test
    void whatCameOfRecipientsIsToldByEachGrouping() {
        traffic.count(item("a.example", "shop"), 5, 2, 1);
        traffic.count(item("b.example", "shop"), 10, 0, 0);
        traffic.tick();
        now.addAndGet(STEP);
        traffic.tick();
        assertThat(traffic.rates(Grouping.DOMAIN, "a.example")).isEqualTo(new Rates(5, 2, 1, 5, 2, 1));
        assertThat(traffic.rates(Grouping.TENANT, "shop")).isEqualTo(new Rates(15, 2, 1, 15, 2, 1));
        assertThat(traffic.rates(Grouping.PROVIDER, "p").deferralShare()).isEqualTo(2.0 / 18);
        assertThat(traffic.tenantsByProvider()).isEqualTo(Map.of("shop", Map.of("p", new Rates(15, 2, 1, 15, 2, 1))));
        assertThat(traffic.sourcesByProvider()).isEqualTo(Map.of("ip-1", Map.of("p", new Rates(15, 2, 1, 15, 2, 1))));
        assertThat(traffic.rates()).isEqualTo(new Rates(15, 2, 1, 15, 2, 1));
        assertThat(traffic.rates(Grouping.TENANT, "nobody")).isEqualTo(Rates.NONE);
    }

    @Test
    void theLastMinuteAndTheLastHourPass() {
        traffic.count(item("a.example", ""), 60, 0, 0);
        traffic.tick();
        now.addAndGet(MINUTE);
        assertThat(traffic.rates(Grouping.DOMAIN, "a.example").deliveredMinute()).isEqualTo(60);
        now.addAndGet(STEP);
        assertThat(traffic.rates(Grouping.DOMAIN, "a.example")).isEqualTo(new Rates(0, 0, 0, 60, 0, 0));
        now.addAndGet(58 * MINUTE);
        assertThat(traffic.rates(Grouping.DOMAIN, "a.example").deliveredHour()).isEqualTo(60);
        now.addAndGet(MINUTE);
        assertThat(traffic.rates(Grouping.DOMAIN, "a.example")).isEqualTo(Rates.NONE);
    }

    @Test
    void theLastHourIsToldMinuteByMinute() {
        traffic.came();
        traffic.count(item("a.example", "shop"), 5, 2, 1);
        traffic.count(item("b.example", "shop"), 10, 0, 0);
        traffic.tick();
        now.addAndGet(2 * MINUTE);
        traffic.count(item("a.example", "shop"), 7, 0, 0);
        traffic.tick();
        Traffic.LastHour all = traffic.lastHour();
        assertThat(all.fromMillis()).isEqualTo(START + 2 * MINUTE - 59 * MINUTE);
        assertThat(all.delivered()).hasSize(60).startsWith(0L).endsWith(15L, 0L, 7L);
        assertThat(all.deferred()).endsWith(2L, 0L, 0L);
        assertThat(all.bounced()).endsWith(1L, 0L, 0L);
        assertThat(all.came()).endsWith(1L, 0L, 0L);
        Traffic.LastHour one = traffic.lastHour(Grouping.DOMAIN, "a.example");
        assertThat(one.delivered()).endsWith(5L, 0L, 7L);
        assertThat(one.came()).as("nobody counts what comes by domain").isEmpty();
        assertThat(traffic.lastHour(Grouping.DOMAIN, "c.example").delivered()).hasSize(60).containsOnly(0L);
        now.addAndGet(58 * MINUTE);
        assertThat(traffic.lastHour().delivered()).startsWith(0L, 7L).endsWith(0L);
    }

    /** To the one provider that there is. */
    private static long deliveredHour(Map<String, Map<String, Rates>> byProvider, String name) {
        return requireNonNull(requireNonNull(byProvider.get(name)).get("p")).deliveredHour();
    }

    @Test
    void campaignsAreToldByProviderAsTenantsAre() {
        SubQueue home = new SubQueue(new DomainQueue("a.example", new Lane("ip-1", nowhere)),
                new TenantCampaign("shop", "spring"));
        traffic.count(new QueueItem(TestEntries.entry(1, 0), home, START, 1), 3, 1, 0);
        traffic.count(item("a.example", "shop"), 10, 0, 0);
        traffic.tick();
        assertThat(deliveredHour(traffic.campaignsByProvider(), "shop/spring")).isEqualTo(3);
        assertThat(traffic.campaignsByProvider()).as("without what has no campaign").containsOnlyKeys("shop/spring");
        assertThat(deliveredHour(traffic.tenantsByProvider(), "shop")).isEqualTo(13);
    }

    @Test
    void theMostThatWasInAMinuteAndAnHourIsRemembered() {
        for (int i = 0; i < 120; i++) {
            traffic.came();
        }
        traffic.tick();
        now.addAndGet(STEP);
        traffic.tick();
        assertThat(traffic.in().lastSecond()).isEqualTo(24.0);
        assertThat(traffic.in().lastMinute()).isEqualTo(120);
        for (int i = 0; i < 2 * 60 * 12; i++) {
            now.addAndGet(STEP);
            traffic.tick();
        }
        assertThat(traffic.in()).isEqualTo(new Traffic.Flow(0, 0, 0, 120, 120));
    }

    @Test
    void whoIsNotAmongTheNamedIsCountedAsOtherAndTheSumStaysWhatCame() {
        int domains = 6_000;
        for (int i = 0; i < domains; i++) {
            traffic.count(item("d" + i + ".example", ""), 1, 0, 0);
        }
        traffic.tick();
        Map<String, Rates> rates = traffic.rates(Grouping.DOMAIN);
        assertThat(rates).hasSize(4_096 + 1);
        assertThat(requireNonNull(rates.get(Traffic.OTHER)).deliveredHour()).isEqualTo(domains - 4_096);
        assertThat(sum(rates)).isEqualTo(domains);
    }

    @Test
    void whoGrowsLaterGetsRatesOfItsOwnWithinAMinute() {
        for (int i = 0; i < 4_096; i++) {
            traffic.count(item("d" + i + ".example", ""), 2, 0, 0);
        }
        traffic.tick();
        QueueItem late = item("late.example", "");
        for (int i = 0; i < 3 * 12; i++) {
            traffic.count(late, 100, 0, 0);
            traffic.tick();
            now.addAndGet(STEP);
        }
        assertThat(traffic.rates(Grouping.DOMAIN, "late.example").deliveredMinute()).isEqualTo(1_200);
        assertThat(sum(traffic.rates(Grouping.DOMAIN))).isEqualTo(2 * 4_096 + 36 * 100);
    }

    /** Against all that came, looked through. */
    @Test
    void itTellsWhatAFullCountTells() {
        record Came(long atMillis, String domain, int delivered, int deferred, int bounced) {}
        for (long seed = 1; seed <= 20; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            now.set(START + random.nextInt(1_000_000));
            Traffic one = new Traffic(now::get, TrafficTest::place);
            Deque<Came> all = new ArrayDeque<>();
            for (int step = 0; step < 300; step++) {
                now.addAndGet(random.nextInt(30) == 0 ? random.nextInt(4_000_000) : random.nextInt(20_000));
                Came came = new Came(now.get(), "d" + random.nextInt(3) + ".example", random.nextInt(4),
                        random.nextInt(3), random.nextInt(2));
                one.count(item(came.domain, ""), came.delivered, came.deferred, came.bounced);
                one.tick();
                all.add(came);
                long last = now.get() / STEP;
                long delivered = 0;
                long minute = 0;
                long deferred = 0;
                for (Came each : all) {
                    boolean ours = each.domain.equals("d1.example");
                    boolean inHour = now.get() / MINUTE - each.atMillis / MINUTE < 60;
                    boolean inMinute = last - each.atMillis / STEP <= 12 && last > each.atMillis / STEP;
                    delivered += ours && inHour ? each.delivered : 0;
                    deferred += ours && inHour ? each.deferred : 0;
                    minute += ours && inMinute ? each.delivered : 0;
                }
                Rates told = one.rates(Grouping.DOMAIN, "d1.example");
                assertThat(told.deliveredHour()).as("seed %d step %d", seed, step).isEqualTo(delivered);
                assertThat(told.deferredHour()).as("seed %d step %d", seed, step).isEqualTo(deferred);
                assertThat(told.deliveredMinute()).as("seed %d step %d", seed, step).isEqualTo(minute);
            }
        }
    }

    @Test
    void nothingIsLostWhoeverCountsWhileItIsFetched() throws InterruptedException {
        int threads = 4;
        int each = 50_000;
        CountDownLatch left = new CountDownLatch(threads);
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        QueueItem[] some = {item("a.example", "x"), item("b.example", "y"), item("c.example", "z")};
        for (int t = 0; t < threads; t++) {
            Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 0; i < each; i++) {
                        traffic.count(some[i % some.length], 1, 0, 1);
                    }
                } catch (RuntimeException e) {
                    thrown.set(e);
                }
                left.countDown();
            });
        }
        while (left.getCount() > 0) {
            traffic.tick();
        }
        traffic.tick();
        assertThat(thrown.get()).isNull();
        assertThat(traffic.rates().deliveredHour()).isEqualTo((long) threads * each);
        assertThat(traffic.rates().bouncedHour()).isEqualTo((long) threads * each);
    }

    @Test
    void nothingRunsOverThoughNobodyFetches() {
        QueueItem item = item("a.example", "");
        for (int i = 0; i < 5; i++) {
            traffic.count(item, 1_000_000, 0, 1);
        }
        traffic.tick();
        assertThat(traffic.rates().deliveredHour()).isEqualTo(5_000_000);
        assertThat(traffic.rates().bouncedHour()).isEqualTo(5);
    }

    private static long sum(Map<String, Rates> rates) {
        return rates.values().stream().mapToLong(Rates::deliveredHour).sum();
    }
}
