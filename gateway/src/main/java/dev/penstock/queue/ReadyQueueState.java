package dev.penstock.queue;

/**
 * A ready queue as it stands, told in constant time. Immutable.
 *
 * @param key                  which
 * @param ready                messages waiting for their turn
 * @param withheld             messages whose sender's mail waits, beside the ready ones
 * @param active               messages taken by sessions
 * @param opening              sessions coming up
 * @param up                   sessions that are up
 * @param idle                 of these, waiting for mail
 * @param domains              whose mail goes through it
 * @param suspendedUntilMillis milliseconds since 1970; 0 when it isn't suspended, or nobody knows
 * @param tries                sessions tried since the suspension began; 0 when it isn't suspended
 * @param suspendedWhy         empty when it isn't suspended
 * @param waitingFor           what the ready messages wait for, the limiter with its value and time; empty when none are
 * @param lastGoesMillis       when all that is ready now will probably have gone, milliseconds since 1970; 0 when that
 *                             can't be told
 * @param error                nine of ten waits were told with an error of at most this part of them; negative when none
 *                             was yet
 * @param probes               waits that tell this, the older ones less
 */
public record ReadyQueueState(QueueKey key, int ready, int withheld, int active, int opening, int up, int idle,
        int domains, long suspendedUntilMillis, int tries, String suspendedWhy, String waitingFor,
        long lastGoesMillis, double error, double probes) {}
