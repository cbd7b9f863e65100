package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.Route;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.testing.FakeRouter;
import dev.penstock.units.Rate;

/** Queues that wait for what others hold: whatever comes between, the one whose turn it is gets it, and none is forgotten. */
class SharedLimitTest {
    private static final List<TlsPolicy> POLICIES = List.of(TlsPolicy.values());

    private static QueueHarness harness(int maxSessions, int connections, @Nullable String connectionRate) {
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", maxSessions, 0));
        harness.reconfigure(new ShapingConfig(
                TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections).with(
                        TrafficLimits.MAX_CONNECTION_RATE, connectionRate == null ? null : Rate.parse(connectionRate)),
                Map.of()));
        for (int i = 0; i < POLICIES.size(); i++) {
            Route.Hosts plain = FakeRouter.hosts("shared");
            harness.router.set(domain(i),
                    new Route.Hosts(plain.site(), plain.hosts(), false, true, POLICIES.get(i)));
        }
        return harness;
    }

    /** These share a site, and its limits, but no sessions. */
    private static String domain(int queue) {
        return "d" + queue + ".example";
    }

    private static void submit(QueueHarness harness, int queue, int messages) {
        for (int i = 0; i < messages; i++) {
            harness.submit(domain(queue));
        }
    }

    private static ReadyQueue queue(QueueHarness harness, int queue) {
        return harness.ready.stream().filter(ready -> ready.key().tls() == POLICIES.get(queue)).findAny().orElseThrow();
    }

    private static QueueItem up(Session session) {
        return requireNonNull(session.queue().up(session));
    }

    /** A session has nothing to do, as {@link ReadyQueue#await} says it. */
    private static void idle(Session session) {
        assertThat(session.queue().idles(session)).isNull();
        session.permit().idle(session);
    }

    @Test
    void aSessionIsWantedAsSoonAsAnotherQueueWaits() {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 1_000);
        ReadyQueue first = queue(harness, 0);
        Session session = harness.begun(first);
        up(session);
        assertThat(first.waitingAt()).as("it wants more itself").isSameAs(first.throttle().sessions());
        assertThat(session.permit().isWanted(first.waitingAt())).isFalse();
        submit(harness, 1, 1);
        assertThat(queue(harness, 1).waitingAt()).isSameAs(first.waitingAt());
        assertThat(session.permit().isWanted(first.waitingAt())).isTrue();
    }

    /** The session of a large backlog ends early because others wait; the next goes to whoever waits longest. */
    @Test
    void aSmallQueueIsServedBesideALargeOneThatSharesItsOnlySession() {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 1_000);
        submit(harness, 1, 1);
        ReadyQueue small = queue(harness, 1);
        int sessions = 0;
        int before = 0;
        while (small.ready() > 0) {
            Session session = harness.comingUp.removeFirst();
            sessions++;
            int served = 0;
            for (QueueItem item = session.queue().up(session); item != null; item = session.queue().next(session)) {
                harness.queue.finished(item);
                if (++served >= 20 && session.permit().isWanted(session.queue().waitingAt())) { // as a delivery session does
                    break;
                }
            }
            before += session.queue() == small ? 0 : served;
            assertThat(harness.comingUp).isEmpty();
            harness.admission.ended(session);
            assertThat(harness.comingUp).hasSize(1);
        }
        assertThat(sessions).isLessThanOrEqualTo(3);
        assertThat(before).isLessThanOrEqualTo(40);
        assertThat(harness.begun(queue(harness, 0))).as("then it is the large one's turn again").isNotNull();
    }

    @Test
    void aSessionThatIdlesEndsForAnotherQueue() {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 1);
        Session session = harness.begun(queue(harness, 0));
        harness.queue.finished(up(session));
        idle(session);
        submit(harness, 1, 1);
        assertThat(session.queue().isIdle(session)).as("asked to end").isFalse();
        assertThat(session.queue().handed(session)).isNull();
        session.permit().busy(session);
        assertThat(harness.comingUp).as("it still holds its permit").isEmpty();
        harness.admission.ended(session);
        assertThat(harness.drain(queue(harness, 1))).hasSize(1);
    }

    /** Mail came for it in the same moment: it has that, and its permit stays wanted. */
    @Test
    void aSessionThatIsHandedMailBeforeItIsAskedToEndDeliversIt() {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 1);
        ReadyQueue first = queue(harness, 0);
        Session session = harness.begun(first);
        harness.queue.finished(up(session));
        idle(session);
        submit(harness, 0, 1);
        submit(harness, 1, 1);
        harness.queue.finished(requireNonNull(first.handed(session)));
        assertThat(session.permit().isWanted(first.waitingAt())).isTrue();
        session.permit().busy(session);
        harness.admission.ended(session);
        assertThat(harness.drain(queue(harness, 1))).hasSize(1);
    }

    /** Who came to wait before the session was known to idle could not ask it to end. */
    @Test
    @Timeout(300)
    void aSessionForWhichOthersWaitDoesNotBeginToIdle() throws InterruptedException {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 1);
        Session session = harness.begun(queue(harness, 0));
        harness.queue.finished(up(session));
        submit(harness, 1, 1);
        assertThat(session.queue().await(session, Duration.ofHours(1).toNanos())).isNull();
        assertThat(harness.total.longestIdle(queue(harness, 1))).as("nor is it remembered as idle").isNull();
        harness.admission.ended(session);
        assertThat(harness.drain(queue(harness, 1))).hasSize(1);
    }

    @Test
    void aSessionIsNotAskedToEndForItsOwnQueue() {
        QueueHarness harness = harness(2, 5, null);
        for (int i = 0; i < 10; i++) {
            harness.submit("busy.example");
        }
        harness.submit("other.example");
        ReadyQueue busy = harness.readyQueue("busy.example");
        Session session = harness.begun(busy);
        up(session);
        assertThat(busy.waitingAt()).isSameAs(harness.total);
        assertThat(session.permit().isWanted(busy.waitingAt())).isFalse();
        assertThat(harness.total.longestIdle(busy)).isNull();
    }

    @Test
    void tenQueuesAreServedOverOneSessionInTheOrderTheyCame() {
        QueueHarness harness = harness(1, 1, null);
        List<String> domains = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            domains.add("own" + i + ".example");
            harness.submit(domains.getLast());
        }
        List<String> served = new ArrayList<>();
        while (!harness.comingUp.isEmpty()) {
            assertThat(harness.comingUp).hasSize(1);
            Session session = harness.comingUp.removeFirst();
            QueueItem item = up(session);
            served.add(item.domain());
            harness.queue.finished(item);
            harness.admission.ended(session);
        }
        assertThat(served).isEqualTo(domains);
        assertThat(harness.total.open()).isZero();
        assertThat(harness.total.waiting()).isZero();
    }

    /** While its only session comes up no other is asked for; what comes meanwhile is that session's. */
    @Test
    void mailThatComesWhileTheOnlySessionComesUpIsTakenByIt() {
        QueueHarness harness = harness(1, 1, null);
        submit(harness, 0, 1);
        Session session = harness.begun(queue(harness, 0));
        submit(harness, 0, 2);
        harness.queue.finished(up(session));
        assertThat(harness.queue.readyQueues().getFirst().ready()).isEqualTo(2);
        harness.queue.finished(requireNonNull(session.queue().next(session)));
        harness.queue.finished(requireNonNull(session.queue().next(session)));
        assertThat(session.queue().next(session)).isNull();
    }

    /** It waits for a second session while its first comes up, and that one fails: its own permit is the one it needs. */
    @Test
    void aQueueThatWaitsWhileItsOwnSessionFailsGetsThatPermit() {
        for (Trouble trouble : Trouble.values()) {
            QueueHarness harness = harness(2, 5, null);
            for (int i = 0; i < 20; i++) {
                harness.submit("busy.example");
            }
            harness.submit("other.example");
            ReadyQueue busy = harness.readyQueue("busy.example");
            Session standing = harness.begun(busy);
            QueueItem item = up(standing);
            assertThat(busy.waitingAt()).isSameAs(harness.total);
            harness.admission.failed(standing, trouble, false, trouble.name());
            harness.queue.requeue(item);
            assertThat(harness.hasBegun(busy)).as("%s: its permits are not back", trouble).isFalse();
            harness.admission.ended(standing);
            harness.advance(Duration.ofMinutes(5)); // the suspension some of them begin
            assertThat(harness.hasBegun(busy)).as("%s: %s", trouble, busy.describe()).isTrue();
            assertThat(busy.violation()).isNull();
        }
    }

    @Test
    void aQueueThatWaitsWhileItsOwnSessionEndsGetsThatPermit() {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 20);
        ReadyQueue queue = queue(harness, 0);
        Session session = harness.begun(queue);
        harness.queue.finished(up(session));
        assertThat(queue.waitingAt()).isSameAs(queue.throttle().sessions());
        harness.admission.ended(session);
        assertThat(queue.waitingAt()).isNull();
        assertThat(harness.drain(queue)).hasSize(19);
    }

    /** A session that was begun and failed says nothing about those that stand: it waits for their limiter, not for mail. */
    @Test
    void aQueueWhoseSessionIsRefusedWhileItWaitsIsTriedAgainByItself() {
        QueueHarness harness = harness(100, 10, null);
        submit(harness, 0, 100);
        ReadyQueue queue = queue(harness, 0);
        up(harness.begun(queue));
        harness.fail(queue, Trouble.CROWDED);
        assertThat(queue.waitingAt()).isSameAs(queue.throttle().sessions());
        harness.advance(Duration.ofSeconds(10).minusMillis(1));
        assertThat(harness.hasBegun(queue)).isFalse();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.hasBegun(queue)).as("a trial").isTrue();
    }

    /** The receiver was found to take no more before this queue came to wait, and nobody else waits. */
    @Test
    void aQueueThatComesToALearnedWindowHasItsTrialThoughNoSessionEnds() {
        QueueHarness harness = harness(100, 10, null);
        submit(harness, 0, 6);
        ReadyQueue first = queue(harness, 0);
        Session standing = harness.begun(first);
        up(standing);
        takeAll(standing);
        harness.fail(first, Trouble.CROWDED);
        submit(harness, 1, 1);
        expectTrial(harness, queue(harness, 1));
    }

    /** The queue whose turn it was has no use for it any more: the next has it at once. */
    @Test
    void aTrialPassesOnWhenItIsWantedNoMore() {
        QueueHarness harness = harness(100, 10, null);
        submit(harness, 0, 6);
        ReadyQueue first = queue(harness, 0);
        Session standing = harness.begun(first);
        up(standing);
        harness.fail(first, Trouble.CROWDED);
        assertThat(first.waitingAt()).isSameAs(first.throttle().sessions());
        takeAll(standing);
        submit(harness, 1, 1);
        expectTrial(harness, queue(harness, 1));
    }

    /** All mail is under way then, and the queue wants no session. */
    private static void takeAll(Session session) {
        for (int left = session.queue().ready(); left > 0; left--) {
            assertThat(session.queue().next(session)).isNotNull();
        }
    }

    private static void expectTrial(QueueHarness harness, ReadyQueue queue) {
        assertThat(queue.waitingAt()).isSameAs(queue.throttle().sessions());
        harness.advance(Duration.ofSeconds(10).minusMillis(1));
        assertThat(harness.hasBegun(queue)).isFalse();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.begun(queue).permit().isTrial()).isTrue();
    }

    /** And after: another queue's session is refused, and that queue itself waits for nothing. */
    @Test
    void aQueueThatWaitsWhenTheWindowIsLearnedHasItsTrialThoughNoSessionEnds() {
        QueueHarness harness = harness(100, 2, null);
        submit(harness, 0, 6);
        ReadyQueue first = queue(harness, 0);
        Session standing = harness.begun(first);
        up(standing);
        Session refused = harness.begun(first);
        takeAll(standing);
        assertThat(first.up(refused)).isNull();
        submit(harness, 1, 1);
        ReadyQueue second = queue(harness, 1);
        assertThat(harness.queue.items(domain(1), 1).getFirst().waitingFor()).startsWith("connection_limit 2");
        harness.fail(refused, Trouble.CROWDED);
        harness.advance(Duration.ofSeconds(10).minusMillis(1));
        assertThat(harness.hasBegun(second)).isFalse();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.hasBegun(second)).isTrue();
    }

    /** A permit passes to a queue whose mail has left it meanwhile. */
    @Test
    void aPermitThatIsWantedNoMorePassesOn() {
        QueueHarness harness = harness(100, 1, null);
        submit(harness, 0, 1);
        Session session = harness.begun(queue(harness, 0));
        harness.queue.finished(up(session));
        submit(harness, 1, 1);
        submit(harness, 2, 1);
        submit(harness, 3, 1);
        harness.clock.advance(Duration.ofSeconds(1));
        for (int gone = 1; gone < 3; gone++) {
            QueueHarness.takeOld(queue(harness, gone), harness.clock.millis()).forEach(harness.queue::finished);
        }
        harness.admission.ended(session);
        assertThat(harness.drain(queue(harness, 3))).hasSize(1);
        assertThat(queue(harness, 1).throttle().sessions().open()).isZero();
        assertThat(harness.total.open()).isZero();
    }

    @Test
    void aQueueKeepsThePermitOfItsSiteWhileItWaitsForOneOfAll() {
        QueueHarness harness = harness(3, 2, null);
        harness.submit("a.example");
        harness.submit("b.example");
        submit(harness, 0, 1);
        submit(harness, 1, 1);
        ReadyQueue waits = queue(harness, 1);
        SessionLimiter own = waits.throttle().sessions();
        assertThat(waits.waitingAt()).isSameAs(harness.total);
        assertThat(own.open()).as("permits").isEqualTo(2);
        assertThat(own.sessions()).as("no session stands for it").isEqualTo(1);
        submit(harness, 2, 1);
        assertThat(queue(harness, 2).waitingAt()).isSameAs(own);
        assertThat(harness.drain(harness.readyQueue("a.example"))).hasSize(1);
        assertThat(harness.hasBegun(waits)).isTrue();
        assertThat(own.sessions()).isEqualTo(2);
    }

    @Test
    void aQueueWhoseMailHasGoneGivesBackWhatItKeepsButNotItsPlaceInTheOrder() {
        QueueHarness harness = harness(2, 1, null);
        harness.submit("a.example");
        harness.submit("b.example");
        submit(harness, 0, 1);
        submit(harness, 1, 1);
        ReadyQueue waits = queue(harness, 0);
        SessionLimiter own = waits.throttle().sessions();
        assertThat(queue(harness, 1).waitingAt()).isSameAs(own);
        harness.clock.advance(Duration.ofSeconds(1));
        QueueHarness.takeOld(waits, harness.clock.millis()).forEach(harness.queue::finished);
        harness.advance(Duration.ofMillis(20));
        assertThat(waits.waitingAt()).isSameAs(harness.total);
        assertThat(waits.kept()).isNull();
        assertThat(queue(harness, 1).waitingAt()).as("what the other kept is its own now").isSameAs(harness.total);
        submit(harness, 0, 1);
        assertThat(harness.drain(harness.readyQueue("a.example"))).hasSize(1);
        assertThat(waits.waitingAt()).as("its turn came, and it had no permit of its site").isSameAs(own);
        assertThat(harness.drain(queue(harness, 1))).hasSize(1);
        assertThat(harness.drain(waits)).hasSize(1);
        assertThat(own.open()).isZero();
    }

    @Test
    void aPermitThatIsKeptIsNoSessionThatStandsWhenTheOnlyOneIsRefused() {
        QueueHarness harness = harness(1, 10, null);
        submit(harness, 0, 100);
        ReadyQueue queue = queue(harness, 0);
        Session session = harness.begun(queue);
        harness.queue.requeue(up(session));
        assertThat(queue.waitingAt()).isSameAs(harness.total);
        assertThat(queue.throttle().sessions().open()).isEqualTo(2);
        assertThat(harness.fail(session, Trouble.CROWDED).suspension()).isNotNull();
    }

    /** A slot that came is used, and one that can't be is given back: the rate is neither exceeded nor lost. */
    @Test
    void sessionsAreSpacedByTheRateAndNoSlotIsLost() {
        QueueHarness harness = harness(100, 1, "1/min");
        submit(harness, 0, 2);
        submit(harness, 1, 1);
        ReadyQueue first = queue(harness, 0);
        ReadyQueue second = queue(harness, 1);
        Session session = harness.begun(first);
        harness.queue.finished(up(session));
        assertThat(second.waitingAt()).isNotNull();
        harness.admission.ended(session);
        assertThat(harness.comingUp).isEmpty();
        assertThat(first.throttle().sessions().open()).as("who waits for a slot holds nothing").isZero();
        harness.advance(Duration.ofMinutes(1).minusMillis(1));
        assertThat(harness.comingUp).isEmpty();
        harness.advance(Duration.ofMillis(1));
        assertThat(harness.comingUp).hasSize(1);
        session = harness.comingUp.removeFirst();
        harness.queue.finished(up(session));
        harness.admission.ended(session);
        harness.advance(Duration.ofMinutes(1));
        assertThat(harness.comingUp).hasSize(1);
    }

    /** Its slot comes while others have all the permits: it is given back, and the next to open uses it. */
    @Test
    void aSlotThatComesWhileNoPermitIsFreeIsGivenBack() {
        QueueHarness harness = harness(1, 5, "1/min");
        harness.submit("other.example");
        Session other = harness.begun(harness.readyQueue("other.example"));
        harness.queue.finished(up(other));
        harness.admission.ended(other);
        submit(harness, 0, 1);
        ReadyQueue queue = queue(harness, 0);
        harness.admission.ended(harness.begun(queue)); // its first slot is used
        assertThat(harness.comingUp).isEmpty();
        harness.submit("third.example");
        Session third = harness.begun(harness.readyQueue("third.example"));
        harness.advance(Duration.ofMinutes(1));
        assertThat(queue.waitingAt()).as("the slot has come, and no permit is free").isSameAs(harness.total);
        harness.advance(Duration.ofSeconds(1));
        harness.admission.ended(third);
        assertThat(harness.hasBegun(queue)).as(queue.describe()).isTrue();
    }

    @Test
    void aRaisedLimitGoesToThoseWhoWait() {
        QueueHarness harness = harness(100, 1, null);
        for (int i = 0; i < 4; i++) {
            submit(harness, i, 1);
        }
        assertThat(harness.comingUp).hasSize(1);
        harness.reconfigure(new ShapingConfig(TrafficLimits.DEFAULT, Map.of()));
        assertThat(harness.comingUp).hasSize(4);
    }

    /** Those without any session come before those that want another, and have a reserve. */
    @Test
    void aQueueWithoutASessionComesBeforeThoseThatWantMore() {
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", 3, 1));
        for (int i = 0; i < 100; i++) {
            harness.submit("big.example");
        }
        ReadyQueue big = harness.readyQueue("big.example");
        Session first = harness.begun(big);
        up(first);
        up(harness.begun(big));
        assertThat(big.waitingAt()).isSameAs(harness.total);
        harness.submit("small.example");
        assertThat(harness.hasBegun(harness.readyQueue("small.example"))).as("the reserve").isTrue();
        harness.submit("late.example");
        assertThat(harness.readyQueue("late.example").waitingAt()).isSameAs(harness.total);
        harness.admission.ended(first);
        assertThat(harness.hasBegun(harness.readyQueue("late.example"))).isTrue();
        assertThat(harness.hasBegun(big)).isFalse();
    }

    /** It has lost the session for whose sake it was one of the others. */
    @Test
    void aQueueThatLosesItsLastSessionWhileItWaitsIsOneOfTheFirst() {
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", 4, 1));
        for (int i = 0; i < 100; i++) {
            harness.submit("big.example");
            harness.submit("second.example");
        }
        ReadyQueue big = harness.readyQueue("big.example");
        ReadyQueue second = harness.readyQueue("second.example");
        Session ofBig = harness.begun(big);
        up(ofBig);
        up(harness.begun(big));
        Session ofSecond = harness.begun(second);
        QueueItem item = up(ofSecond);
        assertThat(second.waitingAt()).isSameAs(harness.total);
        harness.submit("reserve.example"); // takes the reserve
        harness.queue.requeue(item);
        harness.admission.ended(ofSecond);
        assertThat(harness.hasBegun(second)).isTrue();
    }
}
