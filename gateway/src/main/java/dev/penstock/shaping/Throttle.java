package dev.penstock.shaping;

import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;

/** What one shaping key may do, and what it has done. Thread-safe. */
final class Throttle {
    private final Site key;
    private final ConnectionLimiter sessions = new ConnectionLimiter();
    private final Gcra messages;
    private final Gcra connections;
    private final AtomicInteger failures = new AtomicInteger();
    private volatile TrafficLimits limits;
    private volatile long usedNanos;

    Throttle(Site key, TrafficLimits limits, long nowNanos) {
        this.key = key;
        this.limits = limits;
        this.messages = new Gcra(limits.maxMessageRate(), nowNanos);
        this.connections = new Gcra(limits.maxConnectionRate(), nowNanos);
        this.usedNanos = nowNanos;
    }

    Site key() {
        return key;
    }

    TrafficLimits limits() {
        return limits;
    }

    ConnectionLimiter sessions() {
        return sessions;
    }

    Gcra messages() {
        return messages;
    }

    int failures() {
        return failures.get();
    }

    /** @return null when a session is counted as open now */
    @Nullable
    Refusal tryOpen(long nowNanos) {
        TrafficLimits now = limits;
        usedNanos = nowNanos;
        if (!sessions.tryAcquire(now.connectionLimit())) {
            return connectionLimit(now);
        }
        long wait = connections.reserve(nowNanos, 0);
        if (wait > 0) {
            sessions.release();
            return new Refusal("max_connection_rate", String.valueOf(now.maxConnectionRate()), wait);
        }
        return null;
    }

    /** The refusal that {@link #tryOpen} would give for the connection limit; takes nothing. */
    @Nullable
    Refusal full() {
        TrafficLimits now = limits;
        return sessions.open() >= now.connectionLimit() ? connectionLimit(now) : null;
    }

    private static Refusal connectionLimit(TrafficLimits limits) {
        return new Refusal("connection_limit", Integer.toString(limits.connectionLimit()), 0);
    }

    /** What holds this key's mail back now, null when nothing does. */
    @Nullable
    Refusal waitingFor(long nowNanos) {
        TrafficLimits now = limits;
        long message = messages.peek(nowNanos);
        if (message > 0) {
            return new Refusal("max_message_rate", String.valueOf(now.maxMessageRate()), message);
        }
        Refusal full = full();
        if (full != null) {
            return full;
        }
        long connection = connections.peek(nowNanos);
        return connection == 0
                ? null
                : new Refusal("max_connection_rate", String.valueOf(now.maxConnectionRate()), connection);
    }

    void connected() {
        failures.set(0);
    }

    boolean connectionFailed() {
        return failures.incrementAndGet() >= limits.consecutiveConnectionFailuresBeforeDelay();
    }

    void reconfigure(TrafficLimits next, long nowNanos) {
        TrafficLimits before = limits;
        if (next.equals(before)) {
            return;
        }
        limits = next;
        messages.reconfigure(next.maxMessageRate(), nowNanos);
        connections.reconfigure(next.maxConnectionRate(), nowNanos);
    }

    /** Whether forgetting this key changes nothing that matters: no session, and no slot that is still ahead. */
    boolean isIdle(long nowNanos, long idleNanos, long idleFailingNanos) {
        return sessions.open() == 0 && nowNanos - usedNanos > (failures.get() == 0 ? idleNanos : idleFailingNanos)
                && messages.peek(nowNanos) == 0 && connections.peek(nowNanos) == 0;
    }
}
