package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * How fast one site or domain may be sent to; null means no limit. Keys are KumoMTA's. Each component is the key of its
 * name.
 *
 * @param enableTls how TLS is used, null for {@code delivery.tls}
 */
public record TrafficLimits(int connectionLimit, @Nullable Rate maxMessageRate, @Nullable Rate maxConnectionRate,
        int maxDeliveriesPerConnection, Duration idleTimeout, Duration maxConnectionAge,
        int consecutiveConnectionFailuresBeforeDelay, @Nullable TlsPolicy enableTls, boolean enableMtaSts,
        boolean enableDane)
        implements
            TableRecord<TrafficLimits> {
    static final int MAX_COUNT = 1_000_000;

    static final Table<TrafficLimits> TABLE = Table.of(TrafficLimits.class, TrafficLimits::new, "");
    public static final Key<TrafficLimits, Integer> CONNECTION_LIMIT = TABLE.key("connection_limit",
            TrafficLimits::connectionLimit, ShapingReader.connectionLimit(10), "Sessions open at one time.");
    public static final Key<TrafficLimits, @Nullable Rate> MAX_MESSAGE_RATE = TABLE.key("max_message_rate",
            TrafficLimits::maxMessageRate, ShapingReader.rate(), "Messages; \"none\" is no limit.");
    public static final Key<TrafficLimits, @Nullable Rate> MAX_CONNECTION_RATE = TABLE.key("max_connection_rate",
            TrafficLimits::maxConnectionRate, ShapingReader.rate(), "Sessions opened; \"none\" is no limit.");
    public static final Key<TrafficLimits, Integer> MAX_DELIVERIES_PER_CONNECTION = TABLE.key(
            "max_deliveries_per_connection", TrafficLimits::maxDeliveriesPerConnection, integer(1_000, 1, MAX_COUNT),
            "Messages, then the session is closed.");
    public static final Key<TrafficLimits, Duration> IDLE_TIMEOUT = TABLE.key("idle_timeout",
            TrafficLimits::idleTimeout, duration("5s", "0s", "1h"),
            "A session with nothing to send is kept this long.");
    public static final Key<TrafficLimits, Duration> MAX_CONNECTION_AGE = TABLE.key("max_connection_age",
            TrafficLimits::maxConnectionAge, duration("5m", "1s", "1d"),
            "A session is closed when it is this old (Postfix: smtp_connection_reuse_time_limit).");
    public static final Key<TrafficLimits, Integer> CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY = TABLE.key(
            "consecutive_connection_failures_before_delay", TrafficLimits::consecutiveConnectionFailuresBeforeDelay,
            integer(10, 1, MAX_COUNT),
            "After so many failed connections in a row, all mail of the destination waits for its retry.");
    public static final Key<TrafficLimits, @Nullable TlsPolicy> ENABLE_TLS = TABLE.key("enable_tls",
            TrafficLimits::enableTls, ShapingReader.enableTls(),
            "How TLS is used: \"Required\" (with a certificate for the host's name), \"RequiredInsecure\" (with any), "
                    + "\"Opportunistic\" (when it is offered, and then only with a certificate for the host's name), "
                    + "\"OpportunisticInsecure\" (when it is offered, with any; in clear when that fails), \"Disabled\". "
                    + "Empty: as delivery.tls says. A route's tls comes before it.");

    public static final Key<TrafficLimits, Boolean> ENABLE_MTA_STS = TABLE.key("enable_mta_sts",
            TrafficLimits::enableMtaSts, Types.flag(true),
            "Whether a domain's MTA-STS policy (RFC 8461) is asked for and kept.");
    public static final Key<TrafficLimits, Boolean> ENABLE_DANE = TABLE.key("enable_dane",
            TrafficLimits::enableDane, Types.flag(false),
            "Whether hosts are authenticated by their TLSA records (RFC 7672) where they have some. Takes dns.dnssec.");

    public static final TrafficLimits DEFAULT = TABLE.defaults();

    TrafficLimits(Values<TrafficLimits> values) {
        this(values.get(CONNECTION_LIMIT), values.get(MAX_MESSAGE_RATE), values.get(MAX_CONNECTION_RATE),
                values.get(MAX_DELIVERIES_PER_CONNECTION), values.get(IDLE_TIMEOUT), values.get(MAX_CONNECTION_AGE),
                values.get(CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY), values.get(ENABLE_TLS),
                values.get(ENABLE_MTA_STS), values.get(ENABLE_DANE));
    }

    /** What each key is where nothing is said, as a file could have it. */
    public static Map<String, String> texts() {
        Map<String, String> texts = new LinkedHashMap<>();
        TABLE.keys().forEach(key -> texts.put(key.name(), ShapingLayer.text(key, DEFAULT)));
        return texts;
    }
}
