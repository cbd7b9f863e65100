package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;

import dev.penstock.config.CurfewConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.message.Envelope;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;
import dev.penstock.units.MailClass;

/** Mail that waits for the end of a curfew, while other mail goes. It is 12:00 UTC when a test begins. */
class CurfewTest {
    private static final String DOMAIN = "example.com";
    private static final CurfewConfig NOON = CurfewConfig.DEFAULT.with(CurfewConfig.FROM, LocalTime.of(11, 0))
            .with(CurfewConfig.TO, LocalTime.of(13, 0));
    private static final Duration HOUR = Duration.ofHours(1);

    private QueueHarness harness = QueueHarness.open();

    private void curfew(CurfewConfig config) {
        harness.reconfigure(TenantRules.NONE, Map.of("noon", config));
    }

    private List<Long> all() {
        return harness.drain(harness.readyQueue(DOMAIN));
    }

    @Test
    void bulkWaitsAndTransactionalMailGoes() {
        curfew(NOON);
        long bulk = harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        assertThat(harness.ready).as("a session is wanted for nothing").isEmpty();
        long urgent = harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        assertThat(all()).containsExactly(urgent);
        harness.advance(HOUR.minusMillis(1));
        assertThat(harness.comingUp).isEmpty();
        harness.advance(Duration.ofMillis(2));
        assertThat(all()).containsExactly(bulk);
        assertThat(harness.queue.curfewStats()).isEqualTo(new CurfewStats(0, 0, 0));
    }

    @Test
    void whatWaitsIsToldWithItsReasonAndEnd() {
        curfew(NOON);
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        ItemView view = harness.queue.items(DOMAIN, 10).getFirst();
        assertThat(view.state()).isEqualTo(QueueItem.State.SUSPENDED);
        assertThat(view.waitingFor()).isEqualTo("the end of curfew \"noon\"");
        assertThat(view.nextAttemptMillis()).isEqualTo(harness.clock.millis() + HOUR.toMillis());
        assertThat(harness.queue.curfewStats()).isEqualTo(new CurfewStats(1, 1, 0));
        assertThat(harness.queue.stats().suspended()).isEqualTo(1);
    }

    @Test
    void mailThatIsQueuedWaitsWhenItBegins() {
        curfew(NOON.with(CurfewConfig.FROM, LocalTime.of(12, 30)));
        for (int i = 0; i < 5; i++) {
            harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        }
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        harness.queue.finished(harness.take(readyQueue));
        harness.advance(Duration.ofMinutes(30));
        assertThat(harness.poll(readyQueue)).isNull();
        assertThat(readyQueue.withheld()).isEqualTo(4);
        assertThat(readyQueue.violation()).isNull();
        harness.advance(Duration.ofMinutes(30));
        assertThat(all()).hasSize(4);
    }

    @Test
    void whatASessionHasInHandWhenItBeginsComesBackToWait() {
        curfew(NOON.with(CurfewConfig.FROM, LocalTime.of(12, 30)));
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        QueueItem item = harness.take(readyQueue);
        harness.advance(Duration.ofMinutes(30));
        harness.queue.requeue(item);
        assertThat(harness.poll(readyQueue)).isNull();
        assertThat(readyQueue.violation()).isNull();
        harness.advance(Duration.ofMinutes(30));
        assertThat(all()).containsExactly(item.entry().messageId());
    }

    @Test
    void aReloadReachesWhatIsQueued() {
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        curfew(NOON);
        assertThat(harness.poll(readyQueue)).isNull();
        curfew(NOON.with(CurfewConfig.TENANTS, List.of("news")));
        assertThat(all()).hasSize(1);
        harness.submit(MailClass.BULK, DOMAIN, "news", "");
        assertThat(harness.poll(readyQueue)).isNull();
        harness.reconfigure(TenantRules.NONE, Map.of());
        assertThat(all()).hasSize(1);
        assertThat(readyQueue.withheld()).isZero();
    }

    @Test
    void anEarlierEndOfTheSameCurfewCounts() {
        curfew(NOON);
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        curfew(NOON.with(CurfewConfig.TO, LocalTime.of(12, 10)));
        harness.advance(Duration.ofMinutes(11));
        assertThat(all()).hasSize(1);
    }

    @Test
    void onlyWhatFitsAllListsWaits() {
        harness.router.setSite(DOMAIN, "mx1.mail.example");
        curfew(NOON.with(CurfewConfig.TENANTS, List.of("shop")).with(CurfewConfig.PROVIDERS, List.of("mail")));
        long bound = harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        long others = harness.submit(MailClass.BULK, DOMAIN, "news", "");
        long elsewhere = harness.submit(MailClass.BULK, "other.example", "shop", "");
        assertThat(harness.drain(harness.readyQueue("mx1.mail.example"))).containsExactly(others);
        assertThat(harness.drain(harness.readyQueue("other.example"))).containsExactly(elsewhere);
        harness.advance(HOUR.plusMillis(1));
        assertThat(harness.drain(harness.readyQueue("mx1.mail.example"))).containsExactly(bound);
    }

