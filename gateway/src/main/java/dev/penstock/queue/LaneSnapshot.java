package dev.penstock.queue;

import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * A lane as it stands. Immutable.
 *
 * @param key                  which
 * @param ready                messages waiting for their turn
 * @param active               messages taken by couriers
 * @param waitingCouriers      idle couriers waiting for mail
 * @param domains              whose mail goes through it
 * @param readyByTenant        the ready messages by tenant
 * @param oldestReceivedMillis when the message that waits longest was accepted, milliseconds since 1970; 0 for none
 * @param parkedUntilMillis    milliseconds since 1970; 0 when it isn't parked
 * @param parkedWhy            empty when it isn't parked
 * @param waitingFor           the limiter that holds it back, its value, and when it yields; null when none does
 */
public record LaneSnapshot(LaneKey key, int ready, int active, int waitingCouriers, int domains,
        Map<String, Integer> readyByTenant, long oldestReceivedMillis, long parkedUntilMillis, String parkedWhy,
        @Nullable String waitingFor) {}
