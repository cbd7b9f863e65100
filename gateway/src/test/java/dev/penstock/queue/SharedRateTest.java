package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.units.MailClass;

/**
 * The real queue in virtual time before a provider with the hosts of 383 domains and more, all of which share its limits:
 * sessions come up, wait for their slots, send, idle and end, as a delivery session does.
 */
@Timeout(900)
class SharedRateTest {
    private static final int DOMAINS = 383;
    private static final int BACKLOG = 2_000; // messages of each
    private static final int RATE = 50; // a second
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long CONNECTS = 40 * MILLI;
    private static final long SENDS = 60 * MILLI;
    private static final long IDLES = TrafficLimits.DEFAULT.idleTimeout().toNanos();

    private final FakeLimitBook book = new FakeLimitBook();
    private final SplittableRandom random = new SplittableRandom(20_261_130);
    private final QueueHarness harness = QueueHarness.open(book);
    private final SteppedQueue stepped = new SteppedQueue(harness.queue);
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long numbers;
    private final Map<Long, Long> submittedNanos = new HashMap<>();
    private final List<Sent> sent = new ArrayList<>();

    private record Event(long nanos, long number, Runnable what) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return nanos != other.nanos ? Long.compare(nanos, other.nanos) : Long.compare(number, other.number);
        }
    }

    private record Sent(MailClass mailClass, long nanos, long waitedNanos) {}

    /** As {@code delivery.DeliverySession}, with one message at a time. */
    private final class Connection {
        private final Session handle;
        private final ReadyQueue queue;
        private final Slot slot;
        private @Nullable QueueItem inHand;
        private boolean waits;
        private long tries;
        private int transactions;

        Connection(Session handle) {
            this.handle = handle;
            this.queue = handle.queue();
            this.slot = queue.messages().slot(() -> in(0, this::slotCame));
            in(CONNECTS, () -> goesOn(harness.admission.up(handle)));
        }

        private void goesOn(@Nullable QueueItem item) {
            if (item != null) {
                transact(item);
            } else if (handle.permit().isWanted(queue.waitingAt())) {
                end();
            } else {
                idle();
            }
        }

        private void idle() {
            long idle = ++tries;
            QueueItem there = stepped.idles(handle, () -> in(0, () -> resumed(idle)));
            if (there != null) {
                tries++;
                transact(there);
                return;
            }
            in(IDLES, () -> {
                if (tries == idle) {
                    stepped.dismiss(handle);
                }
            });
        }

        private void resumed(long idle) {
            if (tries != idle) {
                return;
            }
            tries++;
            QueueItem item = stepped.handed(handle);
            if (item == null) {
                end();
            } else {
                transact(item);
            }
        }

        private void transact(QueueItem item) {
            boolean urgent = item.mailClass() == MailClass.TRANSACTIONAL;
            slot.take(Cost.ONE, item.mailClass(), IDLES, harness.clock.nanoTime());
            if (slot.isTaken()) {
                send(item);
            } else if (!slot.isWaiting()) {
                queue.hold();
                harness.queue.requeue(item);
                end();
            } else {
                inHand = item;
                if (urgent && !queue.hasIdle()) { // it waits in its queue
                    inHand = null;
                    harness.queue.requeue(item);
                    slot.take(Cost.ONE, MailClass.BULK, IDLES, harness.clock.nanoTime());
                }
                waits = true;
                queue.pacing(true);
                long wait = ++tries;
                in(IDLES + SECOND, () -> {
                    if (waits && tries == wait) {
                        slotIsOthers();
                    }
                });
            }
        }

        private void slotIsOthers() {
            waits = false;
            slot.giveBack(harness.clock.nanoTime());
            queue.pacing(false);
            queue.hold();
            QueueItem item = inHand;
            if (item != null) {
                inHand = null;
                harness.queue.requeue(item);
            }
            end();
        }

        private void slotCame() {
            if (!waits || !slot.isTaken()) {
                return;
            }
            waits = false;
            queue.pacing(false);
            QueueItem item = inHand;
            inHand = null;
            if (item != null && queue.isOvertaken(item)) {
                harness.queue.requeue(item);
                item = null;
            }
            item = item == null ? queue.next(handle) : item;
            if (item == null) {
                slot.giveBack(harness.clock.nanoTime());
                goesOn(null);
            } else {
                transact(item);
            }
        }

        private void send(QueueItem item) {
            long now = harness.clock.nanoTime();
            slot.used();
            Long since = submittedNanos.remove(item.entry().messageId());
            sent.add(new Sent(item.mailClass(), now, since == null ? 0 : now - since));
            in(SENDS, () -> {
                harness.admission.proved(handle);
                harness.queue.finished(item);
                boolean worn = ++transactions >= 20 && handle.permit().isWanted(queue.waitingAt());
                if (worn) {
                    end();
                } else {
                    goesOn(queue.next(handle));
                }
            });
        }

        private void end() {
            harness.admission.ended(handle);
        }
    }

    private void in(long nanos, Runnable what) {
        events.add(new Event(harness.clock.nanoTime() + nanos, numbers++, what));
    }

    private void limits(SharedLimit... limits) {
        book.others((_, _) -> new PathLimits(TrafficLimits.DEFAULT, List.of(limits)));
    }

    private static String domain(int number) {
        return "d" + number + ".example";
    }

    private void submit(MailClass mailClass, int domain, int messages) {
        for (int i = 0; i < messages; i++) {
            long id = harness.submit(mailClass, domain(domain), "t" + domain % 7, "");
            if (mailClass == MailClass.TRANSACTIONAL) {
                submittedNanos.put(id, harness.clock.nanoTime());
            }
        }
    }

    private void allAreFullOfBulk() {
        for (int i = 0; i < DOMAINS; i++) {
            submit(MailClass.BULK, i, BACKLOG);
        }
    }

    private void passes(long nanos) {
        long end = harness.clock.nanoTime() + nanos;
        while (true) {
            long now = harness.clock.nanoTime();
            harness.shaper.runDue();
            long wait = Math.min(end - now, Math.min(stepped.turn(), harness.shaper.turn()));
            while (!harness.comingUp.isEmpty()) {
                new Connection(harness.comingUp.removeFirst());
            }
            while (!events.isEmpty() && events.peek().nanos <= now) {
                events.remove().what.run();
                wait = 0;
            }
            if (now >= end) {
                return;
            }
            if (!events.isEmpty()) {
                wait = Math.min(wait, events.peek().nanos - now);
            }
            harness.clock.advanceNanos(Math.clamp(wait, 0, 10 * MILLI));
        }
    }

    private List<Long> waits(MailClass mailClass) {
        List<Long> waits = new ArrayList<>();
        for (Sent each : sent) {
            if (each.mailClass == mailClass) {
                waits.add(each.waitedNanos / MILLI);
            }
        }
        Collections.sort(waits);
        return waits;
    }

    private long count(MailClass mailClass) {
        return sent.stream().filter(each -> each.mailClass == mailClass).count();
    }

    private static long percentile(List<Long> sorted, int percent) {
        return sorted.get((sorted.size() - 1) * percent / 100);
    }

    @Test
    void transactionalMailOfAnyDomainGoesWithinASecondWhileAllAreFullOfBulk() {
        limits(FakeLimitBook.messages("provider", RATE + "/s"));
        allAreFullOfBulk();
        passes(30 * SECOND);
        sent.clear();
        long begun = harness.clock.nanoTime();
        for (int i = 0; i < 300; i++) { // into their queues, and into some that have nothing else
            submit(MailClass.TRANSACTIONAL, random.nextInt(DOMAINS + 100), random.nextInt(1, 4));
            passes(random.nextLong(2 * SECOND));
        }
        long time = harness.clock.nanoTime() - begun;
        List<Long> waits = waits(MailClass.TRANSACTIONAL);
        assertThat(waits).hasSizeGreaterThan(500);
        assertThat(percentile(waits, 99)).as("p50 %d, p99, most %d ms of %d", percentile(waits, 50), waits.getLast(),
                waits.size()).isLessThan(1_000);
        assertThat((double) sent.size()).as("messages in all").isBetween(0.98 * RATE * time / SECOND,
                (double) RATE * time / SECOND + 2);
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 30})
    void bulkKeepsItsShareHoweverMuchTransactionalMailThereIs(int percent) {
        harness.queue.reconfigure(QueueConfig.DEFAULT.with(QueueConfig.BULK_SHARE_PERCENT, percent));
        limits(FakeLimitBook.messages("provider", RATE + "/s"));
        allAreFullOfBulk();
        passes(30 * SECOND);
        for (int i = 0; i < 20; i++) { // of their own, so that no share inside a queue counts
            submit(MailClass.TRANSACTIONAL, DOMAINS + i, 1_000);
        }
        passes(20 * SECOND);
        sent.clear();
        passes(200 * SECOND);
        assertThat(100.0 * count(MailClass.BULK) / sent.size()).as("percent of bulk").isBetween(0.97 * percent,
                1.03 * percent);
        assertThat((double) sent.size()).isBetween(0.98 * RATE * 200, RATE * 200 + 2.0);
    }

    /** What is under way isn't broken off: a session that others wait for ends after twenty messages. */
    @Test
    void aConnectionThatIsFreeGoesToTheQueueWithTransactionalMail() {
        limits(FakeLimitBook.connections("provider", 20));
        allAreFullOfBulk();
        passes(30 * SECOND);
        sent.clear();
        for (int i = 0; i < 300; i++) {
            submit(MailClass.TRANSACTIONAL, DOMAINS + i % 100, random.nextInt(1, 4));
            passes(random.nextLong(2 * SECOND));
        }
        List<Long> waits = waits(MailClass.TRANSACTIONAL);
        assertThat(waits).hasSizeGreaterThan(500);
        assertThat(percentile(waits, 99)).as("p50 %d, p99, most %d ms of %d", percentile(waits, 50), waits.getLast(),
                waits.size()).isLessThan((CONNECTS + 21 * SENDS) / MILLI);
    }
}
