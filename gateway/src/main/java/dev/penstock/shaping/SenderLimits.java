package dev.penstock.shaping;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;

/**
 * What binds one sender's mail on one path beside what binds the path: rates, and messages in delivery at one time.
 * Thread-safe. Nobody waits here: who has mail that may not go leaves it aside until the time that is told.
 */
public final class SenderLimits {
    /** Nothing binds it. */
    public static final SenderLimits NONE = new SenderLimits(null, List.of(), _ -> {});
    /** Who has to wait for the end of a delivery is told of it; and asks again after so long, should that be missed. */
    static final long RETRY_NANOS = 1_000_000_000;

    /** Messages in delivery at one time, of a limit. Guarded by itself. */
    static final class InDelivery {
        private volatile SharedLimit says;
        private int open;
        private final Queue<Runnable> waiting = new ArrayDeque<>(0);

        InDelivery(SharedLimit says) {
            this.says = says;
        }

        private static int most(SharedLimit says) {
            return says.bound() instanceof SharedLimit.Bound.Count(int most) ? most : Integer.MAX_VALUE;
        }

        private synchronized boolean tryTake(Runnable free) {
            if (open >= most(says)) {
                waiting.add(free);
                return false;
            }
            open++;
            return true;
        }

        private void giveBack(Consumer<Runnable> later) {
            Runnable next;
            synchronized (this) {
                open--;
                next = open < most(says) ? waiting.poll() : null;
            }
            if (next != null) {
                later.accept(next);
            }
        }

        /** From now on so many. */
        void limit(SharedLimit next, Consumer<Runnable> later) {
            List<Runnable> free = new ArrayList<>();
            synchronized (this) {
                says = next;
                for (int i = open; i < most(next) && !waiting.isEmpty(); i++) {
                    free.add(waiting.remove());
                }
            }
            free.forEach(later);
        }

        synchronized boolean isIdle() {
            return open == 0;
        }
    }

    /** One message's. Confined to whoever has the message in hand. */
    public static final class Taken {
        private final SenderLimits of;
        private final @Nullable Slot slot;

        private Taken(SenderLimits of, @Nullable Slot slot) {
            this.of = of;
            this.slot = slot;
        }

        /** So many recipients are asked for, beside the one that was counted when it was taken. */
        public void sent(int more) {
            if (slot != null && more > 0) {
                slot.alsoTakes(more);
            }
        }

        /**
         * The message is in nobody's hands any more.
         *
         * @param sent whether something was sent of it: then it counts
         */
        public void giveBack(boolean sent, long nowNanos) {
            if (slot != null && !sent) {
                slot.giveBack(nowNanos);
            }
            of.inDelivery.forEach(each -> each.giveBack(of.later));
        }
    }

    /** The answer to who is about to send a message. Exactly one of the two says something. */
    public record Answer(@Nullable Taken taken, long waitNanos, @Nullable LimitReached reached) {}

    private final @Nullable Flow rates;
    private final List<InDelivery> inDelivery;
    private final Consumer<Runnable> later;

    SenderLimits(@Nullable Flow rates, List<InDelivery> inDelivery, Consumer<Runnable> later) {
        this.rates = rates;
        this.inDelivery = List.copyOf(inDelivery);
        this.later = later;
    }

    public boolean isNone() {
        return rates == null && inDelivery.isEmpty();
    }

    /**
     * A message is about to be sent.
     *
     * @param free run, on a thread of ours, when a message may go after all, where that is not a matter of time
     */
    public Answer take(Cost cost, Runnable free, long nowNanos) {
        Slot slot = rates == null ? null : rates.slot();
        long wait = slot == null ? 0 : slot.take(cost, -1, nowNanos);
        if (slot != null && !slot.isTaken()) {
            return new Answer(null, Math.max(1, wait), rates.waitingFor(nowNanos));
        }
        for (int i = 0; i < inDelivery.size(); i++) {
            InDelivery full = inDelivery.get(i);
            if (!full.tryTake(free)) {
                if (slot != null) {
                    slot.giveBack(nowNanos);
                }
                inDelivery.subList(0, i).forEach(each -> each.giveBack(later));
                return new Answer(null, RETRY_NANOS, Pacer.reached(full.says, 0));
            }
        }
        return new Answer(new Taken(this, slot), 0, null);
    }
}
