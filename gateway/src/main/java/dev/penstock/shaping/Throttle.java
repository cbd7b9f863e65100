package dev.penstock.shaping;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.shaping.LimitSource.Pace;

/** What one shaping key may do, and what it has done. Thread-safe. */
public final class Throttle {
    private final EgressPath key;
    private final SessionLimiter sessions;
    private final Gcra messages;
    private final Gcra connections;
    /** Spaces the queues that wait without a session for message slots further away than a session may idle. */
    private final Gcra wakes;
    private volatile TrafficLimits limits;
    private volatile long usedNanos;
    /** Guarded by the shaper's map. */
    int users;

    Throttle(EgressPath key, TrafficLimits limits, LimitSource source, long nowNanos) {
        this.key = key;
        this.limits = limits;
        this.sessions = new SessionLimiter("connection_limit", limits.connectionLimit(), 0,
                (limit, wanted, now) -> source.sessions(key, limit, wanted, now));
        this.messages = new Gcra(limits.maxMessageRate(), source.slots(key, Pace.MESSAGES), nowNanos);
        this.connections = new Gcra(limits.maxConnectionRate(), source.slots(key, Pace.CONNECTIONS), nowNanos);
        this.wakes = new Gcra(limits.maxMessageRate(), nowNanos);
        this.usedNanos = nowNanos;
    }

    public EgressPath key() {
        return key;
    }

    public TrafficLimits limits() {
        return limits;
    }

    public SessionLimiter sessions() {
        return sessions;
    }

    Gcra messages() {
        return messages;
    }

    /** Takes the next slot for opening a session, however far away. @return nanoseconds until it, 0 for now */
    public long reserveConnection(long nowNanos) {
        usedNanos = nowNanos;
        return connections.reserve(nowNanos);
    }

    /** Gives back a slot in which no session was opened; it was at {@code slotNanos}. */
    public void refundConnection(long slotNanos, long nowNanos) {
        connections.refund(slotNanos, nowNanos);
    }

    /**
     * When a queue that has no session should come back for the next message slot: queues that share the key are told
     * different times in the order they ask, so that none comes in vain each time. Nothing is reserved.
     *
     * @return nanoseconds from now
     */
    public long nextWake(long nowNanos) {
        long wait = messages.peek(nowNanos);
        return wait + wakes.reserve(nowNanos + wait);
    }

    /** What holds back whoever has a message for this key now, null when nothing does. */
    public @Nullable LimitReached waitingFor(long nowNanos) {
        TrafficLimits now = limits;
        long message = messages.peek(nowNanos);
        if (message > 0) {
            return new LimitReached("max_message_rate", String.valueOf(now.maxMessageRate()), message);
        }
        LimitReached full = sessions.refusal(nowNanos);
        if (full != null) {
            return full;
        }
        long connection = connections.peek(nowNanos);
        return connection == 0
                ? null
                : new LimitReached("max_connection_rate", String.valueOf(now.maxConnectionRate()), connection);
    }

    /** @return whether anything changed */
    boolean reconfigure(TrafficLimits next, long nowNanos) {
        if (next.equals(limits)) {
            return false;
        }
        limits = next;
        sessions.limit(next.connectionLimit());
        messages.reconfigure(next.maxMessageRate(), nowNanos);
        connections.reconfigure(next.maxConnectionRate(), nowNanos);
        wakes.reconfigure(next.maxMessageRate(), nowNanos);
        return true;
    }

    void used(long nowNanos) {
        usedNanos = nowNanos;
    }

    /** Whether forgetting this key changes nothing that matters: no queue, no session, and no slot that is still ahead. */
    boolean isIdle(long nowNanos, long idleNanos) {
        return users == 0 && sessions.open() == 0 && nowNanos - usedNanos > idleNanos
                && messages.isIdle(nowNanos) && connections.isIdle(nowNanos);
    }
}
