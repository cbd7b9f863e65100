package dev.penstock.shaping;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.shaping.OpeningLimiter.Place;
import dev.penstock.shaping.SessionLimiter.Holder;

/**
 * Leave to have one session open: one permit of each limiter it needs. Thread-safe; whoever gave it takes it back when
 * the session has ended. All permits of one key draw from the same rates and limits.
 */
public final class Permit {
    private final Throttle throttle;
    private final SharedSessions.@Nullable Held shared;
    private final SessionLimiter total;
    private final @Nullable Place place;
    /** Whether it goes beyond the window of the key's limiter, and hasn't shown yet whether that is borne. */
    private volatile boolean trial;
    private volatile boolean failed;

    /**
     * @param place among the sessions that come up; null when it needs none
     * @param total of all sessions of this process, or of those to local stores
     */
    public Permit(Throttle throttle, @Nullable Place place, SessionLimiter total, boolean trial) {
        this(throttle, null, place, total, trial);
    }

    /** @param shared of what its key shares with others; null when it needs none */
    public Permit(Throttle throttle, SharedSessions.@Nullable Held shared, @Nullable Place place, SessionLimiter total,
            boolean trial) {
        this.throttle = throttle;
        this.shared = shared;
        this.place = place;
        this.total = total;
        this.trial = trial;
    }

    /** What it is shaped by. */
    public Throttle throttle() {
        return throttle;
    }

    public SessionLimiter total() {
        return total;
    }

    /** What it holds of what its key shares with others, to be released when the session has ended; null for nothing. */
    public SharedSessions.@Nullable Held shared() {
        return shared;
    }

    /** Its place among the sessions that come up, held or not; null when it needs none. */
    public @Nullable Place place() {
        return place;
    }

    public boolean isTrial() {
        return trial;
    }

    /** What is configured now: ask again before each use, because it changes live. */
    public TrafficLimits limits() {
        return throttle.limits();
    }

    /**
     * Whether others wait for what this session holds.
     *
     * @param ownerWaitsAt where the session's own queue is registered, null for nowhere
     */
    public boolean isWanted(@Nullable Limiter ownerWaitsAt) {
        return total.isWanted(ownerWaitsAt == total)
                || throttle.sessions().isWanted(ownerWaitsAt == throttle.sessions())
                || shared != null && throttle.shared().isWanted(shared, ownerWaitsAt == throttle.shared());
    }

    /** The session can be asked to end from now on. */
    public void idle(Holder holder) {
        throttle.sessions().idle(holder);
        total.idle(holder);
        if (shared != null) {
            throttle.shared().idle(holder, shared);
        }
    }

    /** It can't be any more. */
    public void busy(Holder holder) {
        throttle.sessions().busy(holder);
        total.busy(holder);
        if (shared != null) {
            throttle.shared().busy(holder);
        }
    }

    /** Whether other sessions with the same site stand or are coming up; one that has failed does no more. */
    public boolean othersOpen() {
        return throttle.sessions().standing() > (failed ? 0 : 1);
    }

    /** The session has failed, and gives back what it holds when it has {@link #ended}. */
    public void failed() {
        if (!failed) {
            failed = true;
            throttle.sessions().failed();
        }
    }

    /** The session has ended: what it had of its key's limiter is free. Call {@link SessionLimiter#next} then. */
    public void ended(long nowNanos) {
        if (failed) {
            throttle.sessions().releaseFailed(trial, nowNanos);
        } else {
            throttle.sessions().release(trial, nowNanos);
        }
    }

    /** The session was refused while others stand. */
    public void refused(long nowNanos) {
        throttle.sessions().refused(trial, nowNanos);
        trial = false;
    }

    /**
     * The session has delivered.
     *
     * @return whether the window grew, so that {@link SessionLimiter#next} may have something to give
     */
    public boolean proved(long nowNanos) {
        boolean grown = throttle.sessions().proved(trial, nowNanos);
        trial = false;
        return grown;
    }
}
