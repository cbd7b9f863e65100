package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

/** Items in order, linked through themselves; an item is in one list at a time. Guarded by whoever holds the list. */
final class ItemList {
    private @Nullable QueueItem first;
    private @Nullable QueueItem last;
    private int size;
    /** How often something was taken out: unchanged, whoever stands at an item may go on from there. */
    private int removals;

    boolean isEmpty() {
        return first == null;
    }

    int size() {
        return size;
    }

    int removals() {
        return removals;
    }

    /** Iterate on with {@link QueueItem#next}. */
    @Nullable
    QueueItem first() {
        return first;
    }

    /** Iterate on with {@link QueueItem#previous}. */
    @Nullable
    QueueItem last() {
        return last;
    }

    void addLast(QueueItem item) {
        item.previous = last;
        item.next = null;
        if (last == null) {
            first = item;
        } else {
            last.next = item;
        }
        last = item;
        size++;
    }

    void addFirst(QueueItem item) {
        item.previous = null;
        item.next = first;
        if (first == null) {
            last = item;
        } else {
            first.previous = item;
        }
        first = item;
        size++;
    }

    @Nullable
    QueueItem pollFirst() {
        QueueItem item = first;
        if (item != null) {
            remove(item);
        }
        return item;
    }

    void remove(QueueItem item) {
        QueueItem before = item.previous;
        QueueItem after = item.next;
        if (before == null) {
            first = after;
        } else {
            before.next = after;
        }
        if (after == null) {
            last = before;
        } else {
            after.previous = before;
        }
        item.previous = null;
        item.next = null;
        size--;
        removals++;
    }

    /** Takes over all items of {@code other}, behind its own; in constant time. */
    void addAll(ItemList other) {
        QueueItem head = other.first;
        if (head == null) {
            return;
        }
        if (last == null) {
            first = head;
        } else {
            last.next = head;
            head.previous = last;
        }
        last = other.last;
        size += other.size;
        other.first = null;
        other.last = null;
        other.size = 0;
        other.removals++;
    }
}
