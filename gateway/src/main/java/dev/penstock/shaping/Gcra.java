package dev.penstock.shaping;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.LimitSource.SlotLeases;
import dev.penstock.units.Rate;

/**
 * Spaces events evenly in time: the generic cell rate algorithm (ITU-T I.371) on the theoretical arrival time of the next
 * event, with slots that can be given back. Thread-safe, lock-free: every call is one change from one immutable state to
 * the next. Times are {@link System#nanoTime()}'s, so that a wall clock set forward or back neither stops the events nor
 * lets a burst through.
 *
 * <p>With a burst of 1 no two slots are nearer than the rate's interval. With a burst of {@code n}, a pause of
 * {@code n} intervals lets {@code n} events go at once; as a new limiter has just paused, that is also its start.
 *
 * <p>Where several nodes share the rate, this one has no slots of its own: it leases some, those of the next second, and
 * gives them out as it does those that are given back.
 *
 * <p>A slot that is given back is never moved: it goes to another event at its own time, or it is lost and counted. So
 * whatever is given back, the times at which events go are among those the algorithm gave.
 */
public final class Gcra {
    /** Slots that may lie ready for another event: above the sessions that one key has, each of which holds two at most. */
    static final int MAX_RETURNED = 1_024;
    /** Slots are leased for so long, */
    static final long LEASE_NANOS = 1_000_000_000;
    /** and no more than so many at one time. */
    static final int MAX_LEASED = 64;

    private final AtomicReference<State> state;
    private final @Nullable SlotLeases leases;

    /**
     * What is known at one moment.
     *
     * @param arrivalNanos  the theoretical arrival time of the next event
     * @param latestNanos   the slot that made the arrival time what it is
     * @param latestIsKnown whether there is such a slot at this rate
     * @param returned      slots given back, the earliest first
     * @param lost          slots given back that no event could use
     */
    private record State(Spacing spacing, long arrivalNanos, long latestNanos, boolean latestIsKnown,
            List<Long> returned, long lost) {
        /** How many of the returned slots nobody can use any more. */
        int past(long nowNanos) {
            int past = 0;
            while (past < returned.size() && returned.get(past) - nowNanos < 0) {
                past++;
            }
            return past;
        }

        State withoutPast(long nowNanos) {
            int past = past(nowNanos);
            return past == 0 ? this : with(returned.subList(past, returned.size()), lost + past);
        }

        State with(List<Long> nowReturned, long nowLost) {
            return new State(spacing, arrivalNanos, latestNanos, latestIsKnown, List.copyOf(nowReturned), nowLost);
        }

        /** Nanoseconds until the earliest slot, 0 for now. Without returned slots that are past. */
        long waitNanos(long nowNanos) {
            long fresh = spacing.waitNanos(arrivalNanos, nowNanos);
            return returned.isEmpty() ? fresh : Math.min(fresh, returned.getFirst() - nowNanos);
        }

        /** After the slot that {@link #waitNanos} told of was taken. */
        State taken(long nowNanos, long waitNanos) {
            long slot = nowNanos + waitNanos;
            if (!returned.isEmpty() && returned.getFirst() == slot) {
                return with(returned.subList(1, returned.size()), lost);
            }
            return new State(spacing, spacing.arrivalAfter(arrivalNanos, nowNanos), slot, true, returned, lost);
        }

        boolean isLatest(long slotNanos) {
            return latestIsKnown && latestNanos == slotNanos;
        }

        /**
         * As if the latest slot hadn't been taken. The one before it is an interval away at a burst of 1, so that slots
         * can be given back one after the other; with a larger burst another slot of the same moment may be.
         */
        State withoutLatest() {
            long arrival = arrivalNanos - spacing.intervalNanos();
            long before = spacing.toleranceNanos() == 0 ? arrival - spacing.intervalNanos() : latestNanos;
            return new State(spacing, arrival, before, true, returned, lost);
        }

        State withLeased(long[] slots) {
            State after = this;
            for (long slot : slots) {
                after = after.withReturned(slot);
            }
            return after;
        }

        State withReturned(long slotNanos) {
            int place = returned.size();
            while (place > 0 && returned.get(place - 1) - slotNanos > 0) { // differences, because nanoTime may wrap
                place--;
            }
            Long[] slots = new Long[returned.size() + 1];
            for (int i = 0; i < slots.length; i++) {
                slots[i] = i < place ? returned.get(i) : i == place ? Long.valueOf(slotNanos) : returned.get(i - 1);
            }
            return with(List.of(slots), lost);
        }
    }

    /** @param rate null lets everything through at once */
    public Gcra(@Nullable Rate rate, long nowNanos) {
        this(rate, null, nowNanos);
    }

