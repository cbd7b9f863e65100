package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.integer;

import java.time.Duration;

/**
 * How limits follow what receivers answer. Each component is the key of its name.
 *
 * @param decrease      percent of the rate that are left after a decrease
 * @param retryBudget   deferrals of one hundred messages, above which there are only probes
 * @param minRate       messages a minute
 * @param incidentShare deferrals of one hundred messages
 */
public record ControlConfig(boolean enabled, int decrease, Duration growth, int retryBudget, int minRate,
        Duration probeInterval, Duration maxProbeInterval, int incidentTenants, int incidentShare,
        int incidentMessages, Duration incidentWindow) implements TableRecord<ControlConfig> {
    private static final int MAX_MIN_RATE = 6_000;
    private static final int MAX_COUNT = 1_000_000;

    static final Table<ControlConfig> TABLE = Table.of(ControlConfig.class, ControlConfig::new,
            "Rates and connections that follow what receivers answer, see gateway/docs/adaptive-control.md. Never above "
                    + "what the shaping file allows. Its automation rules hold in any case.");
    public static final Key<ControlConfig, Boolean> ENABLED = TABLE.key("enabled", ControlConfig::enabled, flag(true),
            "Whether a receiver that defers mail for its rate is sent less, instead of nothing for a fixed time.");
    public static final Key<ControlConfig, Integer> DECREASE = TABLE.key("decrease-to-percent",
            ControlConfig::decrease, integer(70, 10, 95),
            "What is left of the rate after a receiver has deferred for it: percent of what it was.");
    public static final Key<ControlConfig, Duration> GROWTH = TABLE.key("growth", ControlConfig::growth,
            duration("1m", "1s", "1d"),
            "The least time in which a rate comes back to where it was cut; it goes beyond more slowly.");
    public static final Key<ControlConfig, Integer> RETRY_BUDGET = TABLE.key("retry-budget-percent",
            ControlConfig::retryBudget, integer(10, 1, 100),
            "Of a hundred messages to one receiver so many may be deferred for their rate; above it there are only "
                    + "probes until one is taken.");
    public static final Key<ControlConfig, Integer> MIN_RATE = TABLE.key("min-rate", ControlConfig::minRate,
            integer(1, 1, MAX_MIN_RATE),
            "Messages a minute that a rate isn't cut below. Probes of a receiver that takes nothing are fewer.");
    public static final Key<ControlConfig, Duration> PROBE_INTERVAL = TABLE.key("probe-interval",
            ControlConfig::probeInterval, duration("10m", "1s", "1d"),
            "A receiver that has blocked a source is tried with one message after this time, then after twice as long "
                    + "each time.");
    public static final Key<ControlConfig, Duration> MAX_PROBE_INTERVAL = TABLE.key("max-probe-interval",
            ControlConfig::maxProbeInterval, duration("1h", "1s", "7d"), "The longest time between two such tries.");
    public static final Key<ControlConfig, Integer> INCIDENT_TENANTS = TABLE.key("incident-tenants",
            ControlConfig::incidentTenants, integer(5, 2, MAX_COUNT),
            "An incident at a provider, in which bulk mail to it waits but for probes, begins when it defers mail of so many "
                    + "tenants at least.");
    public static final Key<ControlConfig, Integer> INCIDENT_SHARE = TABLE.key("incident-percent",
            ControlConfig::incidentShare, integer(50, 1, 100),
            "Of a hundred messages to it so many have to be deferred.");
    public static final Key<ControlConfig, Integer> INCIDENT_MESSAGES = TABLE.key("incident-messages",
            ControlConfig::incidentMessages, integer(50, 2, MAX_COUNT), "So many messages have to be answered.");
    public static final Key<ControlConfig, Duration> INCIDENT_WINDOW = TABLE.key("incident-window",
            ControlConfig::incidentWindow, duration("5m", "10s", "1d"),
            "All of it within this time.");

    public static final ControlConfig DEFAULT = TABLE.defaults();

    private ControlConfig(Values<ControlConfig> values) {
        this(values.get(ENABLED), values.get(DECREASE), values.get(GROWTH), values.get(RETRY_BUDGET),
                values.get(MIN_RATE), values.get(PROBE_INTERVAL), values.get(MAX_PROBE_INTERVAL),
                values.get(INCIDENT_TENANTS), values.get(INCIDENT_SHARE), values.get(INCIDENT_MESSAGES),
                values.get(INCIDENT_WINDOW));
    }
}
