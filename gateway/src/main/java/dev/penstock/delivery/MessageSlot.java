package dev.penstock.delivery;

import java.util.function.LongSupplier;

import dev.penstock.shaping.Permit;

/** The slot of one message, from its reservation until something is sent in it or it is given back. Confined to its delivery session. */
final class MessageSlot {
    private final Permit permit;
    private final LongSupplier nanoTime;
    private boolean taken;
    private long atNanos;

    MessageSlot(Permit permit, LongSupplier nanoTime) {
        this.permit = permit;
        this.nanoTime = nanoTime;
    }

    /** Takes the next slot if it is near enough; one that is held already stays. @return nanoseconds until it */
    long take(long nowNanos, long maxWaitNanos) {
        if (taken) {
            return Math.max(0, atNanos - nowNanos);
        }
        long wait = permit.reserveMessage(nowNanos, maxWaitNanos);
        taken = wait <= maxWaitNanos;
        atNanos = nowNanos + wait;
        return wait;
    }

    /** Takes the next slot if it is now. */
    boolean takeNow() {
        return take(nanoTime.getAsLong(), 0) == 0;
    }

    boolean isTaken() {
        return taken;
    }

    /** A message has gone in it. */
    void used() {
        taken = false;
    }

    /** Nothing was sent in it: others may have it. Does nothing when it isn't held. */
    void giveBack() {
        if (taken) {
            taken = false;
            permit.refundMessage(atNanos, nanoTime.getAsLong());
        }
    }
}
