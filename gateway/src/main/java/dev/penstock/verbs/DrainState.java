package dev.penstock.verbs;

import java.util.Locale;

/**
 * How far a drain is: a state machine, pure of I/O and of clocks. Guarded by its owner.
 *
 * <p>{@code OPEN → ANNOUNCED → REFUSING → STOPPING}, one after the other, and from the middle two back to {@code OPEN}. Who
 * balances load hears of it for the whole of ANNOUNCED while mail is still taken.
 */
final class DrainState {
    /** How far. */
    enum Phase {
        /** Nobody drains. */
        OPEN,
        /** Readiness says no, mail is taken. */
        ANNOUNCED,
        /** No new mail is taken, what is there goes out. */
        REFUSING,
        /** All is out, or the time is over. */
        STOPPING;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private Phase phase = Phase.OPEN;
    private long refusesMillis;
    private long stopsMillis;

    Phase phase() {
        return phase;
    }

    /** When it refuses mail, milliseconds since 1970. */
    long refusesMillis() {
        return refusesMillis;
    }

    /** When it stops at the latest, milliseconds since 1970. */
    long stopsMillis() {
        return stopsMillis;
    }

    /** @return whether it begins; while one is under way nothing changes */
    boolean begin(long nowMillis, long announceMillis, long longestMillis) {
        if (phase != Phase.OPEN) {
            return false;
        }
        phase = Phase.ANNOUNCED;
        refusesMillis = nowMillis + announceMillis;
        stopsMillis = refusesMillis + longestMillis;
        return true;
    }

    /** @return whether there was one that could be called off */
    boolean cancel() {
        if (phase == Phase.OPEN || phase == Phase.STOPPING) {
            return false;
        }
        phase = Phase.OPEN;
        return true;
    }

    /**
     * Time has passed.
     *
     * @param queued destinations, in whatever state
     * @param coming messages under way in, that were begun before
     */
    void step(long nowMillis, long queued, long coming) {
        if (phase == Phase.ANNOUNCED && nowMillis >= refusesMillis) {
            phase = Phase.REFUSING;
        }
        if (phase == Phase.REFUSING && (nowMillis >= stopsMillis || queued == 0 && coming == 0)) {
            phase = Phase.STOPPING;
        }
    }
}