    @Test
    void thePoolIsTheOneThatMailGoesByNow() {
        Pools byMarketing = new Pools(
                Map.of("marketing", new Pool("marketing", List.of(new Pool.Member("default", 1)), true), "other",
                        new Pool("other", List.of(new Pool.Member("default", 1)), true)),
                Map.of(), Map.of("shop", "marketing"), "other");
        harness = QueueHarness.open(byMarketing, Quota.NONE);
        curfew(NOON.with(CurfewConfig.POOLS, List.of("marketing")));
        long waits = harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        long goes = harness.submit(MailClass.BULK, DOMAIN, "news", "");
        assertThat(all()).containsExactly(goes);
        harness.submit(MailClass.BULK, DOMAIN, "news", "");
        harness.queue.reconfigure(new Pools(byMarketing.pools(), Map.of(), Map.of("news", "marketing"), "other"));
        harness.submit(MailClass.BULK, DOMAIN, "news", ""); // before anybody has looked at what is queued
        long goesNow = harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        harness.queue.runDue();
        assertThat(harness.readyQueue(DOMAIN).violation()).isNull();
        assertThat(all()).as("what was bound isn't any more, and the other way round").containsExactly(waits, goesNow);
        assertThat(harness.readyQueue(DOMAIN).withheld()).isEqualTo(2);
        harness.advance(HOUR.plusMillis(1));
        assertThat(all()).hasSize(2);
        assertThat(harness.readyQueue(DOMAIN).turns()).as("who still has a turn").isZero();
    }

    @Test
    void reportsMadeHereDontWait() {
        curfew(NOON);
        long report = harness.report(DOMAIN, "shop");
        assertThat(all()).containsExactly(report);
    }

    @Test
    void anOperatorWhoEndsSuspensionsEndsNoCurfew() {
        curfew(NOON);
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        assertThat(readyQueue.resume()).isFalse();
        readyQueue.suspendTenant("shop", HOUR.multipliedBy(2), "named");
        assertThat(readyQueue.withheld()).isEqualTo(2);
        assertThat(readyQueue.resume()).isTrue();
        assertThat(readyQueue.withheld()).isEqualTo(1);
        assertThat(all()).hasSize(1);
        harness.advance(HOUR.plusMillis(1));
        assertThat(all()).hasSize(1);
    }

    @Test
    void ofACurfewAndASuspensionTheLaterEndCounts() {
        curfew(NOON);
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "news", "");
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        readyQueue.suspendTenant("shop", HOUR.multipliedBy(3), "named");
        assertThat(all()).hasSize(1);
        harness.advance(HOUR.multipliedBy(2));
        assertThat(harness.poll(readyQueue)).isNull();
        harness.advance(HOUR.multipliedBy(2));
        assertThat(all()).hasSize(1);
    }

    @Test
    void aWallClockThatIsSetEndsIt() {
        curfew(NOON);
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        harness.clock.setWallClock(Duration.ofHours(2));
        harness.advance(MailQueue.SWEEP_INTERVAL.plusMillis(1));
        assertThat(all()).hasSize(1);
    }

    @Test
    void mailFoundAtAStartWaitsToo() {
        QueueHarness before = harness;
        before.reconfigure(TenantRules.NONE, Map.of("noon", NOON));
        before.submit(MailClass.BULK, DOMAIN, "shop", "");
        QueueHarness restarted = new QueueHarness();
        restarted.queue.reconfigure(TenantRules.NONE, new Curfews(Map.of("noon", NOON)));
        restarted.submit(MailClass.BULK, DOMAIN, "shop", "");
        restarted.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        restarted.start();
        restarted.queue.runDue();
        assertThat(restarted.drain(restarted.readyQueue(DOMAIN))).hasSize(1);
        assertThat(restarted.readyQueue(DOMAIN).withheld()).isEqualTo(1);
        restarted.advance(HOUR.plusMillis(1));
        assertThat(restarted.drain(restarted.readyQueue(DOMAIN))).hasSize(1);
    }

    @Test
    void aMessageThatWillBeTooOldAtItsEndIsToldSoAndIsStillTriedThen() {
        curfew(NOON.with(CurfewConfig.TENANTS, List.of("shop")));
        harness.queue.reconfigure(QueueConfig.DEFAULT.with(QueueConfig.MAX_AGE, Duration.ofMinutes(30)));
        assertThat(harness.queue.outlasted(envelope(MailClass.BULK, "shop"))).isEqualTo(
                "waits for the end of curfew noon at 2026-11-23T13:00:00Z, which is after queue.max-age");
        assertThat(harness.queue.outlasted(envelope(MailClass.BULK, "news"))).isEmpty();
        assertThat(harness.queue.outlasted(envelope(MailClass.TRANSACTIONAL, "shop"))).isEmpty();
        assertThat(harness.queue.curfewStats().outlasted()).isEqualTo(1);
        long late = harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        all();
        harness.advance(HOUR.plusMillis(1));
        assertThat(all()).as("it isn't lost").containsExactly(late);
        harness.queue.reconfigure(QueueConfig.DEFAULT);
        assertThat(harness.queue.outlasted(envelope(MailClass.BULK, "shop"))).isEmpty();
    }

    @Test
    void nothingThatItHoldsIsTakenForItsAge() {
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        ReadyQueue readyQueue = harness.readyQueue(DOMAIN);
        curfew(NOON);
        long later = harness.clock.millis() + 1;
        assertThat(QueueHarness.takeOld(readyQueue, later)).isEmpty();
        harness.advance(HOUR.plusMillis(1));
        assertThat(QueueHarness.takeOld(readyQueue, later)).hasSize(1);
    }

    private Envelope envelope(MailClass mailClass, String tenant) {
        return Destinations.of(mailClass, "", TestEntries.entry(1, 0), DOMAIN, tenant, "", harness.clock.millis())
                .envelope();
    }

    @Test
    void classesThatAreNamedWait() {
        curfew(NOON.with(CurfewConfig.CLASSES, Set.of(MailClass.TRANSACTIONAL, MailClass.BULK)));
        harness.submit(MailClass.BULK, DOMAIN, "shop", "");
        harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "shop", "");
        assertThat(harness.ready).isEmpty();
        harness.advance(HOUR.plusMillis(1));
        assertThat(all()).hasSize(2);
    }
}
