package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.durations;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.rate;
import static dev.penstock.config.Types.size;
import static dev.penstock.config.Types.texts;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.ByteSize;
import dev.penstock.units.Rate;

/** When deferred mail is tried again. Each component is the key of its name. */
public record QueueConfig(Duration retryInterval, Duration maxRetryInterval, List<Duration> retryIntervals,
        int jitterPercent, Duration maxAge, Duration delayWarning, Duration maxSuspension, int laneSharePercent,
        ByteSize memoryLimit, ByteSize returnedContent, @Nullable Rate reportsPerSender,
        List<String> tenantsWithoutReports, int bulkSharePercent) implements TableRecord<QueueConfig> {
    static final Table<QueueConfig> TABLE = Table
            .of(QueueConfig.class, QueueConfig::new, "When deferred mail is tried again.")
            .rule((file, queue) -> Rules.atMost(file, "retry-interval", queue.retryInterval(), "max-retry-interval",
                    queue.maxRetryInterval()))
            .rule((file, queue) -> {
                Rate reports = queue.reportsPerSender();
                if (reports != null && reports.burst() != 1) {
                    file.reject("reports-per-sender", "max_burst isn't allowed here: the whole count may come at once");
                }
            });
    public static final Key<QueueConfig, Duration> RETRY_INTERVAL = TABLE.key("retry-interval",
            QueueConfig::retryInterval, duration("5m", "1s", "1d"),
            "Wait after the first attempt; each further wait is twice as long (Postfix: minimal_backoff_time).");
    public static final Key<QueueConfig, Duration> MAX_RETRY_INTERVAL = TABLE.key("max-retry-interval",
            QueueConfig::maxRetryInterval, duration("4h", "1s", "30d"),
            "No wait is longer than this (Postfix: maximal_backoff_time).");
    public static final Key<QueueConfig, List<Duration>> RETRY_INTERVALS = TABLE.key("retry-intervals",
            QueueConfig::retryIntervals, durations("1s", "30d"),
            "Waits to use instead, like [\"1m\", \"5m\", \"30m\"]; the last one repeats.");
    public static final Key<QueueConfig, Integer> JITTER_PERCENT = TABLE.key("jitter-percent",
            QueueConfig::jitterPercent, integer(10, 0, 50),
            "Every wait is made longer or shorter by up to this, at random.");
    public static final Key<QueueConfig, Duration> MAX_AGE = TABLE.key("max-age", QueueConfig::maxAge,
            duration("5d", "1s", "365d"), "Older mail is returned to its sender (Postfix: maximal_queue_lifetime).");
    public static final Key<QueueConfig, Duration> DELAY_WARNING = TABLE.key("delay-warning",
            QueueConfig::delayWarning, duration("0s", "0s", "365d"),
            "Senders are told of mail deferred for so long (Postfix: delay_warning_time); \"0s\" for only those that ask "
                    + "(NOTIFY=DELAY), after four hours.");
    public static final Key<QueueConfig, Duration> MAX_SUSPENSION = TABLE.key("max-suspension",
            QueueConfig::maxSuspension, duration("15m", "1s", "1d"),
            "A receiver that refuses us, or can't be reached, is tried again after the shortest wait, then after twice as "
                    + "long each time, but no longer than this; its mail waits meanwhile.");
    public static final Key<QueueConfig, ByteSize> MEMORY_LIMIT = TABLE.key("memory-limit", QueueConfig::memoryLimit,
            size("0", "0", "1 TB"),
            "Heap that queued mail may take: 300 octets for a destination, and 4.3 KB for each domain with a host of its "
                    + "own. Beyond it MAIL and RCPT get 452 4.3.1, injection 503, until some has been delivered. \"0\": "
                    + "what the other limits leave of the heap.");
    public static final Key<QueueConfig, Integer> LANE_SHARE_PERCENT = TABLE
            .key("lane-share-percent", QueueConfig::laneSharePercent, integer(10, 1, 100),
                    "The share of spool.cache-size that the mail of one recipient domain may hold.")
            .restart();
    public static final Key<QueueConfig, ByteSize> RETURNED_CONTENT = TABLE.key("returned-content",
            QueueConfig::returnedContent, size("50000", "0", "10 MB"),
            "The most octets of content that a report of failure returns whole, where the sender doesn't ask for the "
                    + "header alone (RET=HDRS); of larger messages it returns the header section. \"0\": always that.");
    public static final Key<QueueConfig, @Nullable Rate> REPORTS_PER_SENDER = TABLE.key("reports-per-sender",
            QueueConfig::reportsPerSender, rate("none"),
            "The most reports that one sender gets in a period, like \"100/hour\"; the whole count may come at once. "
                    + "What is beyond is in the delivery log alone.");
    public static final Key<QueueConfig, List<String>> TENANTS_WITHOUT_REPORTS = TABLE.key("tenants-without-reports",
            QueueConfig::tenantsWithoutReports, texts(DkimReader::tenant),
            "Tenants whose senders get no reports, of failures, delays and successes alike: they read the delivery log.");

    public static final Key<QueueConfig, Integer> BULK_SHARE_PERCENT = TABLE.key("bulk-share-percent",
            QueueConfig::bulkSharePercent, integer(10, 1, 50),
            "Transactional mail goes before bulk that waits for the same sessions or the same limit, but of what goes "
                    + "while both wait this share is bulk, so that it never stands still.");

    public static final QueueConfig DEFAULT = TABLE.defaults();

    public QueueConfig {
        retryIntervals = List.copyOf(retryIntervals);
        tenantsWithoutReports = List.copyOf(tenantsWithoutReports);
    }

    private QueueConfig(Values<QueueConfig> values) {
        this(values.get(RETRY_INTERVAL), values.get(MAX_RETRY_INTERVAL), values.get(RETRY_INTERVALS),
                values.get(JITTER_PERCENT), values.get(MAX_AGE), values.get(DELAY_WARNING), values.get(MAX_SUSPENSION),
                values.get(LANE_SHARE_PERCENT), values.get(MEMORY_LIMIT), values.get(RETURNED_CONTENT),
                values.get(REPORTS_PER_SENDER), values.get(TENANTS_WITHOUT_REPORTS), values.get(BULK_SHARE_PERCENT));
    }
}
