package dev.penstock.queue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.SpoolEntry;

/**
 * Looks through what is queued, wherever it waits, without keeping anybody waiting: the lock of a ready queue is held for
 * {@value #BATCH} items at a time. Confined to one thread.
 *
 * <p>What is queued for the whole walk and doesn't change its sender or its source is seen. What changes them meanwhile may be
 * missed or seen twice: whoever must have it walks again until nothing new is found.
 */
public final class QueueWalk {
    /** Items per hold of the lock: some ten microseconds. */
    static final int BATCH = 256;

    private final Iterator<DomainQueue> domains;
    private final Predicate<Selection.Place> wanted;
    private final Function<SubQueue, Selection.Place> placeOf;
    private final ReadyQueue unrouted;
    private final ArrayDeque<SubQueue> subQueues = new ArrayDeque<>();
    /** Where it is in the first of these, between two batches. */
    private @Nullable QueueItem mark;

    QueueWalk(Iterator<DomainQueue> domains, Predicate<Selection.Place> wanted,
            Function<SubQueue, Selection.Place> placeOf, ReadyQueue unrouted) {
        this.domains = domains;
        this.wanted = wanted;
        this.placeOf = placeOf;
        this.unrouted = unrouted;
    }

    /** Which items are wanted. Asked under a lock: it must be quick and take none. */
    @FunctionalInterface
    public interface Test {
        boolean wants(QueueItem item, QueueItem.State state);
    }

    /** The next of those that are wanted; they may be in anybody's hands by now. @return null at the end */
    public @Nullable List<QueueItem> next(Test test) {
        while (true) {
            SubQueue subQueue = subQueues.peek();
            if (subQueue == null) {
                if (!domains.hasNext()) {
                    return null;
                }
                begin(domains.next());
                continue;
            }
            List<QueueItem> batch = batch(subQueue, test);
            if (mark == null) {
                subQueues.remove();
            }
            if (!batch.isEmpty()) {
                return batch;
            }
        }
    }

    /** Ends a walk before its end. */
    public void close() {
        QueueItem left = mark;
        if (left != null) {
            ReadyQueue readyQueue = left.home.domain.lockReadyQueue();
            left.home.all.unmark(left);
            readyQueue.unlock();
            mark = null;
        }
        subQueues.clear();
    }

    private void begin(DomainQueue domain) {
        ReadyQueue readyQueue = domain.lockReadyQueue();
        subQueues.addAll(domain.subQueues.values());
        readyQueue.unlock();
    }

    private List<QueueItem> batch(SubQueue subQueue, Test test) {
        List<QueueItem> batch = new ArrayList<>();
        ReadyQueue readyQueue = subQueue.domain.lockReadyQueue();
        try {
            QueueItem marked = mark;
            QueueItem item;
            if (marked == null) {
                if (!wanted.test(placeOf.apply(subQueue))) {
                    return batch;
                }
                item = subQueue.all.oldest();
            } else {
                item = marked.newer;
                subQueue.all.unmark(marked);
                mark = null;
            }
            for (int i = 0; i < BATCH && item != null; i++) {
                QueueItem.State state = state(item, readyQueue);
                if (state != null && test.wants(item, state)) {
                    batch.add(item);
                }
                item = item.newer;
            }
            if (item != null) {
                mark = new QueueItem(SpoolEntry.withoutSpool(0, 0), subQueue, 0, 0);
                mark.state(QueueItem.GONE);
                subQueue.all.mark(mark, item);
            }
        } finally {
            readyQueue.unlock();
        }
        return batch;
    }

    /** @return null for another walk's mark */
    private QueueItem.@Nullable State state(QueueItem item, ReadyQueue readyQueue) {
        return switch (item.state()) {
            case QueueItem.GONE -> null;
            case QueueItem.ACTIVE -> QueueItem.State.ACTIVE;
            case QueueItem.HELD -> QueueItem.State.HELD;
            case QueueItem.QUEUED -> readyQueue == unrouted
                    ? QueueItem.State.ROUTING
                    : readyQueue.isWithheld(item.home) || readyQueue.suspendedWhy() != null
                            ? QueueItem.State.SUSPENDED
                            : QueueItem.State.READY;
            default -> QueueItem.State.SCHEDULED;
        };
    }
}
