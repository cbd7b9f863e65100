package dev.penstock.queue;

import static java.util.Objects.requireNonNull;

import java.util.function.Predicate;

/**
 * Items by the time they are due: a hierarchical timing wheel (Varghese and Lauck 1987). Guarded by its owner's lock.
 *
 * <p>Five wheels of 64 slots; a slot of the finest lasts {@value #TICK_MILLIS} ms, one of each coarser as long as the
 * whole finer wheel. Inserting takes constant time. When a coarser slot's time begins, its items are spread over the
 * finer wheels, in the batches the caller allows, so that no call takes long however many items a slot holds. Empty
 * ticks cost nothing, hours of them neither.
 *
 * <p>Items come out in the order of their ticks, never early.
 */
final class TimingWheel {
    static final int TICK_SHIFT = 4;
    static final int TICK_MILLIS = 1 << TICK_SHIFT;
    private static final int LEVELS = 5; // 64^5 ticks are 198 days
    private static final int SLOT_SHIFT = 6;
    private static final int SLOTS = 1 << SLOT_SHIFT;
    private static final int SLOT_MASK = SLOTS - 1;
    private static final long SPAN_TICKS = 1L << LEVELS * SLOT_SHIFT;
    private static final long NEVER = Long.MAX_VALUE;
    /** Where items are, beside the slots of level n, which is n + 1. */
    private static final int NOWHERE = 0;
    private static final int DUE = LEVELS + 1;
    private static final int FAR = LEVELS + 2;
    private static final int COARSEST_SHIFT = (LEVELS - 1) * SLOT_SHIFT;

    private final ItemList[] slots = new ItemList[LEVELS * SLOTS];
    /** Which slots of a level hold items. */
    private final long[] occupied = new long[LEVELS];
    /** Items of a coarser slot whose time has begun, on their way to the finer wheels. */
    private final ItemList spreading = new ItemList();
    private final ItemList due = new ItemList();
    /** Items due beyond the coarsest wheel; looked at whenever a slot of that begins. */
    private final ItemList far = new ItemList();
    /** So many of these are still to be looked at. */
    private int farLeft;
    private long tick;
    private int size;

    TimingWheel(long nowMillis) {
        tick = nowMillis >> TICK_SHIFT;
    }

    int size() {
        return size;
    }

    void insert(QueueItem item) {
        size++;
        place(item);
    }

    /**
     * Moves on towards {@code nowMillis}.
     *
     * @param batch how many items may be touched
     * @param into  takes what is due, in order
     * @return whether all that is due by {@code nowMillis} has come out
     */
    boolean advance(long nowMillis, int batch, ItemList into) {
        long target = nowMillis >> TICK_SHIFT;
        for (int touched = 0; touched < batch; touched++) {
            QueueItem item = spreading.pollFirst();
            if (item != null) {
                place(item);
                continue;
            }
            item = farLeft-- > 0 ? far.pollFirst() : null;
            if (item != null) {
                place(item);
                continue;
            }
            farLeft = 0;
            item = due.pollFirst();
            if (item != null) {
                item.onWheel(NOWHERE);
                size--;
                into.addLast(item);
                continue;
            }
            long next = nextTick();
            if (next > target) {
                tick = Math.max(tick, target);
                return true;
            }
            begin(next);
        }
        return false;
    }

    /** @return whether it was on the wheel, and is no more */
    boolean remove(QueueItem item) {
        int place = item.onWheel();
        if (place == NOWHERE) {
            return false;
        }
        if (place == DUE) {
            due.remove(item);
        } else if (place == FAR) {
            far.remove(item);
        } else {
            removeFromLevel(item, place - 1);
        }
        item.onWheel(NOWHERE);
        size--;
        return true;
    }

