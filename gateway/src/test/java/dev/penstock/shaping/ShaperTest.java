package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.testing.ManualClock;
import dev.penstock.units.Rate;

class ShaperTest {
    private static final String SITE = "mx.example.net";

    private final ManualClock clock = new ManualClock();

    private static TrafficLimits limits(int connections, @Nullable String messageRate,
            @Nullable String connectionRate) {
        return new TrafficLimits(connections, messageRate == null ? null : Rate.parse(messageRate),
                connectionRate == null ? null : Rate.parse(connectionRate), 100, Duration.ofSeconds(5),
                Duration.ofMinutes(5), 3);
    }

    private Shaper shaper(TrafficLimits defaults) {
        return new Shaper(new ShapingConfig(defaults, Map.of()), clock::nanoTime);
    }

    private static Permit permit(Shaper shaper, String key) {
        Opening opening = shaper.tryOpen(key);
        assertThat(opening).isInstanceOf(Permit.class);
        return (Permit) opening;
    }

    @Test
    void refusesMoreSessionsThanTheLimitAndSaysWhy() {
        Shaper shaper = shaper(limits(2, null, null));
        Permit first = permit(shaper, SITE);
        permit(shaper, SITE);
        assertThat(shaper.tryOpen(SITE)).isEqualTo(new Refusal("connection_limit", "2", 0));
        assertThat(shaper.tryOpen("other")).isInstanceOf(Permit.class);
        first.close();
        first.close();
        permit(shaper, SITE);
        assertThat(shaper.openSessions(SITE)).isEqualTo(2);
    }

    @Test
    void refusesSessionsThatComeTooFastAndSaysWhenToAskAgain() {
        Shaper shaper = shaper(limits(10, null, "10/s"));
        permit(shaper, SITE);
        assertThat(shaper.tryOpen(SITE)).asInstanceOf(type(Refusal.class))
                .hasToString("max_connection_rate 10/s (next in 100ms)");
        assertThat(shaper.openSessions(SITE)).isEqualTo(1);
        clock.advance(Duration.ofMillis(100));
        permit(shaper, SITE);
    }

    @Test
    void sharesTheMessageRateBetweenTheSessionsOfAKey() {
        Shaper shaper = shaper(limits(10, "10/s", null));
        Permit first = permit(shaper, SITE);
        Permit second = permit(shaper, SITE);
        assertThat(first.reserveMessage(clock.nanoTime(), Long.MAX_VALUE)).isZero();
        assertThat(second.reserveMessage(clock.nanoTime(), Long.MAX_VALUE)).isEqualTo(Duration.ofMillis(100).toNanos());
        assertThat(shaper.waitingFor(SITE)).hasToString("max_message_rate 10/s (next in 200ms)");
        assertThat(permit(shaper, "other").reserveMessage(clock.nanoTime(), 0)).isZero();
    }

    @Test
    void shapesADomainWithItsOwnSectionByItself() {
        TrafficLimits own = limits(1, null, null);
        Shaper shaper = new Shaper(
                new ShapingConfig(limits(5, null, null), Map.of("gentle.example", own, SITE, limits(7, null, null))),
                clock::nanoTime);
        assertThat(shaper.key("gentle.example", new Site(SITE))).isEqualTo("domain:gentle.example");
        assertThat(shaper.key("other.example", new Site(SITE))).isEqualTo(SITE);
        assertThat(shaper.limits("domain:gentle.example")).isEqualTo(own);
        assertThat(shaper.limits(SITE).connectionLimit()).isEqualTo(7);
        assertThat(shaper.limits("elsewhere").connectionLimit()).isEqualTo(5);
    }

    @Test
    void appliesNewLimitsToSessionsAlreadyOpen() {
        Shaper shaper = shaper(limits(10, null, null));
        List<Permit> open = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            open.add(permit(shaper, SITE));
        }
        shaper.reconfigure(new ShapingConfig(TrafficLimits.DEFAULT, Map.of(SITE, limits(5, "1/s", null))));
        assertThat(open.getFirst().limits().connectionLimit()).isEqualTo(5);
        assertThat(open.getFirst().reserveMessage(clock.nanoTime(), 0)).isZero();
        assertThat(open.getLast().reserveMessage(clock.nanoTime(), 0)).isPositive();
        open.removeLast().close();
        assertThat(shaper.tryOpen(SITE)).isInstanceOf(Refusal.class);
        open.removeLast().close();
        permit(shaper, SITE);
        shaper.reconfigure(new ShapingConfig(limits(20, null, null), Map.of()));
        assertThat(shaper.openSessions(SITE)).isEqualTo(5);
        for (int i = 5; i < 20; i++) {
            permit(shaper, SITE);
        }
        assertThat(shaper.tryOpen(SITE)).isInstanceOf(Refusal.class);
    }

    @Test
    void countsConnectionFailuresInARow() {
        Shaper shaper = shaper(limits(10, null, null));
        Permit permit = permit(shaper, SITE);
        assertThat(permit.connectionFailed()).isFalse();
        assertThat(permit.connectionFailed()).isFalse();
        permit.connected();
        assertThat(permit.connectionFailed()).isFalse();
        assertThat(permit(shaper, SITE).connectionFailed()).isFalse();
        assertThat(permit(shaper, SITE).connectionFailed()).isTrue();
        assertThat(permit.connectionFailed()).isTrue();
    }

    @Test
    void forgetsIdleKeysButNoneWithAnOpenSession() {
        Shaper shaper = shaper(limits(1, null, null));
        permit(shaper, "busy");
        for (int i = 0; i < 100_000; i++) {
            permit(shaper, "site" + i).close();
        }
        clock.advance(Shaper.IDLE.multipliedBy(2));
        permit(shaper, "trigger");
        assertThat(shaper.snapshot()).extracting(ThrottleSnapshot::key).containsExactlyInAnyOrder("busy", "trigger");
        assertThat(shaper.tryOpen("busy")).isInstanceOf(Refusal.class);
    }

    @Test
    void neverExceedsTheLimitHoweverManyAskAtOnce() throws InterruptedException {
        int limit = 5;
        Shaper shaper = shaper(limits(limit, null, null));
        AtomicInteger open = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger granted = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 16; t++) {
            threads.add(Thread.startVirtualThread(() -> {
                for (int i = 0; i < 2_000; i++) {
                    if (shaper.tryOpen(SITE) instanceof Permit permit) {
                        most.accumulateAndGet(open.incrementAndGet(), Math::max);
                        granted.incrementAndGet();
                        clock.advance(Duration.ofMinutes(1)); // lets the reaper run in between
                        open.decrementAndGet();
                        permit.close();
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(most.get()).isBetween(1, limit);
        assertThat(granted.get()).isPositive();
        assertThat(shaper.openSessions(SITE)).isZero();
    }
}
