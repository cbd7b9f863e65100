package dev.penstock.spool;

import java.util.HashSet;
import java.util.Set;

import org.agrona.collections.LongHashSet;

/** Destinations that are done, some octets for each: nearly all are the first of their message. Confined to one thread. */
final class DoneSet {
    private record Key(long id, int destination) {}

    private final LongHashSet first = new LongHashSet();
    private final Set<Key> others = new HashSet<>();

    void add(long id, int destination) {
        if (destination == 0) {
            first.add(id);
        } else {
            others.add(new Key(id, destination));
        }
    }

    boolean contains(long id, int destination) {
        return destination == 0 ? first.contains(id) : others.contains(new Key(id, destination));
    }
}
