package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ProviderMatch;
import dev.penstock.config.ProviderMatch.Kind;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Route;
import dev.penstock.testing.FakeRouter;

class RoutingTest {
    private static final String DOMAIN = "example.com";
    private static final Route.Failure NULL_MX = new Route.Failure(true, 556, "5.1.10", "example.com takes no mail");
    private static final Route.Failure SERVFAIL = new Route.Failure(false, 451, "4.4.3", "no answer for example.com");

    private final QueueHarness harness = QueueHarness.open();

    @Test
    void asksOnceForADomainHoweverMuchMailWaitsForIt() {
        harness.router.hold(DOMAIN);
        for (int i = 0; i < 1_000; i++) {
            harness.submit(DOMAIN);
        }
        assertThat(harness.router.asked(DOMAIN)).isEqualTo(1);
        assertThat(harness.ready).isEmpty();
        assertThat(harness.queue.stats().routing()).isEqualTo(1_000);
        harness.router.answer(DOMAIN, FakeRouter.hosts("mx.example"));
        assertThat(harness.queue.stats().routing()).isZero();
        assertThat(harness.drain(harness.readyQueue("mx.example"))).hasSize(1_000).isSorted();
        harness.submit(DOMAIN);
        assertThat(harness.router.asked(DOMAIN)).isEqualTo(1);
    }

    @Test
    void sendsDomainsOfOneSiteThroughOneQueue() {
        harness.router.setSite("a.example", "shared");
        harness.router.setSite("b.example", "shared");
        harness.submit("a.example");
        harness.submit("b.example");
        assertThat(harness.ready).hasSize(1);
        assertThat(harness.drain(harness.readyQueue("shared"))).containsExactly(0L, 1L);
    }

    @Test
    void givesADomainWithItsOwnSectionItsOwnQueue() {
        harness.router.setSite("a.example", "shared");
        harness.router.setSite("b.example", "shared");
        harness.submit("a.example");
        harness.submit("b.example");
        harness.ready.clear();
        harness.shapeByItself("b.example"); // P6: it applies to mail that is queued already
        assertThat(harness.drain(harness.readyQueue("domain:b.example"))).containsExactly(1L);
    }

    @Test
    void anItemKnowsWhoseHostsTakeItsMailFromTheRouteOnAndAfterAReload() {
        harness.router.hold("a.example");
        for (int i = 0; i < 5; i++) {
            harness.submit("a.example");
            harness.submit("b.example");
        }
        harness.router.answer("a.example", FakeRouter.hosts("mx01.mail.icloud.com"));
        QueueItem taken = harness.take(harness.readyQueue("mx01.mail.icloud.com"));
        QueueItem other = harness.take(harness.readyQueue("b.example"));
        assertThat(taken.provider()).isEqualTo("apple");
        assertThat(other.provider()).isEmpty();
        harness.reconfigure(new ShapingConfig(TrafficLimits.DEFAULT, Map.of(), List.of(
                new ProviderConfig("ours", List.of(new ProviderMatch(Kind.DOMAIN_SUFFIX, "b.example"))))));
        assertThat(taken.provider()).isEmpty();
        assertThat(other.provider()).isEqualTo("ours");
        harness.router.set("b.example", FakeRouter.hosts("elsewhere.example"));
        harness.queue.reroute();
        harness.queue.runDue();
        assertThat(other.provider()).isEqualTo("ours");
    }

    @Test
    void handsEveryItemOfADomainWithoutRouteToTheHandler() {
        harness.router.hold(DOMAIN);
        for (int i = 0; i < 1_000; i++) {
            harness.submit(DOMAIN);
        }
        harness.router.answer(DOMAIN, NULL_MX);
        assertThat(harness.failures).hasSize(1_000).allMatch(failed -> failed.failure().equals(NULL_MX));
        harness.failures.forEach(failed -> harness.queue.finished(failed.item()));
        harness.submit(DOMAIN);
        assertThat(harness.failures).hasSize(1_001);
        assertThat(harness.queue.stats()).extracting(QueueStats::queued, QueueStats::routeFailures)
                .containsExactly(1L, 1_001L);
        assertThat(harness.ready).isEmpty();
    }

    @Test
    void asksAgainAfterATemporaryFailure() {
        harness.router.set(DOMAIN, SERVFAIL);
        harness.submit(DOMAIN);
        QueueItem item = harness.failures.getFirst().item();
        harness.queue.retry(item, harness.clock.millis() + 300_000, 1);
        harness.router.setSite(DOMAIN, "mx.example");
        harness.advance(Duration.ofMinutes(6));
        assertThat(harness.take(harness.readyQueue("mx.example")).attempts()).isEqualTo(1);
    }