    /** @param leases where slots come from; null when all slots of the rate are its own */
    Gcra(@Nullable Rate rate, @Nullable SlotLeases leases, long nowNanos) {
        this.leases = leases;
        this.state = new AtomicReference<>(new State(Spacing.of(rate), nowNanos, nowNanos, false, List.of(), 0));
    }

    private State now() {
        return Objects.requireNonNull(state.get());
    }

    public @Nullable Rate rate() {
        return now().spacing.rate();
    }

    /** Slots given back that no event could use: too late, or too many of them, or of a rate that holds no more. */
    public long lost() {
        return now().lost;
    }

    /** Takes the next slot, however far away. @return nanoseconds until that slot, 0 for now */
    public long reserve(long nowNanos) {
        return reserve(nowNanos, Long.MAX_VALUE);
    }

    /**
     * Takes the next slot if it is near enough: one that was given back, when that is the next.
     *
     * @return nanoseconds from {@code nowNanos} until the next slot, 0 for now; the slot is taken only when that is at
     *         most {@code maxWaitNanos}
     */
    public long reserve(long nowNanos, long maxWaitNanos) {
        while (true) {
            State before = now();
            if (before.spacing.isNone()) {
                return 0;
            }
            State usable = before.withoutPast(nowNanos);
            if (leases != null && usable.returned.isEmpty()) {
                lease(leases, before.spacing, nowNanos);
                continue;
            }
            long wait = waitNanos(usable, nowNanos);
            if (wait > maxWaitNanos) {
                return wait;
            }
            if (state.compareAndSet(before, usable.taken(nowNanos, wait))) {
                return wait;
            }
        }
    }

    /** Nanoseconds until the next slot, 0 for now; takes nothing. */
    public long peek(long nowNanos) {
        while (true) {
            State before = now();
            if (before.spacing.isNone()) {
                return 0;
            }
            State usable = before.withoutPast(nowNanos);
            if (leases == null || !usable.returned.isEmpty()) {
                return waitNanos(usable, nowNanos);
            }
            lease(leases, before.spacing, nowNanos);
        }
    }

    /** Whether forgetting it loses no slot that was taken and is still ahead; what is only leased is nobody's yet. */
    boolean isIdle(long nowNanos) {
        return leases != null || peek(nowNanos) == 0;
    }

    private long waitNanos(State usable, long nowNanos) {
        return leases == null ? usable.waitNanos(nowNanos) : usable.returned.getFirst() - nowNanos;
    }

    private void lease(SlotLeases from, Spacing spacing, long nowNanos) {
        long[] slots = from.lease(Objects.requireNonNull(spacing.rate()), MAX_LEASED, nowNanos + LEASE_NANOS, nowNanos);
        state.updateAndGet(now -> now.spacing.equals(spacing)
                ? now.withoutPast(nowNanos).withLeased(slots)
                : now.with(now.returned, now.lost + slots.length)); // the rate was changed just then
    }

    /**
     * Gives back a slot that won't be used. The latest one is taken back whenever it comes. An earlier one goes to the
     * next event that is asked for before the slot's time is past: a later use would come too near to the slot behind it,
     * whose holder has been told when to go.
     *
     * @param slotNanos when the slot was, as {@code now + reserve(now)} with the same {@code now}
     * @return whether it can be used again; else it is {@link #lost}
     */
    public boolean refund(long slotNanos, long nowNanos) {
        while (true) {
            State before = now();
            if (before.spacing.isNone()) {
                return true;
            }
            State usable = before.withoutPast(nowNanos);
            boolean kept = true;
            State after;
            if (usable.isLatest(slotNanos)) {
                after = usable.withoutLatest();
            } else if (slotNanos - nowNanos >= 0 && usable.returned.size() < MAX_RETURNED) {
                after = usable.withReturned(slotNanos);
            } else {
                kept = false;
                after = usable.with(usable.returned, usable.lost + 1);
            }
            if (state.compareAndSet(before, after)) {
                return kept;
            }
        }
    }

    /** From now on at this rate; slots already taken stay taken, those given back are lost when the rate is another. */
    public void reconfigure(@Nullable Rate rate, long nowNanos) {
        Spacing next = Spacing.of(rate);
        // A slot hours away at the old rate must not hold up the new one; a burst already spent isn't given again.
        long furthest = next.intervalNanos() + next.toleranceNanos();
        state.updateAndGet(before -> before.spacing.equals(next)
                ? before
                : new State(next, before.arrivalNanos - nowNanos > furthest ? nowNanos + furthest : before.arrivalNanos,
                        nowNanos, false, List.of(), before.lost + before.returned.size()));
    }
}
