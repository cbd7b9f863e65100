package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.TenantConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.queue.TenantAccounts.Refused;
import dev.penstock.queue.TenantAccounts.Taken;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.Said;
import dev.penstock.units.ByteSize;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/** What tenants may have queued and may bring. */
class TenantAccountsTest {
    private final ManualClock clock = new ManualClock();
    private final TenantAccounts accounts = new TenantAccounts(clock::millis, clock::nanoTime);

    private static TenantRules rules(TenantConfig shop) {
        return new TenantRules(Map.of("shop", shop), Map.of());
    }

    private static TenantConfig limit(int destinations) {
        return TenantConfig.DEFAULT.with(TenantConfig.QUEUE_LIMIT, destinations);
    }

    private static TenantConfig rate(String rate) {
        return TenantConfig.DEFAULT.with(TenantConfig.ACCEPT_RATE, Rate.parse(rate));
    }

    private String take(int destinations, long size) {
        return switch (accounts.take("shop", destinations, size)) {
            case Refused refused -> refused.reply().oneLine();
            case Taken _ -> "taken";
        };
    }

    @Test
    void noMoreIsTakenThanTheLimitSaysUntilSomeIsFinished() {
        accounts.reconfigure(rules(limit(3)));
        assertThat(take(2, 1)).isEqualTo("taken");
        assertThat(take(2, 1)).isEqualTo("452 4.3.1 Error: tenant \"shop\" has as many messages queued as its "
                + "queue-limit 3 allows, please try again later");
        assertThat(accounts.refusal("shop")).as("one more has room").isNull();
        assertThat(take(1, 1)).isEqualTo("taken");
        assertThat(String.valueOf(accounts.refusal("shop"))).contains("queue-limit 3");
        accounts.finished("shop", 1);
        assertThat(accounts.refusal("shop")).isNull();
        assertThat(take(1, 1)).isEqualTo("taken");
        assertThat(accounts.stats()).isEqualTo(new TenantStats(2, 0, 0, 1));
    }

    @Test
    void octetsAreBoundToo() {
        accounts.reconfigure(rules(TenantConfig.DEFAULT.with(TenantConfig.QUEUE_OCTETS, ByteSize.ofKilobytes(10))));
        assertThat(take(1, 9 << 10)).isEqualTo("taken");
        assertThat(take(1, (1 << 10) + 1)).isEqualTo("452 4.3.1 Error: tenant \"shop\" has as much mail queued as its "
                + "queue-octets 10 KB allows, please try again later");
        assertThat(accounts.destinations("shop")).as("what was refused has no place").isEqualTo(1);
        assertThat(take(1, 1 << 10)).isEqualTo("taken");
        assertThat(accounts.refusal("shop")).isNotNull();
        accounts.finished("shop", 9);
        assertThat(accounts.refusal("shop")).isNull();
    }

    @Test
    void aTenantBeyondItsQuotaIsToldOnceInAWhileAndAllTogetherOnceASecond() {
        accounts.reconfigure(new TenantRules(Map.of("*", limit(1)), Map.of()));
        try (Said said = Said.by(TenantAccounts.class)) {
            for (String tenant : List.of("shop", "news", "shop", "shop")) {
                accounts.take(tenant, 1, 1);
                accounts.take(tenant, 1, 1);
            }
            assertThat(said.lines()).containsExactly(
                    "event=tenant-over-quota tenant=shop quota=queue-limit limit=1 destinations=1 kilobytes=1 kept-back=0");
            clock.advance(Duration.ofSeconds(1));
            accounts.take("shop", 1, 1);
            accounts.take("news", 1, 1);
            assertThat(said.lines()).as("shop was told of").containsExactly(
                    "event=tenant-over-quota tenant=news quota=queue-limit limit=1 destinations=1 kilobytes=1 kept-back=1");
            clock.advance(Duration.ofMinutes(10));
            accounts.refusal("shop");
            assertThat(said.lines()).hasSize(1).first().asString().contains("tenant=shop");
        }
    }

    @Test
    void whatBecomesLargerOnItsWayInCountsAsItIs() {
        accounts.reconfigure(rules(TenantConfig.DEFAULT));
        Taken taken = (Taken) accounts.take("shop", 2, 1_000);
        accounts.settle(taken, 3_000);
        assertThat(accounts.kilobytes("shop")).isEqualTo(6);
        accounts.finished("shop", 3);
        accounts.finished("shop", 3);
        assertThat(accounts.kilobytes("shop")).isZero();
    }

