package dev.penstock.shaping;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.SessionLimiter.Holder;
import dev.penstock.shaping.SessionLimiter.Waiter;
import dev.penstock.units.MailClass;

/**
 * How many sessions may be open at one time by the limits that several paths share, and who is next when one ends.
 * Thread-safe: one state machine behind its monitor, which is held for nanoseconds and never over a call to the outside.
 *
 * <p>A session takes one of each limit that binds its path, at one moment, or none: so nobody who waits keeps what others
 * want, and permits that come back in one moment, of several limits, go round nowhere. Who finds one that is full waits
 * there, at exactly one, in the order in which all came; when that has room and another is full by then, he goes on to that
 * and keeps his place in the order. Those with transactional mail ready come before the others, save that bulk keeps its share
 * of what is passed on while both wait ({@link ClassTurns}); within a class those without any session come first.
 *
 * <p>Which limits bind a path may change. Sessions that are open, and permits that are kept, count for those that bind it
 * now: a limit that is new, or lower, may be exceeded by what stands until that has ended.
 *
 * <p>Invariant, between any two calls: each limit counts the permits held by the paths that it binds; somebody waits ⇒ it is
 * at a limit that binds him and is full, or {@link #next} has yet to be called; and is there among those of his class, or
 * {@link #classChanged} has yet to be.
 */
public final class SharedSessions implements Limiter {
    /** One limit. Guarded by the monitor. */
    static final class Count {
        private volatile SharedLimit says;
        private int most;
        private int open;
        private final TreeSet<Entry> bulk = new TreeSet<>(Entry.IN_TURN);
        private final TreeSet<Entry> transactional = new TreeSet<>(Entry.IN_TURN);
        private final ClassTurns classes = new ClassTurns();
        private volatile int waiting;

        private Count(SharedLimit says, int most) {
            this.says = says;
            this.most = most;
        }

        private boolean isFull() {
            return open >= most;
        }

        private NavigableSet<Entry> of(MailClass mailClass) {
            return mailClass == MailClass.BULK ? bulk : transactional;
        }

        private boolean isEmpty() {
            return bulk.isEmpty() && transactional.isEmpty();
        }

        /** Whose turn it is. Somebody waits. */
        private Entry first() {
            if (bulk.isEmpty() || transactional.isEmpty()) {
                return bulk.isEmpty() ? transactional.first() : bulk.first();
            }
            return of(classes.next(bulk.first().waiter.bulkPercent())).first();
        }

        /** Whether somebody waits who comes before that one. */
        private boolean hasBefore(Waiter waiter, MailClass as, boolean first) {
            return !of(as).isEmpty() && (!first || of(as).first().first)
                    || !of(ClassTurns.other(as)).isEmpty() && classes.next(waiter.bulkPercent()) != as;
        }

        SharedLimit says() {
            return says;
        }

        @Override
        public String toString() {
            return says.id() + " " + open + "/" + most + " waiting " + bulk.size() + "+" + transactional.size();
        }
    }

    private static final Count[] NONE = {};

    /** What binds the sessions of one path, and those that it has. Guarded by the monitor. */
    static final class Binding {
        private volatile Count[] counts = NONE;
        private final List<Held> held = new ArrayList<>(0);
        private final List<Entry> waiting = new ArrayList<>(0);

        Count[] counts() {
            return counts;
        }
    }

    /** A permit of each limit that binds the path. Given back by {@link #release} once. */
    public static final class Held {
        private final Binding binding;
        private final Waiter owner;

        private Held(Binding binding, Waiter owner) {
            this.binding = binding;
            this.owner = owner;
        }
    }

    /** Permits that have passed to the one who waited for them. */
    public record Grant(Waiter waiter, Held held) {}

    private static final class Entry {
        private static final Comparator<Entry> IN_TURN = (a, b) -> a.first != b.first
                ? Boolean.compare(b.first, a.first)
                : Long.compare(a.number, b.number);

        private final Waiter waiter;
        private final Binding binding;
        private final long number;
        private boolean first;
        private MailClass as;
        private Count at;

        private Entry(Waiter waiter, Binding binding, boolean first, MailClass as, long number, Count at) {
            this.waiter = waiter;
            this.binding = binding;
            this.first = first;
            this.as = as;
            this.number = number;
            this.at = at;
        }
    }

    /** Where those are who wait for nothing any more, for the moment until {@link #next}. */
    private final Count nothing = new Count(new SharedLimit(
            new SharedLimit.Id(SharedLimit.Measure.CONNECTIONS, "", ""), new SharedLimit.Bound.Count(0), ""),
            Integer.MAX_VALUE);
    private final Map<Waiter, Entry> entries = new HashMap<>();
    /** Where there may be room for somebody who waits. */
    private final LinkedHashSet<Count> roomy = new LinkedHashSet<>();
    /** Sessions that idle and can be asked to end, the one that idles longest first. */
    private final LinkedHashSet<Holder> idle = new LinkedHashSet<>();
    private final Map<Holder, Held> idleHeld = new HashMap<>();
    private long numbers;

