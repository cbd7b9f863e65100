package dev.penstock.delivery;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.units.MailClass;

/** The slot of one message, until something is sent in it or it is given back. Confined to its delivery session. */
final class MessageSlot {
    /** It comes about when it was told to, as far as others that wait keep to it: so much later it has become another. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Flow flow;
    private final Slot slot;
    private final LongSupplier nanoTime;

    MessageSlot(Flow flow, LongSupplier nanoTime) {
        this.flow = flow;
        this.slot = flow.slot();
        this.nanoTime = nanoTime;
    }

    /**
     * Takes the slot if it is now, and else waits for it if it is near enough; one that is held already stays.
     *
     * @param of the message that it is for; bulk when that waits in its queue, which says so itself
     * @return whether it is taken or waited for
     */
    boolean take(Cost cost, MailClass of, long longestNanos) {
        slot.take(cost, of, longestNanos, nanoTime.getAsLong());
        return slot.isTaken() || slot.isWaiting();
    }

    /** Takes the next slot if it is now, for a message of which nothing is known. */
    boolean takeNow() {
        return slot.isTaken() || !flow.weighs() && slot.take(Cost.ONE, -1, nanoTime.getAsLong()) == 0 && slot.isTaken();
    }

    /** Whether what recipients and octets a message has matters, so that a slot is that message's alone. */
    boolean weighs() {
        return flow.weighs();
    }

    boolean isTaken() {
        return slot.isTaken();
    }

    /** @return whether it came; else it has become further away than {@code longestNanos}, and is waited for no more */
    boolean await(long longestNanos) throws InterruptedException {
        return slot.await(longestNanos + PATIENCE_NANOS);
    }

    /** A message has gone in it. */
    void used() {
        slot.used();
    }

    /** Nothing was sent in it: others may have it. Does nothing when it isn't held. */
    void giveBack() {
        slot.giveBack(nanoTime.getAsLong());
    }
}