    @Test
    void movesAllMailOfADomainWhenItsRouteChanges() {
        harness.router.setSite("moving.example", "old");
        harness.router.setSite("staying.example", "old");
        for (int i = 0; i < 10; i++) {
            harness.submit("moving.example", "t" + i % 2, "", QueueHarness.SIZE);
            harness.submit("staying.example");
        }
        ReadyQueue old = harness.readyQueue("old");
        QueueItem underWay = harness.take(old);
        harness.router.setSite("moving.example", "new");
        harness.queue.reroute();
        harness.queue.runDue();
        ReadyQueue now = harness.readyQueue("new");
        assertThat(underWay.domain()).isEqualTo("moving.example");
        harness.queue.requeue(underWay);
        assertThat(now.ready()).isEqualTo(10);
        assertThat(harness.drain(now)).hasSize(10).allMatch(id -> id % 2 == 0);
        assertThat(harness.drain(old)).hasSize(10).allMatch(id -> id % 2 == 1);
        assertThat(harness.queue.stats()).extracting(QueueStats::moved, QueueStats::queued).containsExactly(1L, 0L);
    }

    @Test
    void noticesAChangedRouteOfASuspendedQueueByItself() {
        harness.router.setSite(DOMAIN, "old");
        harness.submit(DOMAIN);
        harness.submit(DOMAIN);
        harness.fail(harness.readyQueue("old"), ReadyQueue.Trouble.REFUSED);
        harness.router.setSite(DOMAIN, "new");
        harness.advance(MailQueue.SWEEP_INTERVAL);
        assertThat(harness.drain(harness.readyQueue("new"))).hasSize(1);
    }

    @Test
    void noticesAChangedRouteWithNewMail() {
        harness.router.setSite(DOMAIN, "old");
        harness.submit(DOMAIN);
        harness.router.setSite(DOMAIN, "new");
        harness.clock.advance(MailQueue.ROUTE_REFRESH);
        harness.submit(DOMAIN);
        assertThat(harness.drain(harness.readyQueue("new"))).containsExactly(0L, 1L);
        assertThat(harness.poll(harness.readyQueue("old"))).isNull();
    }

    @Test
    void noticesAChangedRouteWhenASessionIsOpened() {
        harness.router.setSite("a.example", "old");
        harness.router.setSite("b.example", "old");
        harness.submit("a.example");
        harness.submit("b.example");
        ReadyQueue old = harness.readyQueue("old");
        harness.router.setSite("a.example", "new");
        Route.Hosts hosts = FakeRouter.hosts("old");
        harness.router.set("b.example", hosts);
        assertThat(old.route()).isSameAs(hosts);
        assertThat(harness.drain(old)).containsExactly(1L);
        assertThat(harness.drain(harness.readyQueue("new"))).containsExactly(0L);
    }

    @Test
    void failsMailInAQueueWhoseDomainLosesItsRoute() {
        harness.submit(DOMAIN);
        harness.submit(DOMAIN);
        harness.router.set(DOMAIN, NULL_MX);
        harness.queue.reroute();
        harness.queue.runDue();
        assertThat(harness.failures).hasSize(2);
        assertThat(harness.readyQueue(DOMAIN).ready()).isZero();
    }

    @Test
    void retriesAnItemWhoseFailureHandlerFails() {
        QueueHarness broken = new QueueHarness();
        broken.queue.open((_, _) -> {
            throw new IllegalStateException("on purpose");
        }, _ -> {}, Runnable::run);
        broken.router.set(DOMAIN, SERVFAIL);
        broken.submit(DOMAIN);
        assertThat(broken.queue.items(DOMAIN, 1)).extracting(ItemView::state)
                .isEqualTo(List.of(QueueItem.State.SCHEDULED));
    }

    @Test
    void anErrorOfTheFailureHandlerLosesNeitherItsItemsNorTheDomain() {
        QueueHarness broken = new QueueHarness();
        broken.queue.open((_, _) -> {
            throw new StackOverflowError("on purpose");
        }, _ -> {}, Runnable::run);
        broken.router.set(DOMAIN, SERVFAIL);
        broken.submit(DOMAIN);
        broken.submit(DOMAIN);
        assertThat(broken.queue.items(DOMAIN, 2)).extracting(ItemView::state)
                .containsOnly(QueueItem.State.SCHEDULED);
        int asked = broken.router.asked(DOMAIN);
        broken.submit(DOMAIN);
        assertThat(broken.router.asked(DOMAIN)).isEqualTo(asked + 1);
    }

    @Test
    void aDomainIsAskedForAgainAfterItsFailureCouldNotBeFollowed() {
        QueueHarness broken = new QueueHarness();
        AtomicBoolean full = new AtomicBoolean(true);
        broken.queue.open((item, failure) -> broken.failures.add(new QueueHarness.Unroutable(item, failure)), _ -> {},
                task -> {
                    if (full.get()) {
                        throw new OutOfMemoryError("no thread, on purpose");
                    }
                    task.run();
                });
        broken.router.set(DOMAIN, SERVFAIL);
        for (int i = 0; i < 2 * MailQueue.FAILURES_AT_ONCE; i++) {
            broken.submit(DOMAIN);
        }
        full.set(false);
        broken.submit(DOMAIN);
        assertThat(broken.failures).hasSize(2 * MailQueue.FAILURES_AT_ONCE + 1);
    }
}
