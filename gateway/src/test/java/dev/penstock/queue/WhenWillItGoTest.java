package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MessageId;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.units.MailClass;

/** What is said of a message that waits against when it goes, in virtual time. */
class WhenWillItGoTest {
    private static final String DOMAIN = "example.com";
    private static final Duration INTERVAL = Duration.ofMillis(500);
    private static final Duration SUSPENDED = Duration.ofMinutes(20);

    private final FakeLimitBook book = new FakeLimitBook();
    private final QueueHarness harness = QueueHarness.open(book);
    private final Map<Long, Long> expected = new HashMap<>();
    private final List<Double> errors = new ArrayList<>();

    @BeforeEach
    void weigh() {
        harness.reconfigure(QueueHarness.weights(Map.of("heavy", 3, "light", 1)), Map.of());
    }

    private List<Long> submit(int messages, String tenant) {
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < messages; i++) {
            ids.add(harness.submit(DOMAIN, tenant, "", QueueHarness.SIZE));
        }
        return ids;
    }

    private Why why(long id) {
        return harness.queue.why(DOMAIN, new MessageId(id)).orElseThrow();
    }

    private void ask(List<Long> ids, int each) {
        for (int i = each - 1; i < ids.size(); i += each) {
            long goes = why(ids.get(i)).expectedMillis();
            if (goes > 0) {
                expected.put(ids.get(i), goes - harness.clock.millis());
                askedMillis = harness.clock.millis();
            }
        }
    }

    private long askedMillis;

    /** One message leaves each {@link #INTERVAL}, while it may. */
    private void send(int messages) {
        ReadyQueue queue = harness.readyQueue(DOMAIN);
        for (int i = 0; i < messages; i++) {
            harness.advance(INTERVAL);
            sendOne(queue);
        }
    }

    /** All leave that may, so many times. */
    private void sendAll(int times, Duration each) {
        ReadyQueue queue = harness.readyQueue(DOMAIN);
        for (int i = 0; i < times; i++) {
            harness.advance(each);
            while (sendOne(queue)) {
                // until a limit holds back the next
            }
        }
    }

    private boolean sendOne(ReadyQueue queue) {
        QueueItem item = harness.poll(queue);
        if (item == null) {
            return false;
        }
        Long told = expected.remove(item.entry().messageId());
        if (told != null) {
            double waited = harness.clock.millis() - askedMillis;
            errors.add(Math.abs(waited - told) / waited);
        }
        harness.queue.sent(item, 1);
        harness.queue.finished(item);
        return true;
    }

    private double errorOfNineInTen() {
        List<Double> sorted = errors.stream().sorted().toList();
        return sorted.get((int) Math.ceil(0.9 * sorted.size()) - 1);
    }

    @Test
    void nothingIsToldOfAQueueThatHasNotBegun() {
        List<Long> ids = submit(100, "heavy");
        assertThat(why(ids.getLast())).returns(0L, Why::expectedMillis).returns(-1.0, Why::error);
    }

    @Test
    void twoTenantsThatShareARateByWeightAreEachToldTheirTime() {
        List<Long> heavy = submit(600, "heavy");
        List<Long> light = submit(600, "light");
        send(100);
        ask(heavy.subList(100, 600), 50);
        ask(light.subList(100, 600), 50);
        long last = why(heavy.getLast()).expectedMillis();
        assertThat(last).as("3 of 4 are heavy's").isLessThan(why(light.getLast()).expectedMillis());
        send(1_100);
        assertThat(errors).hasSize(20);
        assertThat(errorOfNineInTen()).isLessThan(0.05);
    }

    @Test
    void aSuspensionInTheMiddleIsAddedAndDoesNotSlowWhatFollows() {
        List<Long> heavy = submit(800, "heavy");
        List<Long> light = submit(800, "light");
        send(200);
        ReadyQueue queue = harness.readyQueue(DOMAIN);
        long before = why(heavy.getLast()).expectedMillis();
        requireNonNull(queue.suspend(SUSPENDED, "told"));
        harness.endSessions(queue);
        harness.advance(SUSPENDED.dividedBy(2));
        long during = why(heavy.getLast()).expectedMillis();
        assertThat((double) during - before).as("what it costs").isBetween(0.95 * SUSPENDED.toMillis(),
                1.05 * SUSPENDED.toMillis());
        ask(heavy.subList(300, 800), 50);
        ask(light.subList(100, 800), 50);
        harness.advance(SUSPENDED.dividedBy(2));
        send(1_400);
        assertThat(errors).hasSize(24);
        assertThat(errorOfNineInTen()).isLessThan(0.1);
    }

    @Test
    void aPauseOfTheReceiverIsAddedAndThoseToComeSlowWhatFollows() {
        List<Long> ids = submit(800, "heavy");
        send(200);
        long end = harness.clock.nanoTime() + SUSPENDED.toNanos();
        book.prospect(new Prospect(Prospect.State.PAUSED, end, 0.2, 0.5));
        Why why = why(ids.getLast());
        assertThat(why.pausedUntilMillis()).isEqualTo(harness.clock.millis() + SUSPENDED.toMillis());
        assertThat(why.pauses()).isEqualTo(0.2);
        double flows = 600 * INTERVAL.toMillis() / 0.5 / 0.8;
        assertThat((double) why.expectedMillis() - why.pausedUntilMillis()).isBetween(0.97 * flows, 1.03 * flows);
        assertThat(harness.queue.readyQueues()).singleElement()
                .satisfies(queue -> assertThat((double) queue.lastGoesMillis() - why.pausedUntilMillis())
                        .isBetween(0.97 * flows, 1.03 * flows));

        book.prospect(Prospect.UNKNOWN);
        assertThat(why(ids.getLast()).expectedMillis()).as("nobody knows").isZero();
    }

    @Test
    void whatGoesAsProbesIsNotHowFastMailGoes() {
        List<Long> ids = submit(800, "heavy");
        send(200);
        book.others((_, _) -> new PathLimits(TrafficLimits.DEFAULT, List.of(), true));
        harness.shaper.changed();
        for (int probe = 0; probe < 5; probe++) {
            harness.advance(Duration.ofMinutes(2));
            send(1);
        }
        book.others((_, _) -> new PathLimits(TrafficLimits.DEFAULT, List.of(), false));
        harness.shaper.changed();
        book.prospect(new Prospect(Prospect.State.FLOWS, 0, 0, 1));
        double wait = why(ids.getLast()).expectedMillis() - harness.clock.millis();
        assertThat(wait).isBetween(0.97 * 595 * INTERVAL.toMillis(), 1.03 * 595 * INTERVAL.toMillis());
    }

    @Test
    void aTenantThatIsSuspendedIsToldItsTimeAndTheOtherItsOwn() {
        List<Long> heavy = submit(400, "heavy");
        List<Long> light = submit(400, "light");
        send(100);
        requireNonNull(harness.readyQueue(DOMAIN).suspendTenant("heavy", SUSPENDED, "named"));
        long end = harness.clock.millis() + SUSPENDED.toMillis();
        assertThat(why(heavy.getLast())).returns(QueueItem.State.SUSPENDED, Why::state)
                .satisfies(why -> assertThat(why.expectedMillis()).isGreaterThan(end));
        long alone = why(light.getLast()).expectedMillis() - harness.clock.millis();
        assertThat((double) alone).isBetween(0.95 * 375 * INTERVAL.toMillis(), 1.05 * 375 * INTERVAL.toMillis());
    }

    /** A limit of a tenant's own, which campaigns of his share, holds back less than all that a path takes. */
    @Test
    void mailThatItsSendersLimitHoldsBackIsToldTheTimeThatThisTakes() {
        book.senders((_, sender) -> sender.tenant().equals("light")
                ? List.of(FakeLimitBook.rate(Measure.MESSAGE_RATE, "per-tenant", "light", "1/5s"))
                : List.of());
        submit(2_000, "heavy");
        List<Long> spring = new ArrayList<>();
        List<Long> autumn = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            spring.add(harness.submit(DOMAIN, "light", "spring", QueueHarness.SIZE));
            autumn.add(harness.submit(DOMAIN, "light", "autumn", QueueHarness.SIZE));
        }
        send(200);
        ask(spring.subList(20, 60), 5);
        ask(autumn.subList(20, 60), 5);
        send(1_100);
        assertThat(errors).hasSize(16);
        assertThat(errorOfNineInTen()).isLessThan(0.1);
    }

    @Test
    void aLimitOfTheOnlySenderIsNoPauseOfThePath() {
        List<Long> all = submit(2_200, "light");
        send(400);
        book.senders((_, _) -> List.of(FakeLimitBook.rate(Measure.MESSAGE_RATE, "per-tenant", "light", "1/5s")));
        harness.shaper.changed();
        sendAll(1_000, Duration.ofSeconds(5));
        ask(all.subList(1_420, 1_600), 20);
        sendAll(300, Duration.ofSeconds(5));
        assertThat(errors).hasSize(9);
        assertThat(errorOfNineInTen()).isLessThan(0.05);
    }

    @Test
    void mailThatComesAfterALongTimeIsToldTheTimeThatItsLimitTakesNow() {
        book.senders((_, sender) -> sender.tenant().equals("light")
                ? List.of(FakeLimitBook.rate(Measure.MESSAGE_RATE, "per-tenant", "light", "1/5s"))
                : List.of());
        submit(10_000, "heavy");
        for (int i = 0; i < 500; i++) {
            harness.submit(DOMAIN, "light", "spring", QueueHarness.SIZE);
        }
        for (int i = 0; i < 4; i++) { // one at a time, each of which waits for spring's
            harness.submit(DOMAIN, "light", "autumn", QueueHarness.SIZE);
            send(1_000);
        }
        List<Long> autumn = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            autumn.add(harness.submit(DOMAIN, "light", "autumn", QueueHarness.SIZE));
        }
        send(100);
        ask(autumn.subList(10, 50), 10);
        send(1_000);
        assertThat(errors).hasSize(4);
        assertThat(errorOfNineInTen()).isLessThan(0.15);
    }

    @Test
    void transactionalMailIsToldThatItGoesBeforeBulk() {
        submit(1_000, "heavy");
        send(100);
        for (int i = 0; i < 99; i++) {
            harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "light", "");
        }
        long id = harness.submit(MailClass.TRANSACTIONAL, DOMAIN, "light", "");
        double wait = why(id).expectedMillis() - harness.clock.millis();
        assertThat(wait).as("100 and a tenth of bulk").isBetween(105.0 * INTERVAL.toMillis(),
                115.0 * INTERVAL.toMillis());
    }

    /** The queue's own probes say the same of it. */
    @Test
    void theErrorThatIsShownIsThatOfProbes() {
        submit(100, "heavy");
        send(50);
        for (int round = 0; round < 10; round++) {
            submit(200, "heavy");
            send(150);
        }
        assertThat(harness.queue.readyQueues()).singleElement()
                .satisfies(queue -> assertThat(queue.error()).isBetween(0.0, 0.1))
                .satisfies(queue -> assertThat(queue.probes()).isGreaterThanOrEqualTo(2))
                .satisfies(queue -> assertThat((double) queue.lastGoesMillis() - harness.clock.millis())
                        .isBetween(0.9 * queue.ready() * INTERVAL.toMillis(),
                                1.1 * queue.ready() * INTERVAL.toMillis()));
    }

    @Test
    void whyOfADomainIsThatOfItsNext() {
        submit(500, "heavy");
        send(100);
        Why next = harness.queue.whyDomain(DOMAIN).orElseThrow();
        assertThat(next.state()).isEqualTo(QueueItem.State.READY);
        assertThat(next.expectedMillis() - harness.clock.millis()).isBetween(1L, 2 * INTERVAL.toMillis());
        assertThat(harness.queue.whyDomain("other.example")).isEmpty();
    }
}