    // Limits

    Count count(SharedLimit limit) {
        return new Count(limit, most(limit));
    }

    private static int most(SharedLimit limit) {
        if (limit.bound() instanceof SharedLimit.Bound.Count(int most)) {
            return most;
        }
        throw new IllegalArgumentException(limit.id() + " of " + limit.place() + " limits sessions open at one time, "
                + "which takes a number");
    }

    /** From now on so many. @return somebody who is to ask {@link #next}; null for nobody */
    synchronized @Nullable Waiter limit(Count count, SharedLimit next) {
        count.says = next;
        count.most = most(next);
        return mayHaveRoom(count);
    }

    /** From now on these bind the path. @return somebody who is to ask {@link #next}; null for nobody */
    synchronized @Nullable Waiter bind(Binding binding, Count[] next) {
        Count[] before = binding.counts;
        for (Count count : before) {
            count.open -= binding.held.size();
        }
        binding.counts = next.length == 0 ? NONE : next;
        for (Count count : next) {
            count.open += binding.held.size();
        }
        for (Entry entry : binding.waiting) {
            Count full = full(next);
            move(entry, full == null ? nothing : full);
        }
        for (Count count : before) {
            mayHaveRoom(count);
        }
        mayHaveRoom(nothing);
        return roomy.isEmpty() ? null : roomy.getFirst().first().waiter;
    }

    /** Whether forgetting it changes nothing. */
    synchronized boolean isIdle(Count count) {
        return count.open == 0 && count.isEmpty();
    }

    private @Nullable Waiter mayHaveRoom(Count count) {
        if (count.isFull() || count.isEmpty()) {
            return null;
        }
        roomy.add(count);
        return count.first().waiter;
    }

    // Permits

    /** A permit of each, if they are free and nobody waits for one of them who comes before; null else. */
    synchronized @Nullable Held tryAcquire(Waiter owner, Binding binding, boolean first) {
        MailClass as = owner.mailClass();
        for (Count count : binding.counts) {
            if (count.isFull() || count.hasBefore(owner, as, first)) {
                return null;
            }
        }
        return take(binding, owner, as);
    }

    /** As {@link #tryAcquire}, or a place in the order: {@link #next} will name the waiter. */
    synchronized @Nullable Held acquire(Waiter waiter, Binding binding, boolean first) {
        Held held = tryAcquire(waiter, binding, first);
        if (held != null) {
            return held;
        }
        Count at = full(binding.counts);
        for (Count count : binding.counts) {
            at = at == null && !count.isEmpty() ? count : at;
        }
        Entry entry = new Entry(waiter, binding, first, waiter.mailClass(), numbers++,
                at == null ? nothing : at);
        entries.put(waiter, entry);
        binding.waiting.add(entry);
        add(entry);
        mayHaveRoom(entry.at);
        return null;
    }

    private static @Nullable Count full(Count[] counts) {
        for (Count count : counts) {
            if (count.isFull()) {
                return count;
            }
        }
        return null;
    }

    private Held take(Binding binding, Waiter owner, MailClass as) {
        for (Count count : binding.counts) {
            count.open++;
            if (!count.of(ClassTurns.other(as)).isEmpty()) {
                count.classes.went(as, 1, owner.bulkPercent());
            }
        }
        Held held = new Held(binding, owner);
        binding.held.add(held);
        return held;
    }

    private static void add(Entry entry) {
        entry.at.of(entry.as).add(entry);
        entry.at.waiting = entry.at.bulk.size() + entry.at.transactional.size();
    }

    private void remove(Entry entry) {
        entry.at.of(entry.as).remove(entry);
        entry.at.waiting = entry.at.bulk.size() + entry.at.transactional.size();
        if (entry.at.isEmpty()) {
            roomy.remove(entry.at);
        }
    }

    private void move(Entry entry, Count to) {
        remove(entry);
        entry.at = to;
        add(entry);
    }

    /** Gives permits that are free to the one whose turn it is; null when nobody may have any. */
    public synchronized @Nullable Grant next() {
        while (!roomy.isEmpty()) {
            Count count = roomy.getFirst();
            if (count.isFull() || count.isEmpty()) {
                roomy.remove(count);
                continue;
            }
            Entry entry = count.first();
            Count full = full(entry.binding.counts);
            if (full == null) {
                remove(entry);
                entries.remove(entry.waiter);
                entry.binding.waiting.remove(entry);
                return new Grant(entry.waiter, take(entry.binding, entry.waiter, entry.as));
            }
            move(entry, full);
        }
        return null;
    }

