package dev.penstock.verbs;

import static dev.penstock.verbs.VerbGateway.mail;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.delivery.Verbs.Words;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.ItemView;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.Selection;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.testing.Patience;
import dev.penstock.verbs.JobRequest.Details;
import dev.penstock.verbs.JobView.State;

/** What operators do to mail that waits, is attempted, or comes back after a restart. */
@Timeout(180)
class JobsTest {
    private static final long FAR = System.currentTimeMillis() + 3_600_000;

    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    private static List<String> bounces(VerbGateway gateway, MessageEvent.Type type) {
        return gateway.events(type).stream()
                .map(event -> event.recipients() + " " + event.response().code() + " " + event.response().enhanced()
                        + " " + event.response().text() + " " + event.meaning().bounceClass())
                .toList();
    }

    /** What just moves from one place to another may be in neither of those that are looked at. */
    private static ItemView item(VerbGateway gateway, String domain) {
        return await().pollDelay(Duration.ZERO)
                .until(() -> gateway.queue.items(domain, 10), items -> !items.isEmpty()).getFirst();
    }

    @Test
    void aBounceIsARefusalInTheOperatorsWordsAndItsSenderHearsOfIt() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("shop", "spring", FAR, "a@x.example", "b@x.example", "c@y.example").join();
            JobView job = gateway.run(Verb.BOUNCE, mail("domain", "x.example"),
                    Details.NONE.report(true).words(new Words(550, "5.7.0", "no longer wanted", "Withdrawn")));
            assertThat(job.state()).isEqualTo(State.DONE);
            assertThat(List.of(job.counted(), job.done(), job.failed())).containsExactly(1L, 1L, 0L);
            assertThat(bounces(gateway, MessageEvent.Type.BOUNCE))
                    .containsExactly("[a@x.example, b@x.example] 550 5.7.0 no longer wanted Withdrawn");
            assertThat(gateway.events(MessageEvent.Type.RECEPTION)).as("reports").singleElement()
                    .satisfies(report -> assertThat(report.recipients()).containsExactly(VerbGateway.SENDER));
            assertThat(gateway.queue.items("x.example", 10)).isEmpty();
            assertThat(gateway.queue.items("y.example", 10)).hasSize(1);
            assertThat(gateway.dispatcher.stats().removed()).isEqualTo(2);
            assertThat(gateway.dispatcher.stats().snapshot().bounced()).as("by receivers").isZero();
        }
    }

    @Test
    void withoutAReportNobodyHears() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("shop", "", FAR, "a@x.example").join();
            gateway.run(Verb.BOUNCE, mail("tenant", "shop"));
            assertThat(gateway.events).extracting(MessageEvent::type).containsExactly(MessageEvent.Type.BOUNCE);
            assertThat(gateway.queue.stats().queued()).isZero();
        }
    }

    @Test
    void whatIsDeletedIsInTheLogAloneAndGoneAfterARestart() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("shop", "", FAR, "a@x.example").join();
            gateway.accept("other", "", FAR, "b@x.example").join();
            gateway.run(Verb.DELETE, mail("tenant", "shop"));
            assertThat(gateway.events).extracting(event -> event.type().label()).containsExactly("AdminBounce");
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.recovered).extracting(each -> each.envelope().tenant()).containsExactly("other");
        }
    }

    @Test
    void sendersAndRecipientsAreSelectedByWhatTheSpoolKnows() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("", "", FAR, "a@x.example").join();
            gateway.accept("", "", FAR, "b@x.example").join();
            assertThat(gateway.jobs.count(mail("recipient", "b@x.example")).destinations()).isEqualTo(1);
            JobView job = gateway.run(Verb.DELETE, mail("recipient", "b@x.example"));
            assertThat(job.done()).isEqualTo(1);
            assertThat(gateway.events).extracting(MessageEvent::recipients).containsExactly(List.of("b@x.example"));
        }
    }

    @Test
    void whatADryRunCountsIsLeftAlone() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("", "", FAR, "a@x.example").join();
            gateway.accept("", "", FAR, "b@x.example", "c@y.example").join();
            JobCount count = gateway.jobs.count(Selection.EVERYTHING);
            assertThat(count.destinations()).isEqualTo(3);
            assertThat(count.domains()).containsExactly(new JobCount.OfDomain("x.example", 2),
                    new JobCount.OfDomain("y.example", 1));
            assertThat(gateway.queue.stats().queued()).isEqualTo(3);
        }
    }

    @Test
    void heldMailIsHeldOverARestartAndGoesWhenItIsReleased() throws Exception {
        try (FakeMx mx = new FakeMx()) {
            try (VerbGateway gateway = new VerbGateway(directory).start()) {
                gateway.accept("shop", "spring", FAR, "a@x.example").join();
                JobView job = gateway.run(Verb.HOLD, mail("campaign", "spring"));
                assertThat(job.done()).isEqualTo(1);
                assertThat(item(gateway, "x.example").state()).isEqualTo(QueueItem.State.HELD);
                assertThat(item(gateway, "x.example").waitingFor()).isEqualTo("its release by an operator: why");
            }
            try (VerbGateway again = new VerbGateway(directory)) {
                again.route("x.example", mx);
                again.start();
                assertThat(item(again, "x.example").state()).isEqualTo(QueueItem.State.HELD);
                JobView retry = again.run(Verb.RETRY, Selection.EVERYTHING);
                assertThat(retry.done()).as("of what is held").isZero();
                assertThat(again.run(Verb.RELEASE, mail("domain", "x.example")).done()).isEqualTo(1);
                again.awaitEvents(MessageEvent.Type.DELIVERY, 1);
                assertThat(mx.messages()).hasSize(1);
            }
        }
    }

    @Test
    void aHoldThatHasAnEndEndsByItself() throws Exception {
        try (FakeMx mx = new FakeMx(); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.accept("", "", FAR, "a@x.example").join();
            gateway.start();
            long end = System.currentTimeMillis() + 1_500;
            assertThat(gateway.run(Verb.HOLD, Selection.EVERYTHING, Details.NONE.until(end)).done()).isEqualTo(1);
            gateway.awaitEvents(MessageEvent.Type.DELIVERY, 1);
            assertThat(gateway.events(MessageEvent.Type.DELIVERY).getFirst().eventMillis())
                    .as("not before its end").isGreaterThan(end - 100);
        }
    }

    @Test
    void whatWasDeferredIsTriedNowAndOnceForEachJob() throws Exception {
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later"); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            gateway.awaitEvents(MessageEvent.Type.TRANSIENT_FAILURE, 1);
            await().until(() -> item(gateway, "x.example").state() == QueueItem.State.SCHEDULED);
            JobView job = gateway.run(Verb.RETRY, mail("domain", "x.example"));
            assertThat(job.done()).isEqualTo(1);
            gateway.awaitEvents(MessageEvent.Type.TRANSIENT_FAILURE, 2);
            await().until(() -> item(gateway, "x.example").state() == QueueItem.State.SCHEDULED);
            assertThat(item(gateway, "x.example").attempts()).isEqualTo(2);
            assertThat(item(gateway, "x.example").nextAttemptMillis())
                    .as("the schedule goes on").isGreaterThan(System.currentTimeMillis() + 3_000_000);
        }
    }

    @Test
    void whatIsDelayedWaitsAfterARestartToo() throws Exception {
        long until = System.currentTimeMillis() + 7_200_000;
        try (VerbGateway gateway = new VerbGateway(directory)) {
            gateway.accept("", "", "a@x.example");
            gateway.router.set("x.example",
                    new dev.penstock.routing.Route.Failure(false, 451, "4.4.3", "no route"));
            gateway.start();
            gateway.awaitEvents(MessageEvent.Type.TRANSIENT_FAILURE, 1);
            gateway.run(Verb.DELAY, mail("domain", "x.example"), Details.NONE.until(until));
            assertThat(item(gateway, "x.example").nextAttemptMillis()).isBetween(until - 100, until + 100);
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            again.start();
            assertThat(item(again, "x.example").nextAttemptMillis()).isBetween(until - 100, until + 100);
            assertThat(item(again, "x.example").attempts()).isEqualTo(1);
        }
    }

    @Test
    void reboundMailIsTheOthersAndTakesTheOtherRouteAfterARestartToo() throws Exception {
        try (FakeMx relay = new FakeMx()) {
            try (VerbGateway gateway = new VerbGateway(directory).start()) {
                gateway.accept("shop", "spring", FAR, "a@x.example").join();
                gateway.run(Verb.REBIND, mail("tenant", "shop"),
                        Details.NONE.bind("other", null, null, "relay.example"));
                assertThat(gateway.queue.items("x.example", 1)).isEmpty();
                assertThat(item(gateway, "relay.example").tenant()).isEqualTo("other");
            }
            try (VerbGateway again = new VerbGateway(directory)) {
                again.route("relay.example", relay);
                again.start();
                assertThat(again.run(Verb.RETRY, mail("domain", "relay.example")).done()).isEqualTo(1);
                again.awaitEvents(MessageEvent.Type.DELIVERY, 1);
                MessageEvent event = again.events(MessageEvent.Type.DELIVERY).getFirst();
                assertThat(List.of(event.tenant(), event.campaign(), event.domain(), event.site()))
                        .containsExactly("other", "spring", "x.example", "default->relay.example");
                assertThat(relay.messages()).singleElement()
                        .satisfies(message -> assertThat(message.recipients()).containsExactly("a@x.example"));
            }
        }
    }

    @Test
    void whatASessionHasInHandIsBouncedWhenItComesBack() throws Exception {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell begun
                await go
                S: 451 4.3.0 later
                """); VerbGateway gateway = new VerbGateway(directory)) {
            mx.on("MAIL", "451 4.3.0 later");
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            mx.awaitStep("begun");
            JobView job = gateway.jobs.begin(
                    VerbGateway.request(Verb.BOUNCE, mail("domain", "x.example"), Details.NONE));
            await().until(() -> gateway.jobs.find(job.id()).orElseThrow().inHand() == 1);
            assertThat(gateway.events(MessageEvent.Type.BOUNCE)).isEmpty();
            mx.release("go");
            JobView over = gateway.over(job.id());
            assertThat(List.of(over.done(), over.inHand())).containsExactly(1L, 0L);
            assertThat(gateway.events).extracting(MessageEvent::type).containsExactly(
                    MessageEvent.Type.TRANSIENT_FAILURE,
                    MessageEvent.Type.BOUNCE);
        }
    }

    @Test
    void jobsWaitForTheSameMessageOneAfterTheOther() throws Exception {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell begun
                await go
                S: 451 4.3.0 later
                """); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            mx.awaitStep("begun");
            List<String> ids = new ArrayList<>();
            for (Verb verb : List.of(Verb.HOLD, Verb.RELEASE, Verb.DELETE)) {
                ids.add(gateway.jobs.begin(VerbGateway.request(verb, mail("domain", "x.example"), Details.NONE)).id());
                if (verb == Verb.HOLD) {
                    await().until(() -> gateway.jobs.find(ids.getFirst()).orElseThrow().inHand() == 1);
                }
            }
            await().until(() -> gateway.jobs.find(ids.getLast()).orElseThrow().inHand() == 1);
            mx.release("go");
            assertThat(gateway.over(ids.getFirst()).done()).isEqualTo(1);
            assertThat(gateway.over(ids.getLast()).done()).isEqualTo(1);
            assertThat(gateway.over(ids.get(1)).state()).isEqualTo(State.DONE);
        }
    }

    @Test
    void aCanceledJobWaitsForNobody() throws Exception {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell begun
                await go
                S: 451 4.3.0 later
                """); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            mx.awaitStep("begun");
            JobView job = gateway.jobs.begin(
                    VerbGateway.request(Verb.BOUNCE, mail("domain", "x.example"), Details.NONE));
            await().until(() -> gateway.jobs.find(job.id()).orElseThrow().inHand() == 1);
            gateway.jobs.cancel(job.id(), "op", "not so");
            assertThat(gateway.over(job.id()).state()).isEqualTo(State.CANCELED);
            mx.release("go");
            gateway.awaitEvents(MessageEvent.Type.TRANSIENT_FAILURE, 1);
            await().until(() -> item(gateway, "x.example").state() == QueueItem.State.SCHEDULED);
            assertThat(gateway.events(MessageEvent.Type.BOUNCE)).isEmpty();
        }
    }

    @Test
    void whatComesAfterItBeganIsNotTouched() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("", "", FAR, "a@x.example").join();
            JobView job = gateway.run(Verb.BOUNCE, Selection.EVERYTHING, Details.NONE.report(true));
            assertThat(job.done()).isEqualTo(1);
            assertThat(gateway.queue.stats().queued()).as("the report").isEqualTo(1);
        }
    }

    @Test
    void aTenantsReportsAreNotItsMail() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("shop", "spring", FAR, "a@x.example").join();
            gateway.run(Verb.BOUNCE, mail("tenant", "shop"), Details.NONE.report(true));
            assertThat(gateway.queue.stats().queued()).as("the report").isEqualTo(1);
            assertThat(gateway.run(Verb.DELETE, mail("tenant", "shop")).counted()).isZero();
            assertThat(gateway.run(Verb.DELETE, mail("domain", "source.example")).done()).isEqualTo(1);
        }
    }

    @Test
    void aKeyBeginsOneJobWhoeverAsksHowOftenAtOnce() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            gateway.accept("", "", FAR, "a@x.example").join();
            JobRequest request = new JobRequest(Verb.HOLD, mail("domain", "x.example"), "op", "why", "key-1", 0,
                    Details.NONE);
            List<Callable<String>> calls = IntStream.range(0, 500)
                    .<Callable<String>>mapToObj(_ -> () -> gateway.jobs.begin(request).id()).toList();
            for (Future<String> id : threads.invokeAll(calls)) {
                assertThat(id.get()).isEqualTo(gateway.jobs.all().getFirst().id());
            }
            assertThat(gateway.jobs.all()).hasSize(1);
            assertThatThrownBy(() -> gateway.jobs.begin(new JobRequest(Verb.DELETE, mail("domain", "x.example"), "op",
                    "why", "key-1", 0, Details.NONE))).hasMessageContaining("another job");
            gateway.over(gateway.jobs.all().getFirst().id());
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.jobs.all()).singleElement()
                    .satisfies(job -> assertThat(job.state()).isEqualTo(State.DONE));
        }
    }

    @Test
    void fiveHundredJobsAtOnceDoToEachMessageWhatOneWould() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 200; i++) {
                gateway.accept("t" + i % 5, "", FAR, "r" + i + "@d" + i % 10 + ".example").join();
            }
            List<Callable<JobView>> calls = IntStream.range(0, 500).<Callable<JobView>>mapToObj(
                    i -> () -> gateway.jobs.begin(VerbGateway.request(i % 2 == 0 ? Verb.BOUNCE : Verb.HOLD,
                            mail("domain", "d" + i % 10 + ".example"), Details.NONE)))
                    .toList();
            for (Future<JobView> job : threads.invokeAll(calls)) {
                gateway.over(job.get().id());
            }
            assertThat(gateway.events(MessageEvent.Type.BOUNCE)).extracting(MessageEvent::id).doesNotHaveDuplicates();
            // d1, d3, … are held alone, since their number is odd
            assertThat(gateway.events(MessageEvent.Type.BOUNCE)).hasSize(100);
            assertThat(gateway.queue.stats().queued()).isEqualTo(100);
        }
    }

    @Test
    void aJobThatCannotBeRecordedIsNotBegun() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("", "", FAR, "a@x.example").join();
            Files.createDirectory(directory.resolve("jobs")); // nothing can be appended to it
            assertThatThrownBy(() -> gateway.run(Verb.DELETE, Selection.EVERYTHING))
                    .isInstanceOf(java.io.IOException.class);
            assertThat(gateway.jobs.all()).isEmpty();
            assertThat(gateway.queue.stats().queued()).isEqualTo(1);
        }
    }

    @Test
    void aFileThatIsTooLargeIsSetAsideAndTheStartIsNotBlocked() throws Exception {
        Path file = directory.resolve("jobs");
        try (RandomAccessFile large = new RandomAccessFile(file.toFile(), "rw")) {
            large.setLength(JobsFile.MAX_FILE + 1L);
        }
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            assertThat(gateway.jobs.all()).isEmpty();
            assertThat(directory.resolve("jobs.damaged")).hasSize(JobsFile.MAX_FILE + 1L);
            gateway.run(Verb.HOLD, Selection.EVERYTHING);
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.jobs.all()).hasSize(1);
        }
    }

    @Test
    void moreThanAStartReadsIsNotBegunAndWhatIsOverIsForgottenForIt() throws Exception {
        String much = "x".repeat(Jobs.MOST_OCTETS * 2 / 5); // two fit
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell begun
                await go
                S: 451 4.3.0 later
                """); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            mx.awaitStep("begun");
            JobRequest request = new JobRequest(Verb.HOLD, mail("domain", "x.example"), "op", much, null, 0,
                    Details.NONE);
            List<String> ids = List.of(gateway.jobs.begin(request).id(), gateway.jobs.begin(request).id());
            assertThatThrownBy(() -> gateway.jobs.begin(request)).isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("cancel some");
            for (String id : ids) {
                gateway.jobs.cancel(id, "op", "why");
                gateway.over(id);
            }
            String third = gateway.jobs.begin(request).id();
            gateway.jobs.cancel(third, "op", "why");
            gateway.over(third);
            String fourth = gateway.jobs.begin(request).id();
            assertThat(gateway.jobs.all()).extracting(JobView::id).as("two that are over, and the open one")
                    .containsExactly(fourth, third, ids.get(1));
            mx.release("go");
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.jobs.all()).hasSize(3);
            assertThat(Files.size(directory.resolve("jobs"))).isLessThan(JobsFile.MAX_FILE);
        }
    }

    @Test
    void aJobWhoseMessageCannotBeToldOfKeepsItAndSaysSo() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            MessageId id = gateway.accept("", "", FAR, "a@x.example").join();
            gateway.disk.room(8 << 20);
            await().until(() -> gateway.spool.health().state() == dev.penstock.spool.SpoolHealth.State.FULL);
            JobView job = gateway.run(Verb.BOUNCE, mail("id", id.toString()), Details.NONE.report(true));
            assertThat(List.of(job.done(), job.failed())).containsExactly(0L, 1L);
            assertThat(job.error()).contains("report");
            assertThat(gateway.queue.stats().queued()).isEqualTo(1);
        }
    }

    @Test
    void whatIsRemovedThoughThatCannotBeRecordedHasFailed() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("", "", FAR, "a@x.example").join();
            gateway.disk.failSyncs(true);
            JobView job = gateway.run(Verb.DELETE, mail("domain", "x.example"));
            assertThat(List.of(job.done(), job.failed())).containsExactly(0L, 1L);
            assertThat(job.error()).isNotEmpty();
        }
    }

    @Test
    void whatALaterJobDidIsNotUndoneByOneThatIsStillOpen() throws Exception {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell begun
                await go
                S: 451 4.3.0 later
                """); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("slow.example", mx);
            gateway.router.set("x.example", new dev.penstock.routing.Route.Failure(false, 451, "4.4.3", "no route"));
            gateway.start();
            gateway.accept("", "", "a@slow.example");
            gateway.accept("", "", FAR, "b@x.example").join();
            mx.awaitStep("begun");
            JobView hold = gateway.jobs.begin(VerbGateway.request(Verb.HOLD, Selection.EVERYTHING, Details.NONE));
            await().until(() -> gateway.jobs.find(hold.id()).orElseThrow().inHand() == 1
                    && item(gateway, "x.example").state() == QueueItem.State.HELD);
            assertThat(gateway.run(Verb.RELEASE, mail("domain", "x.example")).done()).isEqualTo(1);
            await().during(Job.LOOK_AGAIN.plusSeconds(1)).atMost(Patience.LONG)
                    .until(() -> item(gateway, "x.example").state() != QueueItem.State.HELD);
            mx.release("go");
            assertThat(gateway.over(hold.id()).done()).as("each once").isEqualTo(2);
            assertThat(item(gateway, "x.example").state()).isNotEqualTo(QueueItem.State.HELD);
            assertThat(item(gateway, "slow.example").state()).isEqualTo(QueueItem.State.HELD);
        }
    }

    @Test
    void aMessageThatCannotBeReadHasFailedAndTheJobEnds() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.accept("", "", FAR, "a@x.example").join();
        }
        try (VerbGateway again = new VerbGateway(directory).start()) { // which has nothing of it in its cache
            again.disk.failReads(true);
            JobView job = again.run(Verb.DELETE, mail("domain", "x.example"));
            assertThat(List.of(job.done(), job.failed())).containsExactly(0L, 1L);
            assertThat(job.error()).contains("can't be read");
            assertThat(again.queue.stats().queued()).isEqualTo(1);
        }
    }

    @Test
    void heldMailThatIsReleasedWhenItIsTooOldGetsItsAttempt() throws Exception {
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later"); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            gateway.awaitEvents(MessageEvent.Type.TRANSIENT_FAILURE, 1);
            assertThat(gateway.run(Verb.HOLD, Selection.EVERYTHING).done()).isEqualTo(1);
            gateway.dispatcher.reconfigure(VerbGateway.PATIENT.with(QueueConfig.MAX_AGE, Duration.ZERO),
                    DeliveryConfig.DEFAULT);
            mx.on("RCPT", "250 2.1.5 ok");
            gateway.run(Verb.RELEASE, Selection.EVERYTHING);
            gateway.awaitEvents(MessageEvent.Type.DELIVERY, 1);
            assertThat(gateway.events(MessageEvent.Type.EXPIRATION)).isEmpty();
        }
    }

    /** As when somebody sets it back just after the job had expired. */
    @Test
    void aLookThatBrokeOffIsNeitherACountNorTheEnd() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            for (int i = 0; i < 5; i++) {
                gateway.accept("", "", FAR, "r" + i + "@x.example").join();
            }
            long expires = 10_000;
            AtomicInteger looks = new AtomicInteger();
            InstantSource clock = () -> Instant.ofEpochMilli(looks.incrementAndGet() == 3 ? expires : expires - 1);
            JobRequest request = new JobRequest(Verb.HOLD, mail("domain", "x.example"), "op", "why", null, expires,
                    Details.NONE);
            Job job = new Job(new JobsFile.Kept(1, request, System.currentTimeMillis(), gateway.spool.nextId(),
                    State.WAITING, 0, -1, 0, 0, 0, ""), gateway.queue, gateway.dispatcher.verbs(), gateway.spool,
                    clock);
            job.run(() -> {});
            assertThat(List.of(job.view().state(), job.view().done())).containsExactly(State.EXPIRED, 0L);
            assertThat(job.view().counted()).as("of two of five nothing is said").isEqualTo(-1);
        }
    }

    @Test
    void anExpiredJobEnds() throws Exception {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                tell begun
                await go
                S: 451 4.3.0 later
                """); VerbGateway gateway = new VerbGateway(directory)) {
            gateway.route("x.example", mx);
            gateway.start();
            gateway.accept("", "", "a@x.example");
            mx.awaitStep("begun");
            JobView job = gateway.jobs.begin(new JobRequest(Verb.HOLD, mail("domain", "x.example"), "op", "why", null,
                    System.currentTimeMillis() + 300, Details.NONE));
            assertThat(gateway.over(job.id()).state()).isEqualTo(State.EXPIRED);
            mx.release("go");
        }
    }
}
