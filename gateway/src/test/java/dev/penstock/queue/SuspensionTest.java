package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.queue.ReadyQueue.Failed;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Suspension;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.Route;
import dev.penstock.spool.Orders;
import dev.penstock.testing.FakeRouter;

/** A receiver that can't be reached, or refuses us: its mail waits untouched, and one session is tried now and then. */
class SuspensionTest {
    private static final String DOMAIN = "example.com";
    private static final int IN_A_ROW = 3;
    private static final Duration FIRST = QueueConfig.DEFAULT.retryInterval();
    private static final Duration LONGEST = QueueConfig.DEFAULT.maxSuspension();
    private static final Duration MILLI = Duration.ofMillis(1);

    private final QueueHarness harness = QueueHarness.open();

    @BeforeEach
    void limit() {
        harness.reconfigure(limits(10));
    }

    private static ShapingConfig limits(int connections) {
        return new ShapingConfig(TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections)
                .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, IN_A_ROW), Map.of());
    }

    private ReadyQueue submit(int messages) {
        for (int i = 0; i < messages; i++) {
            harness.submit(DOMAIN);
        }
        return harness.readyQueue(DOMAIN);
    }

    private Suspension refuse(ReadyQueue queue) {
        return requireNonNull(harness.fail(queue, Trouble.REFUSED).suspension());
    }

    /** Delivers one message over a new session that stays up. @return the session */
    private Session deliver(ReadyQueue queue) {
        Session session = harness.begun(queue);
        harness.queue.finished(requireNonNull(queue.up(session)));
        harness.admission.proved(session);
        return session;
    }

    private List<ItemView> suspendedItems() {
        return harness.queue.items(DOMAIN, 1_000).stream()
                .filter(item -> item.state() == QueueItem.State.SUSPENDED).toList();
    }

    @Test
    void beginsAfterSoManyFailuresInARowEachChargedToOneMessage() {
        ReadyQueue queue = submit(10);
        for (int i = 1; i < IN_A_ROW; i++) {
            Failed failed = harness.fail(queue, Trouble.UNREACHABLE);
            assertThat(failed.suspension()).isNull();
            assertThat(failed.charged()).isNotNull();
        }
        Failed last = harness.fail(queue, Trouble.UNREACHABLE);
        assertThat(last.charged()).isNotNull();
        assertThat(last.suspension()).isEqualTo(new Suspension(harness.clock.millis() + FIRST.toMillis(), FIRST, 1,
                "3 connection failures in a row, the last: UNREACHABLE"));
        assertThat(harness.hasBegun(queue)).isFalse();
        assertThat(queue.ready()).isEqualTo(7);
    }

    @Test
    void aTenantOrCampaignThatIsNamedAgainWhileItWaitsIsSuspendedOnce() {
        ReadyQueue queue = submit(1);
        Suspension tenant = requireNonNull(queue.suspendTenant("shop", FIRST, "named"));
        Suspension campaign = requireNonNull(queue.suspendCampaign("shop", "spring", FIRST, "named"));
        assertThat(tenant.untilMillis()).isEqualTo(harness.clock.millis() + FIRST.toMillis());
        assertThat(campaign.why()).isEqualTo("campaign spring of tenant shop: named");
        harness.advance(FIRST.minus(MILLI));
        assertThat(queue.suspendTenant("shop", FIRST, "named again")).isNull();
        assertThat(queue.suspendCampaign("shop", "spring", FIRST, "named again")).isNull();
        harness.advance(MILLI);
        assertThat(queue.suspendTenant("shop", FIRST, "named anew")).isNotNull();
    }

    @Test
    void aDeliveryInBetweenBeginsTheCountAnew() {
        ReadyQueue queue = submit(10);
        for (int round = 0; round < 3; round++) {
            assertThat(harness.fail(queue, Trouble.UNREACHABLE).suspension()).isNull();
            assertThat(harness.fail(queue, Trouble.INSECURE).suspension()).isNull();
            harness.admission.ended(deliver(queue));
        }
    }

    @Test
    void beginsAtOnceWhenTheReceiverRefusesUs() {
        ReadyQueue queue = submit(10);
        assertThat(refuse(queue))
                .isEqualTo(new Suspension(harness.clock.millis() + FIRST.toMillis(), FIRST, 1, "REFUSED"));
        assertThat(harness.hasBegun(queue)).isFalse();
    }

    @Test
    void touchesNoMailAndShowsItselfUntilWhenAndWhy() {
        ReadyQueue queue = submit(10);
        long until = refuse(queue).untilMillis();
        assertThat(suspendedItems()).hasSize(9).allSatisfy(
                item -> assertThat(item).returns(until, ItemView::nextAttemptMillis).returns(0, ItemView::attempts)
                        .returns("the end of the queue's suspension: REFUSED", ItemView::waitingFor));
        assertThat(harness.queue.readyQueues()).singleElement()
                .returns(until, ReadyQueueSnapshot::suspendedUntilMillis)
                .returns("REFUSED", ReadyQueueSnapshot::suspendedWhy).returns(9, ReadyQueueSnapshot::ready);
        assertThat(harness.queue.stats()).returns(9L, QueueStats::suspended).returns(0L, QueueStats::ready)
                .returns(1L, QueueStats::scheduled);
    }

    @Test
    void opensNothingBeforeItsEndWhateverComes() {
        ReadyQueue queue = submit(10);
        refuse(queue);
        submit(100);
        harness.advance(FIRST.minus(MILLI));
        submit(100);
        assertThat(harness.hasBegun(queue)).isFalse();
        harness.advance(MILLI);
        assertThat(harness.hasBegun(queue)).isTrue();
    }

    @Test
    void triesOneSessionAtItsEndHoweverMuchMailWaits() {
        ReadyQueue queue = submit(1_000);
        refuse(queue);
        harness.advance(FIRST);
        Session attempt = harness.begun(queue);
        submit(1_000);
        harness.advance(FIRST);
        assertThat(harness.hasBegun(queue)).isFalse();
        harness.queue.finished(requireNonNull(queue.up(attempt)));
        assertThat(harness.hasBegun(queue)).as("it is up, but has not delivered").isFalse();
        assertThat(harness.admission.proved(attempt)).isTrue();
        assertThat(harness.hasBegun(queue)).isTrue();
    }

    @Test
    void isTwiceAsLongAfterEachTryThatFailedUpToTheLongest() {
        ReadyQueue queue = submit(10);
        List<Suspension> suspensions = new ArrayList<>();
        suspensions.add(refuse(queue));
        for (int i = 0; i < 3; i++) {
            harness.advance(suspensions.getLast().length());
            suspensions.add(requireNonNull(harness.fail(queue, Trouble.UNREACHABLE).suspension()));
        }
        assertThat(suspensions).extracting(Suspension::length)
                .containsExactly(FIRST, FIRST.multipliedBy(2), LONGEST, LONGEST);
        assertThat(suspensions).extracting(Suspension::tries).containsExactly(1, 2, 3, 4);
    }

    /** Two hours of outage: over within the longest suspension after the receiver is back. */
    @Test
    void isOverSoonAfterALongOutage() {
        ReadyQueue queue = submit(100);
        refuse(queue);
        Duration outage = Duration.ofHours(2);
        long begin = harness.clock.nanoTime();
        int tries = 0;
        while (harness.clock.nanoTime() - begin < outage.toNanos()) {
            harness.advance(Duration.ofSeconds(1));
            if (harness.hasBegun(queue)) {
                harness.fail(queue, Trouble.REFUSED);
                tries++;
            }
        }
        assertThat(tries).isBetween(7, 9);
        harness.advance(LONGEST);
        deliver(queue);
        assertThat(suspendedItems()).isEmpty();
        assertThat(harness.hasBegun(queue)).isTrue();
    }

    /** Several sessions are refused by one volley of replies: it is decided when the last of them is gone. */
    @Test
    void aVolleyOfRefusalsCountsOnce() {
        ReadyQueue queue = submit(100);
        List<Session> sessions = new ArrayList<>();
        while (sessions.size() < 5) {
            sessions.add(deliver(queue));
        }
        List<Failed> refusals = new ArrayList<>();
        List<Session> begunBefore = new ArrayList<>(sessions);
        while (harness.hasBegun(queue)) {
            begunBefore.add(harness.begun(queue));
        }
        for (Session session : begunBefore) {
            refusals.add(harness.admission.failed(session, Trouble.REFUSED, false, "421 4.7.28"));
        }
        begunBefore.forEach(harness.admission::ended);
        Failed last = refusals.removeLast();
        assertThat(refusals).allSatisfy(failed -> {
            assertThat(failed.suspension()).isNull();
            assertThat(failed.charged()).isNull();
        });
        assertThat(requireNonNull(last.suspension())).returns(FIRST, Suspension::length)
                .returns(1, Suspension::tries);
        assertThat(harness.hasBegun(queue)).isFalse();
        harness.advance(FIRST.minus(MILLI));
        assertThat(harness.hasBegun(queue)).isFalse();
    }

    @Test
    void endsAtOnceWhenTheTryDelivers() {
        ReadyQueue queue = submit(100);
        refuse(queue);
        harness.advance(FIRST);
        Session attempt = harness.begun(queue);
        harness.queue.finished(requireNonNull(queue.up(attempt)));
        assertThat(harness.admission.proved(attempt)).isTrue();
        assertThat(harness.admission.proved(attempt)).as("told once").isFalse();
        assertThat(harness.queue.stats().suspended()).isZero();
        assertThat(harness.queue.readyQueues().getFirst().suspendedUntilMillis()).isZero();
        assertThat(harness.drain(queue)).hasSize(98); // two were charged or delivered
        harness.admission.ended(attempt);
        submit(10);
        assertThat(refuse(queue).length()).as("another trouble begins anew").isEqualTo(FIRST);
    }

    /** It took mail, and ended without having delivered any. */
    @Test
    void goesOnWhenTheTryShowsNothing() {
        ReadyQueue queue = submit(10);
        refuse(queue);
        harness.advance(FIRST);
        Session attempt = harness.begun(queue);
        harness.queue.requeue(requireNonNull(queue.up(attempt)));
        Suspension next = requireNonNull(harness.admission.ended(attempt));
        assertThat(next.length()).as("no longer: nor has the receiver refused anything").isEqualTo(FIRST);
        assertThat(next.why()).isEqualTo("REFUSED");
        assertThat(harness.hasBegun(queue)).isFalse();
        harness.advance(next.length());
        assertThat(harness.hasBegun(queue)).isTrue();
    }

    @Test
    void endsWhenTheTryCameUpAndFoundNoMail() {
        ReadyQueue queue = submit(2);
        refuse(queue);
        harness.advance(FIRST);
        harness.router.setSite(DOMAIN, "elsewhere");
        harness.queue.reroute();
        harness.queue.runDue();
        assertThat(queue.up(harness.comingUp.getFirst())).isNull();
        assertThat(harness.admission.ended(harness.begun(queue))).isNull();
        assertThat(harness.queue.readyQueues()).allMatch(snapshot -> snapshot.suspendedUntilMillis() == 0);
    }

    @Test
    void endsWhenTheLimitsOfTheReceiverChange() {
        ReadyQueue queue = submit(10);
        refuse(queue);
        assertThat(harness.admission.reconfigured(queue)).isFalse();
        harness.reconfigure(limits(10));
        assertThat(suspendedItems()).as("nothing of its has changed").hasSize(9);
        harness.reconfigure(limits(9));
        assertThat(suspendedItems()).isEmpty();
        assertThat(harness.hasBegun(queue)).isTrue();
    }

    @Test
    void endsOnRequest() {
        ReadyQueue queue = submit(10);
        refuse(queue);
        assertThat(queue.resume()).isTrue();
        assertThat(queue.resume()).isFalse();
        assertThat(suspendedItems()).isEmpty();
        assertThat(harness.take(queue).attempts()).isZero();
    }

    @Test
    void givesOutWhatHasExpiredAllTheSame() {
        ReadyQueue queue = submit(5);
        refuse(queue);
        harness.advance(MILLI);
        long young = harness.submit(DOMAIN);
        assertThat(QueueHarness.takeOld(queue, harness.clock.millis())).hasSize(4).allSatisfy(harness.queue::finished);
        assertThat(QueueHarness.takeOld(queue, harness.clock.millis())).isEmpty();
        assertThat(suspendedItems()).extracting(item -> item.id().value()).containsExactly(young);
    }

    /** What was tried before comes behind what has come meanwhile. */
    @Test
    void whatHasExpiredIsFoundBehindYoungerMailHoweverMuchThatIs() {
        long received = harness.clock.millis();
        Duration wait = Duration.ofMinutes(1);
        long old = harness.submit(DOMAIN, "", "", QueueHarness.SIZE, 1, received + wait.toMillis());
        harness.clock.advance(MILLI);
        int young = 2 * OldMail.BATCH + 5;
        ReadyQueue queue = submit(young);
        refuse(queue);
        harness.advance(wait);
        assertThat(QueueHarness.takeOld(queue, received + 1)).extracting(item -> item.entry().messageId())
                .containsExactly(old);
        assertThat(suspendedItems()).as("but the one that was charged").hasSize(young - 1);
    }

    @Test
    void whatAnOperatorHasReleasedIsLeftForItsAttempt() {
        ReadyQueue queue = submit(5);
        refuse(queue);
        harness.advance(MILLI);
        List<QueueItem> taken = QueueHarness.takeOld(queue, harness.clock.millis());
        QueueItem released = taken.removeFirst();
        harness.queue.order(released, Orders.NONE.release(), harness.clock.millis(), false);
        taken.forEach(item -> harness.queue.order(item, Orders.NONE, harness.clock.millis(), false));
        harness.advance(Duration.ofSeconds(1));
        assertThat(QueueHarness.takeOld(queue, harness.clock.millis())).hasSize(3).doesNotContain(released)
                .allSatisfy(harness.queue::finished);
        assertThat(suspendedItems()).extracting(item -> item.id().value())
                .containsExactly(released.entry().messageId());
    }

    /** The first session fails while others of the queue stand: nothing is charged, nothing suspended. */
    @Test
    void doesNotBeginWhileAnotherSessionStands() {
        ReadyQueue queue = submit(100);
        Session standing = deliver(queue);
        for (int i = 0; i < 2 * IN_A_ROW; i++) {
            harness.advance(Duration.ofMinutes(10)); // its trial
            Failed failed = harness.fail(queue, i % 2 == 0 ? Trouble.CROWDED : Trouble.UNREACHABLE);
            assertThat(failed).isEqualTo(new Failed(null, null, true));
        }
        assertThat(queue.ready()).isEqualTo(99);
        assertThat(suspendedItems()).isEmpty();
        harness.queue.finished(requireNonNull(queue.next(standing)));
    }

    @Test
    void beginsAtOnceWhenTheReceiverTakesNoSessionThoughNoneStands() {
        ReadyQueue queue = submit(10);
        assertThat(harness.fail(queue, Trouble.CROWDED).suspension()).isNotNull();
    }

    private void route(String domain, TlsPolicy policy) {
        Route.Hosts plain = FakeRouter.hosts("shared");
        harness.router.set(domain, new Route.Hosts(plain.site(), plain.hosts(), false, true, policy));
    }

    private ReadyQueue queueOf(TlsPolicy policy) {
        return harness.ready.stream().filter(queue -> queue.key().tls() == policy).findAny().orElseThrow();
    }

    /** It waits for the place that another queue of its site has. */
    @Test
    void doesNotBeginWhileAnotherQueueOfTheSiteHasTheSessionsItTakes() {
        route("a.example", TlsPolicy.OPPORTUNISTIC);
        route("b.example", TlsPolicy.REQUIRED);
        harness.submit("a.example");
        ReadyQueue first = queueOf(TlsPolicy.OPPORTUNISTIC);
        Session standing = deliver(first);
        harness.submit("b.example");
        ReadyQueue second = queueOf(TlsPolicy.REQUIRED);
        assertThat(harness.fail(second, Trouble.CROWDED)).isEqualTo(new Failed(null, null, true));
        assertThat(second.waitingAt()).isSameAs(second.throttle().sessions());
        assertThat(harness.queue.items("b.example", 1).getFirst().waitingFor()).startsWith(
                "window 1 of connection_limit 10, the receiver refused more (next in 10s)");
        harness.admission.ended(standing);
        assertThat(harness.drain(second)).hasSize(1);
    }

    /** The other queue has sessions at other hosts, or over another protocol: there is nothing to wait for. */
    @Test
    void beginsWhenOnlyTheOtherQueueOfTheSiteIsTaken() {
        route("a.example", TlsPolicy.OPPORTUNISTIC);
        route("b.example", TlsPolicy.REQUIRED);
        harness.submit("a.example");
        deliver(queueOf(TlsPolicy.OPPORTUNISTIC));
        harness.submit("b.example");
        ReadyQueue second = queueOf(TlsPolicy.REQUIRED);
        Failed failed = harness.fail(second, Trouble.UNREACHABLE);
        for (int i = 1; i < IN_A_ROW; i++) {
            assertThat(failed.suspension()).isNull();
            assertThat(failed.charged()).isNull();
            harness.advance(Duration.ofMinutes(1)); // the window's next trial
            failed = harness.fail(second, Trouble.UNREACHABLE);
        }
        assertThat(failed.suspension()).isNotNull();
        assertThat(failed.charged()).isNotNull();
    }

    /** Hosts that can't do TLS as this queue wants it are no worse for the others. */
    @Test
    void insecureHostsSuspendOnlyTheQueueThatWantsBetterOnes() {
        route("a.example", TlsPolicy.OPPORTUNISTIC);
        route("b.example", TlsPolicy.REQUIRED);
        for (int i = 0; i < 5; i++) {
            harness.submit("a.example");
            harness.submit("b.example");
        }
        ReadyQueue strict = queueOf(TlsPolicy.REQUIRED);
        Session standing = deliver(queueOf(TlsPolicy.OPPORTUNISTIC));
        for (int i = 1; i < IN_A_ROW; i++) {
            assertThat(harness.fail(strict, Trouble.INSECURE).suspension()).isNull();
        }
        assertThat(harness.fail(strict, Trouble.INSECURE).suspension()).isNotNull();
        assertThat(harness.hasBegun(strict)).isFalse();
        assertThat(harness.queue.stats()).returns(2L, QueueStats::suspended).returns(4L, QueueStats::ready);
        assertThat(queueOf(TlsPolicy.OPPORTUNISTIC).next(standing)).isNotNull();
        assertThat(strict.throttle().sessions().size()).as("the window").isEqualTo(10);
    }
}