    /** A session has ended, or none was opened. Call {@link #next} then. */
    public synchronized void release(Held held) {
        if (!held.binding.held.remove(held)) {
            throw new IllegalStateException("released permits of a path twice");
        }
        for (Count count : held.binding.counts) {
            count.open--;
            mayHaveRoom(count);
        }
    }

    // What others want

    /** Whether anybody but its owner waits for what is held; {@code ownerWaits} is whether he is registered here too. */
    boolean isWanted(Held held, boolean ownerWaits) {
        Count[] counts = held.binding.counts;
        for (Count count : counts) {
            if (count.waiting > 1 || count.waiting == 1 && !(ownerWaits && isAt(held.owner, count))) {
                return true;
            }
        }
        return false;
    }

    private synchronized boolean isAt(Waiter owner, Count count) {
        Entry entry = entries.get(owner);
        return entry != null && entry.at == count;
    }

    /** From now on this session can be asked to end, should others wait. */
    synchronized void idle(Holder holder, Held held) {
        if (held.binding.counts.length > 0) {
            idle.add(holder);
            idleHeld.put(holder, held);
        }
    }

    /** From now on not any more. */
    synchronized void busy(Holder holder) {
        if (idleHeld.remove(holder) != null) {
            idle.remove(holder);
        }
    }

    /** The session that idles longest of those that have what the waiter waits for and aren't his own; null when none is. */
    public synchronized @Nullable Holder longestIdle(Waiter waiter) {
        Entry entry = entries.get(waiter);
        if (entry == null) {
            return null;
        }
        for (Holder holder : idle) {
            Held held = idleHeld.get(holder);
            if (!holder.owner().equals(waiter) && held != null && binds(held.binding, entry.at)) {
                busy(holder);
                return holder;
            }
        }
        return null;
    }

    private static boolean binds(Binding binding, Count count) {
        for (Count each : binding.counts) {
            if (each == count) {
                return true;
            }
        }
        return false;
    }

    @Override
    public synchronized void promote(Waiter waiter) {
        Entry entry = entries.get(waiter);
        if (entry != null && !entry.first) {
            entry.at.of(entry.as).remove(entry);
            entry.first = true;
            add(entry);
            mayHaveRoom(entry.at);
        }
    }

    @Override
    public synchronized void classChanged(Waiter waiter) {
        Entry entry = entries.get(waiter);
        if (entry != null && entry.as != waiter.mailClass()) {
            entry.at.of(entry.as).remove(entry);
            entry.as = waiter.mailClass();
            add(entry);
        }
    }

    /** Permits taken of a limit. */
    synchronized int open(Count count) {
        return count.open;
    }

    /** What holds back who asks for that path now; null when nothing does. */
    synchronized @Nullable LimitReached refusal(Binding binding) {
        Count full = full(binding.counts);
        return full == null ? null : Pacer.reached(full.says, 0);
    }

    /** {@code provider_connection_limit 20 of ip-1->google (shaping.toml:12)}. */
    @Override
    public synchronized String describe(Waiter waiter, long nowNanos) {
        Entry entry = entries.get(waiter);
        return entry == null || entry.at == nothing ? "its turn" : Pacer.reached(entry.at.says, 0).toString();
    }

    @Override
    public synchronized boolean isRegistered(Waiter waiter) {
        return entries.containsKey(waiter);
    }

    @Override
    public synchronized boolean isFirst(Waiter waiter) {
        Entry entry = entries.get(waiter);
        return entry != null && entry.first;
    }

    @Override
    public synchronized @Nullable String violation(long nowNanos) {
        List<String> wrong = new ArrayList<>();
        Map<Count, Integer> counted = new HashMap<>();
        for (Entry entry : entries.values()) {
            if (!entry.at.of(entry.as).contains(entry)) {
                wrong.add(entry.waiter + " is lost from " + entry.at);
            }
            if (entry.as != entry.waiter.mailClass()) {
                wrong.add(entry.waiter + " waits as " + entry.as + " and is " + entry.waiter.mailClass());
            }
            if (entry.at != nothing && !binds(entry.binding, entry.at)) {
                wrong.add(entry.waiter + " waits at " + entry.at + ", which doesn't bind it");
            }
            counted.merge(entry.at, 1, Integer::sum);
            if (!entry.at.isFull()) {
                wrong.add(entry.at + " has room and " + entry.waiter + " waits for it");
            }
        }
        counted.forEach((count, waiters) -> {
            if (count.bulk.size() + count.transactional.size() != waiters || count.waiting != waiters) {
                wrong.add("miscounted: " + count);
            }
        });
        return wrong.isEmpty() ? null : String.join("; ", wrong);
    }

    @Override
    public synchronized String toString() {
        return "shared limits of sessions, " + entries.size() + " wait";
    }
}