    @Test
    void aRateCountsAnewWhenItsPeriodBeginsAnew() {
        accounts.reconfigure(rules(rate("2/h")));
        assertThat(take(1, 1)).isEqualTo("taken");
        accounts.finished("shop", 1);
        assertThat(take(5, 1)).as("messages are counted, not destinations").isEqualTo("taken");
        String refusal = "451 4.7.1 Error: tenant \"shop\" has sent as many messages as its accept-rate 2/h allows, "
                + "please try again from 2026-11-23T13:00:00Z";
        assertThat(take(1, 1)).isEqualTo(refusal);
        clock.advance(Duration.ofMinutes(59));
        assertThat(take(1, 1)).isEqualTo(refusal);
        clock.advance(Duration.ofMinutes(1));
        assertThat(accounts.refusal("shop")).isNull();
        assertThat(take(1, 1)).isEqualTo("taken");
    }

    @Test
    void whatComesToNothingIsGivenBack() {
        accounts.reconfigure(rules(limit(1).with(TenantConfig.ACCEPT_RATE, Rate.parse("1/day"))));
        Taken taken = (Taken) accounts.take("shop", 1, 5_000);
        assertThat(accounts.refusal("shop")).isNotNull();
        accounts.giveBack(taken);
        assertThat(accounts.refusal("shop")).isNull();
        assertThat(accounts.kilobytes("shop")).isZero();
        assertThat(take(1, 5_000)).isEqualTo("taken");
    }

    @Test
    void othersAndMailWithoutATenantAreBoundByTheStarOrByNothing() {
        accounts.reconfigure(new TenantRules(Map.of("*", limit(1), "shop", TenantConfig.DEFAULT), Map.of()));
        for (int i = 0; i < 5; i++) {
            assertThat(take(1, 1)).isEqualTo("taken");
            assertThat(accounts.take("", 1, 1)).isEqualTo(TenantAccounts.NOTHING);
        }
        assertThat(accounts.take("news", 1, 1)).isInstanceOf(Taken.class);
        assertThat(accounts.take("news", 1, 1)).isInstanceOf(Refused.class);
        assertThat(accounts.take("acme", 1, 1)).isInstanceOf(Taken.class);
        assertThat(accounts.refusal("")).isNull();
    }

    @Test
    void aLimitThatComesLaterCountsWhatIsQueuedAlready() {
        for (int i = 0; i < 5; i++) {
            take(1, 1);
        }
        accounts.reconfigure(rules(limit(5)));
        assertThat(take(1, 1)).startsWith("452 4.3.1");
        accounts.reconfigure(rules(limit(6)));
        assertThat(take(1, 1)).isEqualTo("taken");
    }

    @Test
    void idleAccountsAreForgottenAndBusyOnesAreNot() {
        accounts.reconfigure(rules(rate("2/h")));
        take(1, 1);
        accounts.take("other", 1, 1);
        accounts.finished("other", 1);
        accounts.sweep();
        assertThat(accounts.stats().known()).isEqualTo(1);
        accounts.finished("shop", 1);
        accounts.sweep();
        assertThat(accounts.stats().known()).as("its messages of this hour count").isEqualTo(1);
        clock.advance(Duration.ofHours(1));
        accounts.sweep();
        assertThat(accounts.stats().known()).isZero();
        assertThat(take(1, 1)).isEqualTo("taken");
    }

    @Test
    void theQueueCountsWhatIsRecoveredButNoReportsAndForgetsWhatIsFinished() {
        QueueHarness harness = QueueHarness.open();
        harness.queue.reconfigure(rules(limit(2).with(TenantConfig.ACCEPT_RATE, Rate.parse("3/day"))), Curfews.NONE);
        harness.submit(MailClass.BULK, "example.com", "shop", "");
        harness.submit(MailClass.TRANSACTIONAL, "example.com", "shop", "");
        harness.report("example.com", "shop");
        TenantAccounts its = harness.queue.accounts();
        assertThat(its.destinations("shop")).isEqualTo(2);
        assertThat(its.kilobytes("shop")).isEqualTo(8);
        assertThat(String.valueOf(its.refusal("shop"))).contains("queue-limit 2");
        harness.drain(harness.readyQueue("example.com"));
        assertThat(its.destinations("shop")).isZero();
        assertThat(its.kilobytes("shop")).isZero();
        assertThat(its.take("shop", 1, 1)).as("two were received today").isInstanceOf(Taken.class);
        assertThat(its.take("shop", 1, 1)).isInstanceOf(Refused.class);
    }

    @Test
    void aDestinationWhosePlaceWasTakenIsCountedOnce() {
        QueueHarness harness = QueueHarness.open();
        TenantAccounts its = harness.queue.accounts();
        Taken taken = (Taken) its.take("shop", 1, 4_096);
        harness.queue.submit(Destinations.of(MailClass.BULK, "", TestEntries.entry(7, 0), "example.com", "shop", "",
                harness.clock.millis()), true);
        assertThat(its.destinations("shop")).isEqualTo(1);
        assertThat(its.kilobytes("shop")).isEqualTo(taken.kilobytesEach());
        harness.drain(harness.readyQueue("example.com"));
        assertThat(its.destinations("shop")).isZero();
        assertThat(its.kilobytes("shop")).isZero();
    }

