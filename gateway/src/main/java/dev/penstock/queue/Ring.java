package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/** Members that take turns, linked through themselves in a circle. Guarded by its ready queue's lock. */
@SuppressWarnings("ReferenceEquality") // members are told apart by identity
final class Ring<T extends Ring.Member<T>> {
    /** What a member carries; it is in one ring at a time. */
    abstract static class Member<T> {
        @Nullable
        T next;
        @Nullable
        T previous;
    }

    private @Nullable T first;
    private int size;

    boolean isEmpty() {
        return first == null;
    }

    int size() {
        return size;
    }

    /** Whose turn it is. */
    T first() {
        return requireNonNull(first);
    }

    /** The member after {@code member}, null when that was the last. */
    @Nullable
    T after(T member) {
        T next = requireNonNull(member.next);
        return next == first ? null : next;
    }

    void addLast(T member) {
        if (first == null) {
            first = member;
            member.next = member;
            member.previous = member;
        } else {
            T last = requireNonNull(first.previous);
            member.previous = last;
            member.next = first;
            last.next = member;
            first.previous = member;
        }
        size++;
    }

    void addFirst(T member) {
        addLast(member);
        first = member;
    }

    void remove(T member) {
        T next = requireNonNull(member.next);
        if (next == member) {
            first = null;
        } else {
            T previous = requireNonNull(member.previous);
            previous.next = next;
            next.previous = previous;
            if (first == member) {
                first = next;
            }
        }
        member.next = null;
        member.previous = null;
        size--;
    }

    void moveFirst(T member) {
        if (first != member) {
            remove(member);
            addFirst(member);
        }
    }

    /** The first becomes the last. */
    void rotate() {
        first = first().next;
    }
}
