package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.message.Envelope;
import dev.penstock.message.Judged;
import dev.penstock.message.Options;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Limiter;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;

/** Mail that waits because its receivers would mind something: nobody attempts it until it is let go. */
class PreflightHoldTest {
    private static final String DOMAIN = "gmail.com";
    private static final String WHY = "would get Gmail 5.7.32: From a.example isn't aligned";
    private static final Duration LOOK = Duration.ofMinutes(5);

    private final QueueHarness harness = new QueueHarness();
    private final MailQueue queue = harness.queue;
    private final List<QueueItem> due = new ArrayList<>();

    PreflightHoldTest() {
        queue.lookAtHeldEvery(LOOK);
        queue.open(new RouteFailureHandler() {
            @Override
            public void failed(QueueItem item, Route.Failure failure) {
                throw new AssertionError("it has a route");
            }

            @Override
            public void holdDue(QueueItem item) {
                due.add(item);
            }
        }, new ReadyQueueListener() {
            @Override
            public void wantsSession(ReadyQueue readyQueue) {
                harness.ready.add(readyQueue);
                harness.admission.seek(readyQueue);
            }

            @Override
            public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {
                harness.admission.mayGrant(readyQueue, limiter);
            }
        }, Runnable::run);
    }

    @Test
    void heldMailIsGivenToNobodyAndSaysWhy() {
        submit(1, 0, 0);
        harness.advance(LOOK.dividedBy(2).minusSeconds(1));
        assertThat(harness.ready).isEmpty();
        ItemView view = queue.items(DOMAIN, 10).getFirst();
        assertThat(view.state()).isEqualTo(QueueItem.State.HELD);
        assertThat(view.waitingFor()).isEqualTo("its release by the preflight: " + WHY);
        assertThat(view.nextAttemptMillis()).isBetween(harness.clock.millis(),
                harness.clock.millis() + LOOK.toMillis());
        assertThat(queue.held()).isEqualTo(1);
    }

    @Test
    void itIsLookedAtWithinTheIntervalAndHeldOnOrLetGo() {
        submit(1, 0, 0);
        QueueItem item = nextDue();
        queue.hold(item, "would get Gmail 5.7.30: there is no DKIM signature", Long.MAX_VALUE / 2);
        assertThat(queue.items(DOMAIN, 1).getFirst().waitingFor()).endsWith("there is no DKIM signature");
        queue.release(nextDue(), 0);
        queue.runDue();
        assertThat(harness.take(harness.readyQueue(DOMAIN)).attempts()).as("a look is no attempt").isZero();
        assertThat(queue.held()).isZero();
    }

    @Test
    void theLastLookIsWhenItExpires() {
        submit(1, 0, 0);
        long expires = harness.clock.millis() + LOOK.toMillis() + 1_000;
        queue.hold(nextDue(), WHY, Math.min(expires, harness.clock.millis() + 10_000));
        harness.advance(Duration.ofSeconds(11));
        assertThat(due).hasSize(1);
    }

    @Test
    void aSendersOwnHoldIsKeptAfterwards() {
        submit(1, 0, 0);
        QueueItem item = nextDue();
        queue.release(item, harness.clock.millis() + Duration.ofHours(1).toMillis());
        harness.advance(Duration.ofMinutes(59));
        assertThat(harness.ready).isEmpty();
        harness.advance(Duration.ofMinutes(2));
        assertThat(harness.take(harness.readyQueue(DOMAIN))).isSameAs(item);
    }

    @Test
    void whatPutsAnItemOffDoesntLetItGo() {
        submit(1, 0, 0);
        QueueItem item = nextDue();
        queue.retry(item, harness.clock.millis() + 1_000, 1); // the spool couldn't read it
        harness.advance(Duration.ofSeconds(2));
        assertThat(harness.ready).isEmpty();
        assertThat(due).containsExactly(item);
    }

    @Test
    void mailThatWasLetGoAndAttemptedBeforeARestartIsNotHeldAgain() {
        submit(1, 2, harness.clock.millis() + 1_000);
        harness.advance(Duration.ofSeconds(2));
        assertThat(harness.take(harness.readyQueue(DOMAIN)).attempts()).isEqualTo(2);
    }

