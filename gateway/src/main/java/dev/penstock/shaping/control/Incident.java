package dev.penstock.shaping.control;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ControlConfig;

/**
 * Whether one provider defers so many tenants' mail that it is nobody's in particular: a state machine, pure of I/O and of
 * clocks, guarded by its owner. Times are {@link System#nanoTime()}'s.
 *
 * <p>Invariant: it begins only when tenants, share and messages of the window's answers are all above what is configured,
 * and is over after {@link #PROVED} messages in a row that were sent since and taken, or a window without any answer.
 */
final class Incident {
    /** Probes taken in a row that end it. */
    static final int PROVED = 5;
    /** Parts of the window; what is older than all of them counts no more. */
    private static final int PARTS = 10;
    /** Tenants that are told apart. */
    private static final int MOST_TENANTS = 10_000;
    private static final int PERCENT = 100;

    private final long[] taken = new long[PARTS];
    private final long[] deferred = new long[PARTS];
    private long part = Long.MIN_VALUE;
    private long beganNanos;
    /** When each was last deferred, the longest ago first. */
    private final Map<String, Long> tenants = new LinkedHashMap<>();
    private boolean on;
    private long onNanos;
    private int inRow;
    private long answeredNanos;

    /** What there is when it begins, for people. */
    record Seen(int tenants, long deferred, long messages) {
        @Override
        public String toString() {
            return deferred + " of " + messages + " messages of " + tenants + " tenants deferred";
        }
    }

    boolean isOn() {
        return on;
    }

    /** @return how many there were, when it begins with this one */
    @Nullable
    Seen deferred(String tenant, ControlConfig config, long nowNanos) {
        turn(config, nowNanos);
        deferred[place()]++;
        inRow = 0;
        if (!tenant.isEmpty() && (tenants.size() < MOST_TENANTS || tenants.containsKey(tenant))) {
            tenants.remove(tenant);
            tenants.put(tenant, nowNanos);
        }
        if (on) {
            return null;
        }
        long window = config.incidentWindow().toNanos();
        tenants.values().removeIf(last -> nowNanos - last > window);
        Seen seen = seen();
        if (seen.tenants < config.incidentTenants() || seen.messages < config.incidentMessages()
                || seen.deferred * PERCENT < seen.messages * config.incidentShare()) {
            return null;
        }
        on = true;
        onNanos = nowNanos;
        return seen;
    }

    /** So many were taken since this was told last, while there was no incident. */
    void taken(long messages, ControlConfig config, long nowNanos) {
        turn(config, nowNanos);
        taken[place()] += messages;
    }

    /** @return whether it is over with this one */
    boolean delivered(long sentNanos, ControlConfig config, long nowNanos) {
        turn(config, nowNanos);
        taken[place()]++;
        if (!on || sentNanos - onNanos <= 0) {
            return false;
        }
        inRow++;
        return inRow >= PROVED && end();
    }

    /** @return whether it is over, since nobody has asked for so long */
    boolean passes(ControlConfig config, long nowNanos) {
        return on && nowNanos - answeredNanos > config.incidentWindow().toNanos() && end();
    }

    private boolean end() {
        on = false;
        inRow = 0;
        tenants.clear();
        Arrays.fill(taken, 0);
        Arrays.fill(deferred, 0);
        return true;
    }

    private Seen seen() {
        long ofDeferred = 0;
        long all = 0;
        for (int i = 0; i < PARTS; i++) {
            ofDeferred += deferred[i];
            all += deferred[i] + taken[i];
        }
        return new Seen(tenants.size(), ofDeferred, all);
    }

    private int place() {
        return (int) Math.floorMod(part, (long) PARTS);
    }

    private void turn(ControlConfig config, long nowNanos) {
        answeredNanos = nowNanos;
        if (part == Long.MIN_VALUE) {
            part = 0;
            beganNanos = nowNanos;
        }
        long length = Math.max(1, config.incidentWindow().toNanos() / PARTS);
        long steps = (nowNanos - beganNanos) / length;
        for (long step = 0; step < Math.min(steps, PARTS); step++) {
            part++;
            taken[place()] = 0;
            deferred[place()] = 0;
        }
        if (steps > 0) {
            beganNanos += steps * length;
        }
    }

    /** Kept over a restart: that it is on. */
    void isOnSince(long nowNanos) {
        on = true;
        onNanos = nowNanos;
        answeredNanos = nowNanos;
    }
}
