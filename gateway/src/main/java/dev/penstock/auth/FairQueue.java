package dev.penstock.auth;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * What waits, of several owners who take turns. Thread-safe; calls never block for long.
 *
 * <p>One owner has at most half of the places. When there is none left, whoever has most of them loses the one that
 * came last to somebody who has fewer; so who asks for little finds a place, however much others ask for,
 * unless there are as many of them as places.
 */
final class FairQueue<K, T> {
    /**
     * What became of an offer.
     *
     * @param refused  what there is no place for any more, the thing offered or another one; null for nothing
     * @param replaced whether the thing offered has the place of another, so that there are as many as before
     */
    record Offer<T>(@Nullable T refused, boolean replaced) {}

    private final int places;
    private final int share;
    private final Map<K, ArrayDeque<T>> byOwner = new LinkedHashMap<>(); // in the order of their turns; none is empty
    private int size;

    FairQueue(int places) {
        this.places = places;
        this.share = Math.max(1, places / 2);
    }

    synchronized Offer<T> offer(K owner, T thing) {
        ArrayDeque<T> own = byOwner.get(owner);
        int count = own == null ? 0 : own.size();
        if (count >= share) {
            return new Offer<>(thing, false);
        }
        T lost = null;
        if (size >= places) {
            ArrayDeque<T> longest = longest();
            if (longest == null || longest.size() <= count + 1) {
                return new Offer<>(thing, false);
            }
            lost = longest.removeLast(); // it had two at least
            size--;
        }
        byOwner.computeIfAbsent(owner, _ -> new ArrayDeque<>()).addLast(thing);
        size++;
        return new Offer<>(lost, lost != null);
    }

    private @Nullable ArrayDeque<T> longest() {
        ArrayDeque<T> longest = null;
        for (ArrayDeque<T> queue : byOwner.values()) {
            if (longest == null || queue.size() > longest.size()) {
                longest = queue;
            }
        }
        return longest;
    }

    /** The first of the owner whose turn it is; null when nothing waits. */
    synchronized @Nullable T poll() {
        Iterator<Map.Entry<K, ArrayDeque<T>>> turns = byOwner.entrySet().iterator();
        if (!turns.hasNext()) {
            return null;
        }
        Map.Entry<K, ArrayDeque<T>> turn = turns.next();
        turns.remove();
        T thing = turn.getValue().removeFirst();
        size--;
        if (!turn.getValue().isEmpty()) {
            byOwner.put(turn.getKey(), turn.getValue());
        }
        return thing;
    }
}
