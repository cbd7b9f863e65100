package dev.penstock.shaping;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;

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
    public static final SenderLimits NONE = new SenderLimits(null, List.of(), 0, _ -> {});
    /** Who has to wait for the end of a delivery is told of it; and asks again after so long, should that be missed. */
    static final long RETRY_NANOS = 1_000_000_000;
    /** Of so many messages the mean interval is told: rates that were found by control change within minutes. */
    private static final int MEASURED = 32;
    /** Ten minutes: what was measured before mail that comes after so long is of another time. */
    private static final long IDLE_NANOS = 600_000_000_000L;

    /** Who has mail that may not go now: the same object whenever that mail is asked about. Confined to who asks. */
    public static final class Waiter {
        private final BooleanSupplier mayGoOn;
        /** At whose rates it has a turn; null for none. */
        private @Nullable SenderLimits turnAt;
        private long turnNanos;
        private boolean comesAgain;
        private boolean waits;
        /** What it waits for is no pace: a day's end. */
        private boolean waitsForTheDay;
        private long waitsSinceNanos;
        private long toldNanos;
        /** Whether there was other mail when a message went. */
        private boolean hadMore;
        /** One that went has come back untried: when it goes again, that counted already. */
        private boolean cameBack;
        private long wentNanos;
        private double intervalNanos;
        /** Of so many intervals it is the mean; none above {@link #MEASURED}. */
        private int measured;

        /**
         * @param mayGoOn told that a message may go after all; answers whether there is one that waited for that, else
         *                another has its turn
         */
        public Waiter(BooleanSupplier mayGoOn) {
            this.mayGoOn = mayGoOn;
        }

        /**
         * From one of its messages to the next, as the limits let the last of them go: others may share these.
         *
         * @return 0 while none had to wait
         */
        public double intervalNanos() {
            return intervalNanos;
        }

        /**
         * A message may not go before some time. That it is asked about later than that tells nothing of the limits.
         *
         * @param forTheDay whether a day's end is waited for
         */
        public void waits(long nowNanos, long waitNanos, boolean forTheDay) {
            if (!waits) {
                waits = true;
                if (nowNanos - wentNanos > IDLE_NANOS) {
                    hadMore = false;
                    measured = 0;
                }
                waitsSinceNanos = hadMore ? wentNanos : nowNanos;
            } else {
                waitsSinceNanos += Math.max(0, nowNanos - toldNanos);
            }
            waitsForTheDay |= forTheDay;
            toldNanos = nowNanos + waitNanos;
        }

        /**
         * A message goes. What waited for no limit tells only that it can be faster.
         *
         * @param more whether there is other mail behind it
         */
        public void goes(long nowNanos, boolean more) {
            double since = waits
                    ? Math.min(nowNanos - waitsSinceNanos, toldNanos - waitsSinceNanos)
                    : nowNanos - wentNanos;
            boolean counts = waits ? !waitsForTheDay : hadMore && since < intervalNanos;
            if (counts && !cameBack) {
                measured = Math.min(measured + 1, MEASURED);
                intervalNanos += (since - intervalNanos) / measured;
            }
            waits = false;
            waitsForTheDay = false;
            cameBack = false;
            hadMore = more;
            wentNanos = nowNanos;
        }

        /** A message that {@linkplain #goes went} has come back untried. */
        public void cameBack() {
            cameBack = true;
        }

        /** No limit binds it any more. */
        public void isFree() {
            waits = false;
            waitsForTheDay = false;
            hadMore = false;
        }
    }

    /** Messages in delivery at one time, of a limit. Guarded by itself. */
    static final class InDelivery {
        private volatile SharedLimit says;
        private int open;
        /** In the order in which they came, each once however often it was refused. */
        private final LinkedHashSet<Waiter> waiting = new LinkedHashSet<>(0);

        InDelivery(SharedLimit says) {
            this.says = says;
        }

        private static int most(SharedLimit says) {
            return says.bound() instanceof SharedLimit.Bound.Count(int most) ? most : Integer.MAX_VALUE;
        }

        private synchronized boolean tryTake(Waiter waiter) {
            if (open >= most(says)) {
                waiting.add(waiter);
                return false;
            }
            waiting.remove(waiter);
            open++;
            return true;
        }

        private void giveBack(Consumer<Runnable> later) {
            boolean passes;
            synchronized (this) {
                open--;
                passes = open < most(says) && !waiting.isEmpty();
            }
            if (passes) {
                later.accept(this::passOn);
            }
        }

        /** To the first of those who wait that has a use for it. */
        private void passOn() {
            for (Waiter next = next(); next != null && !next.mayGoOn.getAsBoolean(); next = next()) {
                // that one has nothing to send any more
            }
        }

        private synchronized @Nullable Waiter next() {
            return open < most(says) && !waiting.isEmpty() ? waiting.removeFirst() : null;
        }

        /** From now on so many. */
        void limit(SharedLimit next, Consumer<Runnable> later) {
            int free;
            synchronized (this) {
                says = next;
                free = Math.min(most(next) - open, waiting.size());
            }
            for (int i = 0; i < free; i++) {
                later.accept(this::passOn);
            }
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

    /**
     * The answer to who is about to send a message: taken, or what was reached and for how long to wait.
     *
     * @param forTheDay whether it is a day's count that was reached
     */
    public record Answer(@Nullable Taken taken, long waitNanos, boolean forTheDay,
            @Nullable Supplier<LimitReached> reached) {}

    private final @Nullable Flow rates;
    private final List<InDelivery> inDelivery;
    private final int line;
    private final Consumer<Runnable> later;

    /** @param line greater than before when all who wait ask anew */
    SenderLimits(@Nullable Flow rates, List<InDelivery> inDelivery, int line, Consumer<Runnable> later) {
        this.rates = rates;
        this.inDelivery = List.copyOf(inDelivery);
        this.line = line;
        this.later = later;
    }

    public boolean isNone() {
        return rates == null && inDelivery.isEmpty();
    }

    /**
     * A message is about to be sent.
     *
     * @param waiter told, on a thread of ours, when a message may go after all, where that is not a matter of time
     */
    public Answer take(Cost cost, Waiter waiter, long nowNanos) {
        Slot slot = null;
        Flow bound = rates;
        if (bound != null) {
            slot = bound.slot();
            boolean hasTurn = equals(waiter.turnAt);
            long since = hasTurn && nowNanos - waiter.turnNanos > 0 ? waiter.turnNanos : nowNanos;
            long turn = nowNanos + slot.takeInLine(cost, since, hasTurn ? -1 : line, waiter.comesAgain, nowNanos);
            SharedLimit refusedBy = slot.refusedBy();
            if (refusedBy != null) {
                waiter.turnNanos = hasTurn && waiter.turnNanos - turn > 0 ? waiter.turnNanos : turn;
                waiter.turnAt = slot.hasTurn() ? this : null;
                waiter.comesAgain = !slot.hasTurn();
                long wait = waiter.turnNanos - nowNanos;
                return new Answer(null, wait, refusedBy.bound() instanceof SharedLimit.Bound.Daily,
                        () -> Pacer.reached(refusedBy, wait));
            }
        }
        for (int i = 0; i < inDelivery.size(); i++) {
            InDelivery full = inDelivery.get(i);
            if (!full.tryTake(waiter)) {
                if (slot != null) {
                    slot.giveBack(nowNanos);
                }
                inDelivery.subList(0, i).forEach(each -> each.giveBack(later));
                SharedLimit says = full.says;
                return new Answer(null, RETRY_NANOS, false, () -> Pacer.reached(says, 0));
            }
        }
        waiter.turnAt = null;
        waiter.comesAgain = false;
        return new Answer(new Taken(this, slot), 0, false, null);
    }
}
