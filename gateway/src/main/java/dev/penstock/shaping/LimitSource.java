package dev.penstock.shaping;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * Where the limits of a shaping key come from: they are this node's own, or several nodes share them and each leases what
 * it needs. Thread-safe. It answers at once, from what this node has been given; it never waits for others. Times are
 * {@link System#nanoTime()}'s.
 */
public interface LimitSource {
    /** All of every limit is this node's, for good. */
    LimitSource LOCAL = new LimitSource() {
        @Override
        public Lease sessions(EgressPath key, int limit, int wanted, long nowNanos) {
            return Lease.ALL;
        }

        @Override
        public @Nullable SlotLeases slots(EgressPath key, Pace pace) {
            return null;
        }
    };

    /** What a key's slots are for. */
    enum Pace {
        MESSAGES,
        CONNECTIONS
    }

    /**
     * Permits for sessions that a node may have open, those already open included.
     *
     * @param untilNanos from when none may be opened by it, and it is worth asking again
     * @param forGood    it has no end, and {@code untilNanos} means nothing
     */
    record Lease(int granted, long untilNanos, boolean forGood) {
        static final Lease ALL = new Lease(Integer.MAX_VALUE, 0, true);
        static final Lease NONE = new Lease(0, 0, true);

        public static Lease of(int granted, long untilNanos) {
            return new Lease(granted, untilNanos, false);
        }

        boolean holds(long nowNanos) {
            return forGood || nowNanos - untilNanos < 0;
        }
    }

    /** Slots of one rate, from whoever shares them out. */
    @FunctionalInterface
    interface SlotLeases {
        /**
         * Leases the next slots of {@code rate} that are nobody else's: those up to {@code untilNanos}, {@code most} at
         * most, and one at least however far away.
         *
         * @return their times, ascending, none before {@code nowNanos}; those not used when they come are lost
         */
        long[] lease(Rate rate, int most, long untilNanos, long nowNanos);
    }

    /**
     * Leases permits for sessions in place of what this node has leased of {@code key}. Who shares them out counts them
     * for as long beyond the lease's end as a session that was opened by it may stand; then they return by themselves.
     *
     * @param limit  what all nodes may have open together
     * @param wanted what this node would like to have open, those already open included
     */
    Lease sessions(EgressPath key, int limit, int wanted, long nowNanos);

    /** Where the slots of {@code key} come from; null when all slots of its rate are this node's. */
    @Nullable
    SlotLeases slots(EgressPath key, Pace pace);
}
