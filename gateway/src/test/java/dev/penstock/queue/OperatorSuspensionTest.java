package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.spool.TestEntries;
import dev.penstock.testing.Destinations;

/** Mail that an operator keeps back, while other mail goes. */
class OperatorSuspensionTest {
    private static final String DOMAIN = "example.com";

    private final QueueHarness harness = QueueHarness.open();

    private void suspend(Map<String, List<String>> mail, long untilMillis) {
        harness.queue.suspend(List.of(new OperatorSuspension("s1", Selection.parse(mail), harness.clock.millis(),
                untilMillis, "op", "they asked for it")));
        harness.queue.runDue();
    }

    private void resume() {
        harness.queue.suspend(List.of());
        harness.queue.runDue();
    }

    @Test
    void aSuspendedDomainIsSentNothingUntilItIsResumed() {
        suspend(Map.of("domain", List.of(DOMAIN)), 0);
        long kept = harness.submit(DOMAIN);
        assertThat(harness.ready).as("a session is wanted for nothing").isEmpty();
        harness.advance(Duration.ofDays(3));
        assertThat(harness.comingUp).isEmpty();
        long other = harness.submit("other.example");
        assertThat(harness.drain(harness.readyQueue("other.example"))).containsExactly(other);
        ItemView view = harness.queue.items(DOMAIN, 1).getFirst();
        assertThat(view.state()).isEqualTo(QueueItem.State.SUSPENDED);
        assertThat(view.waitingFor()).isEqualTo(
                "an operator to resume it (s1, --domain example.com, by op): they asked for it");
        assertThat(List.of(view.nextAttemptMillis(), view.expectedMillis())).as("nobody knows").containsOnly(0L);
        resume();
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).containsExactly(kept);
    }

    /** So that an operator who has been told that it stands may rely on it. */
    @Test
    void itIsInForceAtOnce() {
        harness.queue.suspend(List.of(new OperatorSuspension("s1", Selection.parse(Map.of("domain", List.of(DOMAIN))),
                harness.clock.millis(), 0, "op", "they asked for it")));
        harness.submit(DOMAIN);
        assertThat(harness.ready).as("before the scheduler comes by").isEmpty();
    }

    @Test
    void queuedMailOfOneTenantIsKeptBackAndTheOthersGoes() {
        long first = harness.submit(DOMAIN, "shop", "", QueueHarness.SIZE);
        long second = harness.submit(DOMAIN, "other", "", QueueHarness.SIZE);
        suspend(Map.of("tenant", List.of("shop"), "domain", List.of("*.com")), 0);
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).containsExactly(second);
        resume();
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).containsExactly(first);
    }

    /** They tell its senders what became of its mail, however long that is kept back. */
    @Test
    void reportsMadeHereForATenantAreNotItsMail() {
        long report = harness.report(DOMAIN, "shop");
        suspend(Map.of("tenant", List.of("shop")), 0);
        harness.submit(DOMAIN, "shop", "", QueueHarness.SIZE);
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).containsExactly(report);
        long later = harness.report(DOMAIN, "shop");
        suspend(Map.of("domain", List.of(DOMAIN)), 0);
        assertThat(harness.poll(harness.readyQueue(DOMAIN))).as("of a domain they are mail as any").isNull();
        resume();
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).contains(later).hasSize(2);
    }

    @Test
    void itEndsByItselfWhenItHasAnEnd() {
        long kept = harness.submit(DOMAIN);
        suspend(Map.of("site", List.of(DOMAIN)), harness.clock.millis() + 60_000);
        assertThat(harness.poll(harness.readyQueue(DOMAIN))).isNull();
        harness.advance(Duration.ofSeconds(59));
        assertThat(harness.poll(harness.readyQueue(DOMAIN))).isNull();
        harness.advance(Duration.ofSeconds(2));
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).containsExactly(kept);
    }

    @Test
    void whatBecomesTooOldMeanwhileIsToldToItsSender() {
        harness.submit(DOMAIN);
        suspend(Map.of("domain", List.of(DOMAIN)), 0);
        harness.endSessions(harness.readyQueue(DOMAIN));
        harness.advance(Duration.ofDays(6));
        harness.advance(MailQueue.SWEEP_INTERVAL);
        // the harness can't settle reports: the queue gives it out for that, and says so
        assertThat(harness.queue.items(DOMAIN, 1).getFirst().state()).isEqualTo(QueueItem.State.SCHEDULED);
    }

    /** The one makes its ready queue while the other finds it, who has less to do and so catches up again and again. */
    @Test
    @Timeout(300)
    void mailThatTwoBringToANewSiteAtOnceIsKeptBackFromTheFirstOn() throws Exception {
        suspend(Map.of("domain", List.of("*.example")), 0);
        int rounds = 20_000;
        for (int i = 0; i < rounds; i++) {
            harness.router.setSite("a" + i + ".example", "mx" + i + ".example");
            harness.router.setSite("b" + i + ".example", "mx" + i + ".example");
        }
        List<Thread> threads = new ArrayList<>();
        for (String name : List.of("a", "b")) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < rounds; i++) {
                    harness.queue.submit(Destinations.of(TestEntries.entry(2L * i + (name.equals("a") ? 0 : 1), 0),
                            name + i + ".example", "", "", harness.clock.millis(), 0, 0, QueueHarness.SIZE));
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(harness.queue.stats().queued()).isEqualTo(2L * rounds);
        assertThat(harness.comingUp).as("sessions for suspended mail").isEmpty();
    }

    @Test
    void singleMessagesAreHeldAndNotSuspended() {
        assertThatThrownBy(() -> suspend(Map.of("older-than", List.of("1h")), 0))
                .hasMessageContaining("hold single messages instead");
    }
}
