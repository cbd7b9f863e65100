package dev.penstock.queue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Takes what is ready and has become too old out of a ready queue, out of turn, suspended or not, wherever in its sender's
 * queue it is. The lock is held for {@value #BATCH} items at a time. Confined to one thread.
 *
 * <p>What a curfew holds stays, since it is to be tried at its end, and what an operator has released, since it is to be tried.
 * Where mail goes meanwhile, some may be left for the next look.
 */
public final class OldMail {
    /** Items per hold of the lock: some ten microseconds. */
    static final int BATCH = 256;

    private final ArrayDeque<SubQueue> left;
    private final long millis;
    /** The last of the first of these that was looked at and stayed; null at its beginning. */
    private @Nullable QueueItem at;
    private int removals;

    /** @param subQueues that may have some that were received before {@code millis} */
    OldMail(List<SubQueue> subQueues, long millis) {
        this.left = new ArrayDeque<>(subQueues);
        this.millis = millis;
    }

    /** Some of them, the caller's from now on; it may be none though there are more. @return null at the end */
    public @Nullable List<QueueItem> next() {
        SubQueue subQueue = left.peek();
        if (subQueue == null) {
            return null;
        }
        List<QueueItem> old = new ArrayList<>();
        ReadyQueue readyQueue = subQueue.domain.lockReadyQueue();
        try {
            QueueItem item = first(subQueue, readyQueue);
            for (int looked = 0; looked < BATCH && item != null; looked++) {
                QueueItem next = item.next;
                if (item.receivedMillis() < millis && !readyQueue.isReleased(item)) {
                    readyQueue.takeAlone(item);
                    old.add(item);
                } else {
                    at = item;
                }
                item = next;
            }
            removals = subQueue.ready.removals();
            if (item == null) {
                left.remove();
                at = null;
            }
        } finally {
            readyQueue.unlock();
        }
        return old;
    }

    /** @return null when nothing of it may be taken, or where it stood isn't known any more */
    private @Nullable QueueItem first(SubQueue subQueue, ReadyQueue readyQueue) {
        QueueItem last = at;
        if (readyQueue.isUnderCurfew(subQueue)) {
            return null;
        }
        if (last == null) {
            return subQueue.ready.first();
        }
        boolean isStill = subQueue.ready.removals() == removals
                || last.home == subQueue && last.state() == QueueItem.QUEUED;
        return isStill ? last.next : null;
    }
}