    /**
     * Invariant: a destination is held, with its reason, from its submission on until it is let go or finished, and what is
     * held is never handed to a session.
     */
    @Test
    void whateverComesWhenHeldMailIsHandedOutAfterItsReleaseAlone() {
        for (long seed = 0; seed < 40; seed++) {
            new PreflightHoldTest().run(seed);
        }
    }

    private void run(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<Long, Boolean> held = new HashMap<>(); // by message; false when it was let go, or was never held
        Set<Long> finished = new HashSet<>();
        long next = 1;
        for (int step = 0; step < 50; step++) {
            switch (random.nextInt(6)) {
                case 0 -> {
                    submit(next, 0, 0);
                    held.put(next++, true);
                }
                case 1 -> {
                    queue.submit(Destinations.of(TestEntries.entry(next, 0), DOMAIN, "", "", harness.clock.millis(), 0,
                            0, QueueHarness.SIZE));
                    held.put(next++, false);
                }
                case 2 -> harness.advance(Duration.ofSeconds(random.nextInt(1, 200)));
                case 3 -> decide(random, held, finished);
                case 4 -> queue.runDue();
                default -> take(seed, random, held, finished);
            }
            long stillHeld = held.entrySet().stream()
                    .filter(one -> one.getValue() && !finished.contains(one.getKey())).count();
            assertThat(queue.held()).as("seed %d step %d", seed, step).isEqualTo((int) stillHeld);
        }
        for (int round = 0; round < 50 && finished.size() < next - 1; round++) {
            harness.advance(LOOK);
            while (!due.isEmpty()) {
                QueueItem item = due.removeLast();
                queue.release(item, 0);
                held.put(item.entry().messageId(), false);
            }
            while (take(seed, random, held, finished)) {
                // all there is
            }
        }
        assertThat(finished).as("seed %d: nothing is lost", seed).hasSize((int) next - 1);
        assertThat(queue.held()).isZero();
    }

    private void decide(SplittableRandom random, Map<Long, Boolean> held, Set<Long> finished) {
        if (due.isEmpty()) {
            return;
        }
        QueueItem item = due.removeLast();
        switch (random.nextInt(4)) {
            case 0 -> queue.hold(item, WHY, Long.MAX_VALUE / 2);
            case 1 -> queue.retry(item, harness.clock.millis() + 500, item.attempts() + 1);
            case 2 -> {
                queue.finished(item); // expired
                finished.add(item.entry().messageId());
            }
            default -> {
                queue.release(item, random.nextBoolean() ? 0 : harness.clock.millis() + 5_000);
                held.put(item.entry().messageId(), false);
            }
        }
    }

    private boolean take(long seed, SplittableRandom random, Map<Long, Boolean> held, Set<Long> finished) {
        for (ReadyQueue ready : harness.ready) {
            QueueItem item = harness.poll(ready);
            if (item != null) {
                assertThat(held.get(item.entry().messageId())).as("seed %d: %s was held", seed, item).isFalse();
                if (random.nextInt(3) == 0) {
                    queue.retry(item, harness.clock.millis() + 1_000, item.attempts() + 1);
                } else {
                    queue.finished(item);
                    finished.add(item.entry().messageId());
                }
                return true;
            }
        }
        return false;
    }

    private QueueItem nextDue() {
        due.clear();
        harness.advance(LOOK.plusSeconds(1));
        assertThat(due).hasSize(1);
        return due.removeFirst();
    }

    private void submit(long id, int attempts, long dueMillis) {
        QueuedDestination plain = Destinations.of(TestEntries.entry(id, 0), DOMAIN, "shop", "", harness.clock.millis(),
                attempts, dueMillis, QueueHarness.SIZE);
        Envelope e = plain.envelope();
        queue.submit(new QueuedDestination(plain.entry(),
                new Envelope(e.id(), e.sender(), e.recipients(), e.body(), e.smtpUtf8(), e.tenant(),
                        e.campaign(), e.receivedMillis(), e.origin(), Options.NONE.with(new Judged(true, WHY))),
                plain.domain(), attempts, dueMillis, plain.size()));
    }
}
