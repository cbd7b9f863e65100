package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.size;

import java.time.Duration;

import dev.penstock.units.ByteSize;

/** Against clients that waste the server's time. Each component is the key of its name. */
public record HostilityConfig(Duration greetDelay, ByteSize minDataRate, Duration dataGrace, Duration commandDeadline,
        Duration sessionDeadline, Duration maxErrorDelay, int stressAt, Duration stressTimeout, int stressErrorLimit,
        int stressJunkLimit) implements TableRecord<HostilityConfig> {
    static final Table<HostilityConfig> TABLE = Table.of(HostilityConfig.class, HostilityConfig::new,
            "Against clients that waste time.");
    public static final Key<HostilityConfig, Duration> GREET_DELAY = TABLE.key("greet-delay",
            HostilityConfig::greetDelay, duration("0s", "0s", "1m"),
            "The greeting waits this long for clients outside relay-networks; who talks before it gets 554 5.5.1 "
                    + "(postscreen_greet_wait; RFC 5321 4.3.1 has clients wait). \"0s\": no waiting; then only what comes "
                    + "right behind a PROXY header is early.");
    public static final Key<HostilityConfig, ByteSize> MIN_DATA_RATE = TABLE.key("min-data-rate",
            HostilityConfig::minDataRate, size("64", "0", "1 MB"),
            "Octets per second that a message must bring on average, from 354 on and once data-grace is over.");
    public static final Key<HostilityConfig, Duration> DATA_GRACE = TABLE.key("data-grace", HostilityConfig::dataGrace,
            duration("1m", "1s", "1h"), "At the start of a message, in which the rate isn't asked for.");
    public static final Key<HostilityConfig, Duration> COMMAND_DEADLINE = TABLE.key("command-deadline",
            HostilityConfig::commandDeadline, duration("1m", "1s", "1h"),
            "For a whole command line, from its first octet (Postfix: smtpd_per_request_deadline).");
    public static final Key<HostilityConfig, Duration> SESSION_DEADLINE = TABLE.key("session-deadline",
            HostilityConfig::sessionDeadline, duration("30m", "1s", "1d"),
            "For a session in which no message has been accepted.");
    public static final Key<HostilityConfig, Duration> MAX_ERROR_DELAY = TABLE.key("max-error-delay",
            HostilityConfig::maxErrorDelay, duration("10s", "0s", "1m"),
            "The delay of replies grows by error-delay with each error, up to this.");
    public static final Key<HostilityConfig, Integer> STRESS_AT = TABLE.key("stress-at", HostilityConfig::stressAt,
            integer(90, 1, 100),
            "Percent of max-sessions in use from which on the next three replace command-timeout, hard-error-limit and "
                    + "junk-command-limit (Postfix does when all processes are busy).");
    public static final Key<HostilityConfig, Duration> STRESS_TIMEOUT = TABLE.key("stress-timeout",
            HostilityConfig::stressTimeout, duration("10s", "1s", "1h"),
            "Between two commands under stress (Postfix: 10 s).");
    public static final Key<HostilityConfig, Integer> STRESS_ERROR_LIMIT = TABLE.key("stress-error-limit",
            HostilityConfig::stressErrorLimit, integer(1, 1, 10_000),
            "At this many errors a session ends under stress (Postfix: 1).");
    public static final Key<HostilityConfig, Integer> STRESS_JUNK_LIMIT = TABLE.key("stress-junk-limit",
            HostilityConfig::stressJunkLimit, integer(1, 1, 1_000_000),
            "Commands without a message between them under stress (Postfix: 1).");

    public static final HostilityConfig DEFAULT = TABLE.defaults();

    private HostilityConfig(Values<HostilityConfig> values) {
        this(values.get(GREET_DELAY), values.get(MIN_DATA_RATE), values.get(DATA_GRACE), values.get(COMMAND_DEADLINE),
                values.get(SESSION_DEADLINE), values.get(MAX_ERROR_DELAY), values.get(STRESS_AT),
                values.get(STRESS_TIMEOUT), values.get(STRESS_ERROR_LIMIT), values.get(STRESS_JUNK_LIMIT));
    }
}
