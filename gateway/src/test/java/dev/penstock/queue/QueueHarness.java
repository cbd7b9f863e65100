package dev.penstock.queue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.TestEntries;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.ManualClock;

/** A queue without a scheduler thread, on a manual clock and a fake router, with what it told to the outside. */
final class QueueHarness {
    record Failed(QueueItem item, Route.Failure failure) {}

    static final int SIZE = 4_096;

    final ManualClock clock = new ManualClock();
    final FakeRouter router = new FakeRouter();
    final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, clock::nanoTime);
    final MailQueue queue = new MailQueue(QueueConfig.DEFAULT, shaper, router, clock, clock::nanoTime);
    final Set<ReadyQueue> ready = ConcurrentHashMap.newKeySet();
    final List<ReadyQueue> removed = new CopyOnWriteArrayList<>();
    final List<Failed> failures = new CopyOnWriteArrayList<>();
    private long nextId;

    static QueueHarness open() {
        QueueHarness harness = new QueueHarness();
        harness.start();
        return harness;
    }

    /** A sub-queue of no ready queue, for tests of single structures. */
    static SubQueue homeless() {
        MailQueue queue = new QueueHarness().queue;
        DomainQueue domain = new DomainQueue("example.com",
                new ReadyQueue(queue, new QueueKey("", "", false), 0, null));
        return new SubQueue(domain, new Sender("", ""));
    }

    void start() {
        queue.open((item, failure) -> failures.add(new Failed(item, failure)), new ReadyQueueListener() {
            @Override
            public void ready(ReadyQueue readyQueue) {
                ready.add(readyQueue);
            }

            @Override
            public void removed(ReadyQueue readyQueue) {
                removed.add(readyQueue);
            }
        }, Runnable::run);
    }

    /** @return the message's id, ascending */
    long submit(String domain) {
        return submit(domain, "", "", SIZE);
    }

    long submit(String domain, String tenant, String campaign, long size) {
        return submit(domain, tenant, campaign, size, 0, 0);
    }

    long submit(String domain, String tenant, String campaign, long size, int attempts, long dueMillis) {
        long id = nextId++;
        queue.submit(TestEntries.entry(id, 0), domain, tenant, campaign, clock.millis(), attempts, dueMillis, size);
        return id;
    }

    ReadyQueue readyQueue(String site) {
        for (ReadyQueue readyQueue : ready) {
            if (readyQueue.key().site().name().equals(site)) {
                return readyQueue;
            }
        }
        throw new AssertionError("no readyQueue became ready for " + site + ", but " + ready);
    }

    QueueItem take(ReadyQueue readyQueue) {
        QueueItem item = readyQueue.poll();
        if (item == null) {
            throw new AssertionError("nothing to take from " + readyQueue);
        }
        return item;
    }

    /** Polls the ready queue empty and finishes everything. */
    List<Long> drain(ReadyQueue readyQueue) {
        return drain(readyQueue, Integer.MAX_VALUE);
    }

    List<Long> drain(ReadyQueue readyQueue, int limit) {
        List<Long> ids = new ArrayList<>();
        @Nullable
        QueueItem item;
        while (ids.size() < limit && (item = readyQueue.poll()) != null) {
            ids.add(item.entry().messageId());
            queue.finished(item);
        }
        return ids;
    }

    /** Time passes, and the scheduler does what it would do then. */
    void advance(Duration time) {
        clock.advance(time);
        queue.runDue();
    }

    void shapeByItself(String domain) {
        shaper.reconfigure(new ShapingConfig(TrafficLimits.DEFAULT, Map.of(domain, TrafficLimits.DEFAULT)));
        queue.reconfigure(QueueConfig.DEFAULT);
        queue.runDue();
    }
}
