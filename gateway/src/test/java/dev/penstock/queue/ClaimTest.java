package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.queue.Claimant.Answer;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Orders.Binding;
import dev.penstock.spool.QueuedDestination;

/** Messages that an operator's job takes out of wherever they wait. */
class ClaimTest {
    private static final String DOMAIN = "example.com";

    private final QueueHarness harness = QueueHarness.open();
    private final MailQueue queue = harness.queue;
    private final Job job = new Job();

    /** What it was given. */
    private static final class Job implements Claimant {
        final List<QueueItem> has = new ArrayList<>();
        final List<QueueItem> gone = new ArrayList<>();

        @Override
        public void has(QueueItem item, boolean reportAlone) {
            has.add(item);
        }

        @Override
        public void gone(QueueItem item) {
            gone.add(item);
        }
    }

    private List<QueueItem> all() {
        List<QueueItem> all = new ArrayList<>();
        QueueWalk walk = queue.walk(_ -> true);
        for (List<QueueItem> batch = walk.next((_, _) -> true); batch != null; batch = walk.next((_, _) -> true)) {
            all.addAll(batch);
        }
        return all;
    }

    private QueueItem one() {
        return all().getFirst();
    }

    @Test
    void readyMailIsTakenFromTheMiddleOfItsQueue() {
        long first = harness.submit(DOMAIN);
        harness.submit(DOMAIN);
        long last = harness.submit(DOMAIN);
        QueueItem middle = all().get(1);
        assertThat(queue.claim(middle, job)).isEqualTo(Answer.TAKEN);
        assertThat(queue.claim(middle, job)).as("it is in hand").isEqualTo(Answer.LATER);
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).containsExactly(first, last);
        queue.finished(middle);
        assertThat(job.gone).containsExactly(middle);
        assertThat(queue.stats().queued()).isZero();
    }

    @Test
    void mailThatWaitsForItsTimeIsTakenOffTheWheelAndGoesWhenItIsDueNow() {
        harness.submit(DOMAIN, "", "", QueueHarness.SIZE, 1, harness.clock.millis() + 3_600_000);
        QueueItem item = one();
        assertThat(queue.claim(item, job)).isEqualTo(Answer.TAKEN);
        harness.advance(Duration.ofHours(2));
        assertThat(harness.ready).as("nothing is due").isEmpty();
        queue.order(item, Orders.NONE, harness.clock.millis(), false);
        harness.advance(Duration.ofSeconds(1));
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).hasSize(1);
    }

    @Test
    void whatASessionHasIsTheJobsWhenTheAttemptIsOver() {
        harness.submit(DOMAIN);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        assertThat(queue.claim(item, job)).isEqualTo(Answer.LATER);
        queue.retry(item, harness.clock.millis() + 1_000, 1);
        assertThat(job.has).containsExactly(item);
        harness.advance(Duration.ofHours(1));
        assertThat(queue.stats().active()).isEqualTo(1);
        queue.order(item, Orders.NONE.hold("why", 0), 0, false);
        harness.advance(Duration.ofDays(400));
        assertThat(queue.items(DOMAIN, 1).getFirst().state()).isEqualTo(QueueItem.State.HELD);
        assertThat(queue.items(DOMAIN, 1).getFirst().attempts()).isEqualTo(1);
    }

    @Test
    void ofSeveralJobsEachHasItInTurnAndAllHearThatItIsGone() {
        harness.submit(DOMAIN);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        List<Job> jobs = List.of(job, new Job(), new Job(), new Job());
        jobs.forEach(each -> assertThat(queue.claim(item, each)).isEqualTo(Answer.LATER));
        assertThat(queue.unclaim(item, jobs.get(1))).isTrue();
        assertThat(queue.unclaim(item, jobs.get(1))).as("once").isFalse();
        queue.requeue(item);
        queue.order(item, Orders.NONE.hold("why", 0), 0, false);
        assertThat(jobs).extracting(each -> each.has.size()).as("the first's order gives it to the third")
                .containsExactly(1, 0, 1, 0);
        queue.finished(item);
        assertThat(jobs).extracting(each -> each.gone.size()).containsExactly(0, 0, 0, 1);
    }

    @Test
    void whatASessionPutsBackIsTheJobsToo() {
        harness.submit(DOMAIN);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        queue.claim(item, job);
        queue.requeue(item);
        assertThat(job.has).containsExactly(item);
        assertThat(harness.poll(harness.readyQueue(DOMAIN))).isNull();
    }

    @Test
    void aClaimThatIsWithdrawnChangesNothing() {
        harness.submit(DOMAIN);
        QueueItem item = harness.take(harness.readyQueue(DOMAIN));
        queue.claim(item, job);
        assertThat(queue.unclaim(item, job)).isTrue();
        queue.requeue(item);
        assertThat(job.has).isEmpty();
        assertThat(harness.drain(harness.readyQueue(DOMAIN))).hasSize(1);
    }

    @Test
    void mailIsReboundWithItsAccountAndItsRoute() {
        harness.submit(DOMAIN, "shop", "", QueueHarness.SIZE);
        QueueItem item = one();
        assertThat(queue.claim(item, job)).isEqualTo(Answer.TAKEN);
        Binding to = new Binding("other", "spring", "", "relay.example");
        queue.rebind(item, to, DOMAIN);
        queue.order(item, Orders.NONE.bind(to), harness.clock.millis(), false);
        harness.advance(Duration.ofSeconds(1));
        assertThat(queue.items(DOMAIN, 1)).isEmpty();
        assertThat(queue.items("relay.example", 1)).singleElement()
                .satisfies(view -> assertThat(view.tenant() + " " + view.campaign()).isEqualTo("other spring"));
        assertThat(harness.drain(harness.readyQueue("relay.example"))).hasSize(1);
        queue.accounts().sweep();
        assertThat(queue.accounts().stats().known()).as("nobody has anything queued").isZero();
    }

    @Test
    void ordersAreInForceAfterARestart() {
        QueuedDestination plain = dev.penstock.testing.Destinations.of(
                dev.penstock.spool.TestEntries.entry(7, 0), DOMAIN, "shop", "", harness.clock.millis(), 0, 0, 1);
        Orders orders = Orders.NONE.bind(new Binding("other", "", "", "")).hold("why", 0);
        queue.submit(new QueuedDestination(plain.entry(), plain.envelope(), DOMAIN, 0, 0, 1, orders));
        ItemView view = queue.items(DOMAIN, 1).getFirst();
        assertThat(view.state()).isEqualTo(QueueItem.State.HELD);
        assertThat(view.tenant()).isEqualTo("other");
        assertThat(view.waitingFor()).isEqualTo("its release by an operator: why");
        assertThat(view.nextAttemptMillis()).as("nobody knows").isZero();
    }

    @Test
    void aWalkSeesEachOnceInHoldsOfTheLockThatAreShort() {
        for (int i = 0; i < 3 * QueueWalk.BATCH + 7; i++) {
            harness.submit(DOMAIN);
        }
        harness.submit("other.example");
        QueueWalk walk = queue.walk(place -> place.domain().equals(DOMAIN));
        List<Integer> batches = new ArrayList<>();
        List<QueueItem> seen = new ArrayList<>();
        for (List<QueueItem> batch = walk.next((_, _) -> true); batch != null; batch = walk.next((_, _) -> true)) {
            batches.add(batch.size());
            seen.addAll(batch);
            QueueItem taken = harness.take(harness.readyQueue(DOMAIN)); // the walk isn't put off its place
            queue.finished(taken);
        }
        assertThat(batches).allMatch(size -> size <= QueueWalk.BATCH);
        assertThat(seen).doesNotHaveDuplicates().hasSize(3 * QueueWalk.BATCH + 7);
    }

    @Test
    void aWalkThatIsLeftLeavesNoMark() {
        for (int i = 0; i < 2 * QueueWalk.BATCH; i++) {
            harness.submit(DOMAIN);
        }
        QueueWalk walk = queue.walk(_ -> true);
        assertThat(walk.next((_, _) -> true)).hasSize(QueueWalk.BATCH);
        walk.close();
        SubQueue home = one().home;
        int linked = 0;
        for (QueueItem item = home.all.oldest(); item != null; item = item.newer) {
            linked++;
        }
        assertThat(linked).isEqualTo(home.all.size()).isEqualTo(2 * QueueWalk.BATCH);
    }
}