    /** A slot whose time has begun has been emptied, and what was in it hasn't been placed since. */
    private void removeFromLevel(QueueItem item, int level) {
        long turn = dueTick(item) >> level * SLOT_SHIFT;
        if (turn << level * SLOT_SHIFT <= tick) {
            (level == 0 ? due : spreading).remove(item);
            return;
        }
        int slot = (int) turn & SLOT_MASK;
        ItemList list = requireNonNull(slots[level << SLOT_SHIFT | slot]);
        list.remove(item);
        if (list.isEmpty()) {
            occupied[level] &= ~(1L << slot);
        }
    }

    /** When {@link #advance} has something to do next, {@link Long#MAX_VALUE} for never. */
    long nextMillis() {
        if (!spreading.isEmpty() || !due.isEmpty() || farLeft > 0) {
            return tick << TICK_SHIFT;
        }
        long next = nextTick();
        return next == NEVER ? NEVER : next << TICK_SHIFT;
    }

    /** Shows every item, slot by slot, until {@code more} returns false. */
    void scan(Predicate<QueueItem> more) {
        boolean on = scan(due, more) && scan(spreading, more) && scan(far, more);
        for (int i = 0; on && i < slots.length; i++) {
            ItemList slot = slots[i];
            on = slot == null || scan(slot, more);
        }
    }

    private static boolean scan(ItemList list, Predicate<QueueItem> more) {
        for (QueueItem item = list.first(); item != null; item = item.next) {
            if (!more.test(item)) {
                return false;
            }
        }
        return true;
    }

    private static long dueTick(QueueItem item) {
        return item.dueMillis() + TICK_MILLIS - 1 >> TICK_SHIFT; // rounded up: never early
    }

    private void place(QueueItem item) {
        long dueTick = dueTick(item);
        long distance = dueTick - tick;
        if (distance <= 0) {
            item.onWheel(DUE);
            due.addLast(item);
            return;
        }
        if (distance >= SPAN_TICKS) {
            item.onWheel(FAR);
            far.addLast(item);
            return;
        }
        int level = (Long.SIZE - 1 - Long.numberOfLeadingZeros(distance)) / SLOT_SHIFT;
        int slot = (int) (dueTick >> level * SLOT_SHIFT) & SLOT_MASK;
        int index = level << SLOT_SHIFT | slot;
        ItemList list = slots[index];
        if (list == null) {
            list = new ItemList();
            slots[index] = list;
        }
        item.onWheel(level + 1);
        list.addLast(item);
        occupied[level] |= 1L << slot;
    }

    /** The next tick at which an occupied slot's time begins. */
    private long nextTick() {
        long next = NEVER;
        for (int level = 0; level < LEVELS; level++) {
            if (occupied[level] != 0) {
                int shift = level * SLOT_SHIFT;
                long turn = tick >> shift;
                // A coarser slot at the current position was emptied when its time began: its items are a whole turn away.
                int ahead = 1 + Long
                        .numberOfTrailingZeros(Long.rotateRight(occupied[level], (int) (turn + 1) & SLOT_MASK));
                next = Math.min(next, turn + ahead << shift);
            }
        }
        return far.isEmpty() ? next : Math.min(next, (tick >> COARSEST_SHIFT) + 1 << COARSEST_SHIFT);
    }

    private void begin(long next) {
        tick = next;
        for (int level = LEVELS - 1; level > 0; level--) {
            int shift = level * SLOT_SHIFT;
            if ((next & (1L << shift) - 1) == 0) {
                empty(level, (int) (next >> shift) & SLOT_MASK, spreading);
            }
        }
        empty(0, (int) next & SLOT_MASK, due);
        if ((next & (1L << COARSEST_SHIFT) - 1) == 0) {
            farLeft = far.size();
        }
    }

    private void empty(int level, int slot, ItemList into) {
        if ((occupied[level] & 1L << slot) != 0) {
            occupied[level] &= ~(1L << slot);
            into.addAll(requireNonNull(slots[level << SLOT_SHIFT | slot]));
        }
    }
}
