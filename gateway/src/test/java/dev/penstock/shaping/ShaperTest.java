package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;

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
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.SessionLimiter.Answer;
import dev.penstock.testing.ManualClock;
import dev.penstock.units.Rate;

class ShaperTest {
    private static final Site SITE = new Site("mx.example.net");
    private static final Site OTHER = new Site("mx.example.org");

    private final ManualClock clock = new ManualClock();
    private final SessionLimiter total = new SessionLimiter("max-sessions", 1_000_000, 0);

    private static TrafficLimits limits(int connections, @Nullable String messageRate,
            @Nullable String connectionRate) {
        return TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections)
                .with(TrafficLimits.MAX_MESSAGE_RATE, messageRate == null ? null : Rate.parse(messageRate))
                .with(TrafficLimits.MAX_CONNECTION_RATE, connectionRate == null ? null : Rate.parse(connectionRate))
                .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 100)
                .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 3);
    }

    private Shaper shaper(TrafficLimits defaults) {
        return new Shaper(new ShapingConfig(defaults, Map.of()), clock::nanoTime);
    }

    private Answer tryOpen(Throttle throttle) {
        return throttle.sessions().tryAcquire(false, clock.nanoTime());
    }

    /** Of a ready queue of its own. */
    private Permit permit(Shaper shaper, Site key) {
        Throttle throttle = shaper.use(key);
        assertThat(tryOpen(throttle)).isEqualTo(Answer.GRANTED);
        return new Permit(throttle, null, total, false);
    }

    private void close(Permit permit) {
        permit.throttle().sessions().release(permit.isTrial(), clock.nanoTime());
    }

    @Test
    void refusesMoreSessionsThanTheLimitToAllQueuesOfAKeyAndSaysWhy() {
        Shaper shaper = shaper(limits(2, null, null));
        Permit first = permit(shaper, SITE);
        permit(shaper, SITE);
        assertThat(tryOpen(shaper.use(SITE))).isEqualTo(Answer.NONE);
        assertThat(shaper.waitingFor(SITE)).isEqualTo(new LimitReached("connection_limit", "2", 0));
        permit(shaper, OTHER);
        close(first);
        assertThat(shaper.waitingFor(SITE)).isNull();
        permit(shaper, SITE);
        assertThat(shaper.openSessions(SITE)).isEqualTo(2);
    }

    @Test
    void spacesSessionsAndSaysWhenTheNextMayBeOpened() {
        Shaper shaper = shaper(limits(10, null, "10/s"));
        Slot first = shaper.use(SITE).connections().slot();
        assertThat(takes(first)).isTrue();
        assertThat(shaper.waitingFor(SITE)).hasToString("max_connection_rate 10/s (next in 100ms)");
        Slot second = shaper.use(SITE).connections().slot();
        assertThat(takes(second)).isFalse();
        clock.advance(Duration.ofMillis(100));
        assertThat(takes(second)).isTrue();
        second.giveBack(clock.nanoTime());
        assertThat(takes(first)).as("it is held already").isTrue();
        assertThat(takes(shaper.use(SITE).connections().slot())).as("the slot nobody used").isTrue();
    }

    private boolean takes(Slot slot) {
        slot.take(Cost.ONE, -1, clock.nanoTime());
        return slot.isTaken();
    }

    private boolean sends(Throttle throttle) {
        return takes(throttle.messages(() -> {}).slot());
    }

    @Test
    void sharesTheMessageRateBetweenTheSessionsOfAKey() {
        Shaper shaper = shaper(limits(10, "10/s", null));
        Flow flow = shaper.use(SITE).messages(() -> {});
        Slot first = flow.slot();
        Slot second = flow.slot();
        assertThat(takes(first)).isTrue();
        assertThat(second.take(Cost.ONE, Duration.ofSeconds(1).toNanos(), clock.nanoTime()))
                .isEqualTo(Duration.ofMillis(100).toNanos());
        assertThat(second.isWaiting()).isTrue();
        assertThat(shaper.waitingFor(SITE)).hasToString("max_message_rate 10/s (next in 100ms)");
        assertThat(sends(shaper.use(OTHER))).isTrue();
        clock.advance(Duration.ofMillis(100));
        shaper.runDue();
        assertThat(second.isTaken()).isTrue();
    }

    @Test
    void shapesADomainWithItsOwnSectionByItself() {
        TrafficLimits own = limits(1, null, null);
        Shaper shaper = new Shaper(
                new ShapingConfig(limits(5, null, null),
                        Map.of("gentle.example", own, SITE.section(), limits(7, null, null))),
                clock::nanoTime);
        Site gentle = shaper.key("gentle.example", SITE);
        assertThat(gentle).isEqualTo(Site.ofDomain("gentle.example")).hasToString("domain:gentle.example");
        assertThat(shaper.key("other.example", SITE)).isEqualTo(SITE);
        assertThat(shaper.limits(gentle)).isEqualTo(own);
        assertThat(shaper.limits(SITE).connectionLimit()).isEqualTo(7);
        assertThat(shaper.limits(OTHER).connectionLimit()).isEqualTo(5);
    }

    @Test
    void aHostNamedLikeADomainsSectionSharesNothingWithThatDomain() {
        Shaper shaper = shaper(limits(1, null, null));
        permit(shaper, Site.ofDomain("gentle.example"));
        permit(shaper, new Site("domain:gentle.example"));
    }

    @Test
    void appliesNewLimitsToSessionsAlreadyOpen() {
        Shaper shaper = shaper(limits(10, null, null));
        List<Permit> open = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            open.add(permit(shaper, SITE));
        }
        Throttle throttle = open.getFirst().throttle();
        shaper.reconfigure(new ShapingConfig(TrafficLimits.DEFAULT, Map.of(SITE.section(), limits(5, "1/s", null))));
        assertThat(open.getFirst().limits().connectionLimit()).isEqualTo(5);
        assertThat(sends(throttle)).isTrue();
        assertThat(sends(throttle)).isFalse();
        close(open.removeLast());
        assertThat(tryOpen(throttle)).isEqualTo(Answer.NONE);
        close(open.removeLast());
        permit(shaper, SITE);
        shaper.reconfigure(new ShapingConfig(limits(20, null, null), Map.of()));
        assertThat(shaper.openSessions(SITE)).isEqualTo(5);
        for (int i = 5; i < 20; i++) {
            permit(shaper, SITE);
        }
        assertThat(tryOpen(throttle)).isEqualTo(Answer.NONE);
    }

    @Test
    void countsTheKeysWhoseReceiversTakeFewerSessions() {
        Shaper shaper = shaper(limits(10, null, null));
        permit(shaper, SITE);
        permit(shaper, OTHER);
        assertThat(shaper.narrowed()).isZero();
        permit(shaper, SITE).refused(clock.nanoTime());
        assertThat(shaper.narrowed()).isEqualTo(1);
        assertThat(shaper.snapshot()).filteredOn(snapshot -> snapshot.key().equals(SITE)).singleElement()
                .returns(1, ThrottleSnapshot::window).returns(2, ThrottleSnapshot::openSessions);
    }

    @Test
    void forgetsKeysThatWereUsedOnceButNoneThatMatters() {
        Site slow = new Site("slow.example");
        Site open = new Site("open.example");
        Shaper shaper = new Shaper(new ShapingConfig(limits(1, null, null),
                Map.of(slow.section(), limits(1, "1/d", null))), clock::nanoTime);
        shaper.use(SITE);
        Permit session = permit(shaper, open);
        shaper.letGo(session.throttle());
        Permit sent = permit(shaper, slow);
        assertThat(sends(sent.throttle())).isTrue();
        close(sent);
        shaper.letGo(sent.throttle());
        for (int i = 0; i < 100_000; i++) {
            Permit once = permit(shaper, new Site("site" + i));
            close(once);
            shaper.letGo(once.throttle());
        }
        clock.advance(Shaper.IDLE.multipliedBy(2));
        shaper.use(OTHER);
        assertThat(shaper.snapshot()).extracting(ThrottleSnapshot::key)
                .as("a queue, a session, a slot ahead, and the one that was asked for")
                .containsExactlyInAnyOrder(SITE, open, slow, OTHER);
        assertThat(tryOpen(shaper.use(open))).as("still counted").isEqualTo(Answer.NONE);
    }

    @Test
    void ofVeryManyKeysAnUnusedOneIsForgottenSoon() {
        Shaper shaper = shaper(limits(5, null, null));
        for (int i = 0; i <= Shaper.MANY; i++) {
            shaper.letGo(shaper.use(new Site("site" + i)));
        }
        assertThat(shaper.snapshot()).hasSize(Shaper.MANY + 1);
        clock.advance(Duration.ofSeconds(11));
        shaper.use(OTHER);
        assertThat(shaper.snapshot()).extracting(ThrottleSnapshot::key).containsExactly(OTHER);
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
                    Throttle throttle = shaper.use(SITE);
                    if (tryOpen(throttle) == Answer.GRANTED) {
                        most.accumulateAndGet(open.incrementAndGet(), Math::max);
                        granted.incrementAndGet();
                        clock.advance(Duration.ofMinutes(1)); // lets the reaper run in between
                        open.decrementAndGet();
                        throttle.sessions().release(false, clock.nanoTime());
                    }
                    shaper.letGo(throttle);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(most.get()).isBetween(1, limit);
        assertThat(granted.get()).isPositive();
        assertThat(shaper.openSessions(SITE)).isZero();
        clock.advance(Shaper.IDLE.multipliedBy(2));
        shaper.use(OTHER);
        assertThat(shaper.snapshot()).extracting(ThrottleSnapshot::key).containsExactly(OTHER);
    }
}