    /** Beside a plain count: messages are taken, given back, settled and finished, limits change, accounts are swept. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void neverMoreThanTheLimitAndNeverLessThanItAllows(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, List<Taken>> queued = new HashMap<>();
        Map<String, Integer> limits = new HashMap<>();
        int refused = 0;
        int closed = 0;
        for (int step = 0; step < 50_000; step++) {
            String tenant = "t" + random.nextInt(3);
            List<Taken> its = queued.computeIfAbsent(tenant, _ -> new ArrayList<>());
            switch (random.nextInt(10)) {
                case 0 -> {
                    Map<String, TenantConfig> configs = new HashMap<>();
                    limits.clear();
                    for (int t = 0; t < 3; t++) {
                        int most = random.nextInt(1, 12);
                        limits.put("t" + t, most);
                        configs.put("t" + t, limit(most).with(TenantConfig.ACCEPT_RATE,
                                random.nextBoolean() ? null : Rate.parse("40/h")));
                    }
                    accounts.reconfigure(new TenantRules(configs, Map.of()));
                    clock.advance(Duration.ofHours(1));
                }
                case 1 -> clock.advance(Duration.ofMinutes(random.nextInt(30)));
                case 2 -> {
                    accounts.sweep();
                    closed += accounts.stats().known() < 3 ? 1 : 0;
                }
                case 3, 4, 5 -> {
                    if (!its.isEmpty()) {
                        Taken taken = its.remove(random.nextInt(its.size()));
                        if (random.nextBoolean()) {
                            accounts.giveBack(taken);
                        } else {
                            for (int d = 0; d < taken.destinations(); d++) {
                                accounts.finished(tenant, taken.kilobytesEach());
                            }
                        }
                    }
                }
                default -> {
                    int destinations = random.nextInt(1, 4);
                    int before = its.stream().mapToInt(Taken::destinations).sum();
                    Integer limit = limits.get(tenant);
                    switch (accounts.take(tenant, destinations, random.nextInt(10_000))) {
                        case Taken taken -> {
                            assertThat(limit == null || before + destinations <= limit)
                                    .as("seed %d, step %d: %s takes %d of %s with %d there", seed, step, tenant,
                                            destinations, limit, before)
                                    .isTrue();
                            its.add(taken);
                        }
                        case Refused(var reply) -> {
                            refused++;
                            if (reply.code() == 452) {
                                assertThat(before + destinations).as("seed %d, step %d", seed, step)
                                        .isGreaterThan(limit);
                            }
                        }
                    }
                }
            }
            assertThat(accounts.destinations(tenant)).as("seed %d, step %d", seed, step)
                    .isEqualTo(its.stream().mapToInt(Taken::destinations).sum());
            assertThat(accounts.kilobytes(tenant)).as("seed %d, step %d", seed, step)
                    .isEqualTo(its.stream().mapToLong(taken -> taken.destinations() * taken.kilobytesEach()).sum());
        }
        assertThat(refused).isPositive();
        assertThat(closed).as("times that an account was forgotten").isPositive();
    }

    /** Many at once at the edge of the limit, while accounts are swept: never more stand than it allows. */
    @Test
    @Timeout(300)
    void limitsAreExactUnderManyThreads() throws InterruptedException {
        int limit = 1; // which the cores there are come to at once
        int most = 100_000;
        accounts.reconfigure(rules(limit(limit).with(TenantConfig.ACCEPT_RATE, Rate.parse(most + "/h"))));
        AtomicLong standing = new AtomicLong();
        AtomicLong mostStanding = new AtomicLong();
        AtomicLong taken = new AtomicLong();
        ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 0; i < 50_000; i++) {
                        if (take() != null) {
                            taken.incrementAndGet();
                            mostStanding.accumulateAndGet(standing.incrementAndGet(), Math::max);
                            standing.decrementAndGet();
                            accounts.finished("shop", 1);
                        } else if (i % 64 == 0) {
                            accounts.sweep();
                        }
                    }
                } catch (Throwable e) {
                    thrown.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(thrown).isEmpty();
        assertThat(mostStanding.get()).as("destinations at one time").isEqualTo(limit);
        assertThat(taken.get()).as("messages in the hour").isLessThanOrEqualTo(most);
        assertThat(accounts.destinations("shop")).isZero();
        assertThat(accounts.kilobytes("shop")).isZero();
        for (long left = most - taken.get(); left > 0; left--) {
            assertThat(take()).as("what the rate allows is taken").isNotNull();
            accounts.finished("shop", 1);
        }
        assertThat(take()).isNull();
    }

    private @Nullable Taken take() {
        return accounts.take("shop", 1, 1) instanceof Taken taken ? taken : null;
    }
}
