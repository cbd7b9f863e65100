package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

/**
 * All items of one sub-queue, wherever they are, in the order in which they came to it. Guarded by the lock of its ready queue.
 * Who looks through it keeps his place by a mark, and lets go of the lock in between.
 */
final class Roster {
    private @Nullable QueueItem oldest;
    private @Nullable QueueItem newest;
    private int size;

    /** Marks not counted. */
    int size() {
        return size;
    }

    /** Iterate on with {@link QueueItem#newer}; marks are among them, which are {@link QueueItem#GONE}. */
    @Nullable
    QueueItem oldest() {
        return oldest;
    }

    void add(QueueItem item) {
        link(newest, item, null);
        size++;
    }

    void remove(QueueItem item) {
        unlink(item);
        size--;
    }

    /** @param before the mark goes before this one, null for behind all */
    void mark(QueueItem mark, @Nullable QueueItem before) {
        link(before == null ? newest : before.older, mark, before);
    }

    void unmark(QueueItem mark) {
        unlink(mark);
    }

    private void link(@Nullable QueueItem before, QueueItem item, @Nullable QueueItem after) {
        item.older = before;
        item.newer = after;
        if (before == null) {
            oldest = item;
        } else {
            before.newer = item;
        }
        if (after == null) {
            newest = item;
        } else {
            after.older = item;
        }
    }

    private void unlink(QueueItem item) {
        QueueItem before = item.older;
        QueueItem after = item.newer;
        if (before == null) {
            oldest = after;
        } else {
            before.newer = after;
        }
        if (after == null) {
            newest = before;
        } else {
            after.older = before;
        }
        item.older = null;
        item.newer = null;
    }
}
