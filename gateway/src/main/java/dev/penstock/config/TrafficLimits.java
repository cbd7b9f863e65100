package dev.penstock.config;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * How fast one site or domain may be sent to. Keys are KumoMTA's.
 *
 * @param connectionLimit           sessions open at one time ({@code connection_limit})
 * @param maxMessageRate            messages, null for no limit ({@code max_message_rate})
 * @param maxConnectionRate         sessions opened, null for no limit ({@code max_connection_rate})
 * @param maxDeliveriesPerConnection messages, then the session is closed ({@code max_deliveries_per_connection})
 * @param idleTimeout               a session with nothing to send is kept this long ({@code idle_timeout})
 * @param maxConnectionAge          a session is closed when it is this old ({@code max_connection_age}; Postfix's
 *                                  smtp_connection_reuse_time_limit)
 * @param consecutiveConnectionFailuresBeforeDelay after this many in a row the ready queue is suspended
 *                                  ({@code consecutive_connection_failures_before_delay})
 * @param enableTls                 how TLS is used, null for {@code delivery.tls} ({@code enable_tls})
 */
public record TrafficLimits(int connectionLimit, @Nullable Rate maxMessageRate, @Nullable Rate maxConnectionRate,
        int maxDeliveriesPerConnection, Duration idleTimeout, Duration maxConnectionAge,
        int consecutiveConnectionFailuresBeforeDelay, @Nullable TlsPolicy enableTls) {
    public static final TrafficLimits DEFAULT = new TrafficLimits(10, null, null, 1_000, Duration.ofSeconds(5),
            Duration.ofMinutes(5), 10);

    /** With TLS as {@code delivery.tls} says. */
    public TrafficLimits(int connectionLimit, @Nullable Rate maxMessageRate, @Nullable Rate maxConnectionRate,
            int maxDeliveriesPerConnection, Duration idleTimeout, Duration maxConnectionAge,
            int consecutiveConnectionFailuresBeforeDelay) {
        this(connectionLimit, maxMessageRate, maxConnectionRate, maxDeliveriesPerConnection, idleTimeout,
                maxConnectionAge, consecutiveConnectionFailuresBeforeDelay, null);
    }
}
