package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/** Some items as they are seen under the lock that guards them, to be looked at when it is free. Confined to who looks. */
final class ItemSlice {
    private final @Nullable QueueItem[] items;
    private final QueueItem.State[] states;
    private final long[] dueMillis;
    private final int[] attempts;
    private int size;

    ItemSlice(int most) {
        items = new QueueItem[most];
        states = new QueueItem.State[most];
        dueMillis = new long[most];
        attempts = new int[most];
    }

    void clear() {
        size = 0;
    }

    boolean isFull() {
        return size == items.length;
    }

    int size() {
        return size;
    }

    /** Under the lock that guards the item. */
    void add(QueueItem item, QueueItem.State state) {
        items[size] = item;
        states[size] = state;
        dueMillis[size] = item.dueMillis();
        attempts[size] = item.attempts();
        size++;
    }

    QueueItem item(int place) {
        return requireNonNull(items[place]);
    }

    QueueItem.State state(int place) {
        return states[place];
    }

    /** By the queue's own clock. */
    long dueMillis(int place) {
        return dueMillis[place];
    }

    int attempts(int place) {
        return attempts[place];
    }
}
