package dev.penstock.queue;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageId;
import dev.penstock.queue.MessagePage.Cursor;

/**
 * All that is queued in the order of message ids, so that what comes next behind a place is found without a look at the
 * rest. Thread-safe by a lock of its own, held for about a microsecond, under which no other is taken.
 *
 * <p>Chunks in order, each for all ids from its bound to that of the next; within a chunk items are in order. As ids ascend
 * mostly, chunks are filled one after the other: 4.5 octets an item. One that has become nearly empty is put together with a
 * neighbour, so that there are never more than 20.
 *
 * <p>A destination of a message is in it once. What is in it throughout is shown exactly once to who goes on from the last that he was shown, whatever else comes and goes.
 */
final class IdIndex {
    /** Items of one chunk at most: to look through it takes some hundred nanoseconds. */
    static final int CHUNK = 256;
    /** A chunk with fewer is put together with a neighbour, when both are half a chunk at most. */
    private static final int FEW = CHUNK / 4;
    private static final int HALF = CHUNK / 2;

    private final ReentrantLock lock = new ReentrantLock();
    /** By their bounds; there is always one for the smallest ids. */
    private final TreeMap<Cursor, Chunk> chunks = new TreeMap<>();

    IdIndex() {
        chunks.put(Cursor.START, new Chunk());
    }

    /** Guarded by the index's lock. */
    private static final class Chunk {
        private final @Nullable QueueItem[] items = new QueueItem[CHUNK];
        private int size;

        QueueItem item(int place) {
            QueueItem item = items[place];
            if (item == null) {
                throw new IllegalStateException("place " + place + " of " + size + " is empty");
            }
            return item;
        }

        /** How many of its items are not behind the place. */
        int upTo(Cursor place) {
            int from = 0;
            int to = size;
            int middle = size - 1; // most that come are behind all
            while (from < to) {
                if (key(item(middle)).compareTo(place) <= 0) {
                    from = middle + 1;
                } else {
                    to = middle;
                }
                middle = from + to >>> 1;
            }
            return from;
        }

        void insert(int place, QueueItem item) {
            System.arraycopy(items, place, items, place + 1, size - place);
            items[place] = item;
            size++;
        }

        boolean remove(QueueItem item) {
            for (int place = 0; place < size; place++) {
                if (items[place] == item) {
                    size--;
                    System.arraycopy(items, place + 1, items, place, size - place);
                    items[size] = null;
                    return true;
                }
            }
            return false;
        }

        /** Gives away what it has from the place on, to the end of another one. */
        void move(int place, Chunk to) {
            System.arraycopy(items, place, to.items, to.size, size - place);
            to.size += size - place;
            while (size > place) {
                items[--size] = null;
            }
        }
    }

    static Cursor key(QueueItem item) {
        return new Cursor(item.entry().messageId(), item.entry().destination());
    }

    void add(QueueItem item) {
        Cursor key = key(item);
        lock.lock();
        try {
            Chunk chunk = chunks.floorEntry(key).getValue();
            int place = chunk.upTo(key);
            if (chunk.size == CHUNK) {
                Chunk next = new Chunk();
                if (place == CHUNK) {
                    chunks.put(key, next);
                } else {
                    chunk.move(HALF, next);
                    chunks.put(key(next.item(0)), next);
                }
                if (place == CHUNK || place > HALF) { // at HALF it is before the next one's bound
                    place -= chunk.size;
                    chunk = next;
                }
            }
            chunk.insert(place, item);
        } finally {
            lock.unlock();
        }
    }

    /** @return whether it was there */
    boolean remove(QueueItem item) {
        Cursor key = key(item);
        lock.lock();
        try {
            Map.Entry<Cursor, Chunk> its = chunks.floorEntry(key);
            if (!its.getValue().remove(item)) {
                return false;
            }
            if (its.getValue().size < FEW && !join(its, chunks.higherEntry(its.getKey()))) {
                join(chunks.lowerEntry(its.getKey()), its);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** @return whether both are one now */
    private boolean join(Map.@Nullable Entry<Cursor, Chunk> one, Map.@Nullable Entry<Cursor, Chunk> next) {
        if (one == null || next == null || one.getValue().size + next.getValue().size > HALF) {
            return false;
        }
        next.getValue().move(0, one.getValue());
        chunks.remove(next.getKey());
        return true;
    }

    /**
     * The next behind a place, in order. The places needn't be taken.
     *
     * @param into takes as many as it is long
     * @return how many; fewer than {@code into} takes when there are no more
     */
    int behind(Cursor place, @Nullable QueueItem[] into) {
        lock.lock();
        try {
            int size = 0;
            Map.Entry<Cursor, Chunk> each = chunks.floorEntry(place);
            int from = each.getValue().upTo(place);
            while (each != null && size < into.length) {
                Chunk chunk = each.getValue();
                int some = Math.min(chunk.size - from, into.length - size);
                System.arraycopy(chunk.items, from, into, size, some);
                size += some;
                from = 0;
                each = chunks.higherEntry(each.getKey());
            }
            return size;
        } finally {
            lock.unlock();
        }
    }

    static boolean isBehind(QueueItem item, Cursor place) {
        int byId = Long.compareUnsigned(item.entry().messageId(), place.id());
        return byId > 0 || byId == 0 && item.entry().destination() > place.destination();
    }

    /** The place right before all destinations of a message. */
    static Cursor before(MessageId id) {
        return new Cursor(id.value(), -1);
    }

    /** How many chunks there are. */
    int chunks() {
        lock.lock();
        try {
            return chunks.size();
        } finally {
            lock.unlock();
        }
    }
}
