package dev.penstock.shaping;

import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneId;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * How much of one limit is used up. Guarded by the {@link Pacer}'s lock. Times are {@link System#nanoTime()}'s.
 *
 * <p>An event is allowed or not whatever it costs; what costs much is paid for by those that come after it. So a message
 * of a thousand recipients goes at once where nothing went before it, and the next waits for a thousand intervals.
 */
sealed interface Meter {
    /** No event takes up more time than this, so that sums with times don't overflow. */
    long LONGEST_NANOS = Long.MAX_VALUE / 8;

    /** Nanoseconds until an event of that cost may go, 0 when one may. */
    long waitNanos(long nowNanos, long cost);

    /** How long ago an event that waits could have gone at the earliest, {@link Long#MAX_VALUE} for nobody knows. */
    long lateNanos(long nowNanos);

    /**
     * An event goes that may.
     *
     * @param lateNanos it should have gone so long ago
     * @return a stamp to give it back by
     */
    long take(long nowNanos, long lateNanos, long cost);

    /** Nothing came of an event. @return whether another may go in its stead; else it is lost */
    boolean giveBack(long stamp, long nowNanos, long cost);

    /** Nanoseconds between two events that cost one each; 0 when nobody knows. */
    long intervalNanos();

    /** Whether forgetting it changes nothing. */
    boolean isIdle(long nowNanos);

    /** Spaced evenly, by the generic cell rate algorithm (ITU-T I.371). */
    final class Spaced implements Meter {
        private Spacing spacing;
        /** The theoretical arrival time of the next event. */
        private long arrivalNanos;

        Spaced(Rate rate, long nowNanos) {
            this.spacing = Spacing.of(rate);
            this.arrivalNanos = nowNanos;
        }

        @Override
        public long waitNanos(long nowNanos, long cost) {
            return spacing.waitNanos(arrivalNanos, nowNanos);
        }

        @Override
        public long lateNanos(long nowNanos) {
            return Math.max(0, nowNanos - arrivalNanos + spacing.toleranceNanos());
        }

        @Override
        public long take(long nowNanos, long lateNanos, long cost) {
            long slot = nowNanos - lateNanos;
            arrivalNanos = slot + Math.max(0, arrivalNanos - slot) + costNanos(cost);
            return arrivalNanos;
        }

        private long costNanos(long cost) {
            long interval = spacing.intervalNanos();
            return cost > LONGEST_NANOS / interval ? LONGEST_NANOS : cost * interval;
        }

        @Override
        public boolean giveBack(long stamp, long nowNanos, long cost) {
            if (stamp != arrivalNanos) { // others were told when to go since
                return false;
            }
            arrivalNanos -= costNanos(cost);
            return true;
        }

        @Override
        public long intervalNanos() {
            return spacing.intervalNanos();
        }

        @Override
        public boolean isIdle(long nowNanos) {
            return arrivalNanos - nowNanos <= 0;
        }

        /** From now on at this rate: a slot hours away at the old one holds up nothing, a burst already spent isn't given again. */
        void rate(Rate next, long nowNanos) {
            Spacing now = Spacing.of(next);
            if (!now.equals(spacing)) {
                spacing = now;
                long furthest = spacing.intervalNanos() + spacing.toleranceNanos();
                arrivalNanos = arrivalNanos - nowNanos > furthest ? nowNanos + furthest : arrivalNanos;
            }
        }
    }

    /** Of a rate that nodes share: one slot of it is in hand, or about to be. */
    final class Leased implements Meter {
        private final Gcra slots;
        private boolean inHand;
        private long slotNanos;

        Leased(Gcra slots) {
            this.slots = slots;
        }

        @Override
        public long waitNanos(long nowNanos, long cost) {
            if (!inHand || nowNanos - slotNanos > Pacer.CATCH_UP_NANOS) { // what nobody used in time is lost
                slotNanos = nowNanos + slots.reserve(nowNanos);
                inHand = true;
            }
            return Math.max(0, slotNanos - nowNanos);
        }

        @Override
        public long lateNanos(long nowNanos) {
            return inHand ? Math.max(0, nowNanos - slotNanos) : Long.MAX_VALUE;
        }

        @Override
        public long take(long nowNanos, long lateNanos, long cost) {
            inHand = false;
            return slotNanos;
        }

        @Override
        public boolean giveBack(long stamp, long nowNanos, long cost) {
            if (inHand || nowNanos - stamp > Pacer.CATCH_UP_NANOS) {
                return slots.refund(stamp, nowNanos);
            }
            slotNanos = stamp;
            inHand = true;
            return true;
        }

        @Override
        public long intervalNanos() {
            Rate rate = slots.rate();
            return rate == null ? 0 : rate.intervalNanos();
        }

        @Override
        public boolean isIdle(long nowNanos) {
            return slots.isIdle(nowNanos);
        }

        void rate(@Nullable Rate next, long nowNanos) {
            inHand = false; // of the old rate
            slots.reconfigure(next, nowNanos);
        }
    }

    /** So many on each day of a zone. */
    final class Daily implements Meter {
        private final InstantSource clock;
        private long most;
        private ZoneId zone;
        private long used;
        private long beginMillis;
        private long endMillis;

        Daily(SharedLimit.Bound.Daily bound, InstantSource clock) {
            this.clock = clock;
            this.most = bound.most();
            this.zone = bound.zone();
        }

        /** @return milliseconds since 1970 */
        private long today() {
            long now = clock.millis();
            if (now >= endMillis || now < beginMillis) {
                used = now < beginMillis ? used : 0; // a clock that is set back gives no second day
                var day = Instant.ofEpochMilli(now).atZone(zone).toLocalDate();
                beginMillis = day.atStartOfDay(zone).toInstant().toEpochMilli();
                endMillis = day.plusDays(1).atStartOfDay(zone).toInstant().toEpochMilli();
            }
            return now;
        }

        @Override
        public long waitNanos(long nowNanos, long cost) {
            long now = today();
            return used == 0 || used + Math.min(cost, most) <= most
                    ? 0
                    : TimeUnit.MILLISECONDS.toNanos(endMillis - now);
        }

        @Override
        public long lateNanos(long nowNanos) {
            return Long.MAX_VALUE;
        }

        @Override
        public long take(long nowNanos, long lateNanos, long cost) {
            today();
            used += cost;
            return endMillis;
        }

        @Override
        public boolean giveBack(long stamp, long nowNanos, long cost) {
            today();
            if (stamp != endMillis) {
                return false;
            }
            used -= cost;
            return true;
        }

        @Override
        public long intervalNanos() {
            return 0;
        }

        @Override
        public boolean isIdle(long nowNanos) {
            today();
            return used == 0;
        }

        /** Today's count stays, by whichever zone's day. */
        void bound(SharedLimit.Bound.Daily next) {
            most = next.most();
            if (!next.zone().equals(zone)) {
                long had = used;
                zone = next.zone();
                endMillis = 0;
                today();
                used = had;
            }
        }
    }
}
