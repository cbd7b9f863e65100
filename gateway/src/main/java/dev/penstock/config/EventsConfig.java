package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.rate;
import static dev.penstock.config.Types.size;

import java.nio.file.Path;
import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.ByteSize;
import dev.penstock.units.Durations;
import dev.penstock.units.Rate;

/** The delivery log. Each component is the key of its name. */
public record EventsConfig(Path directory, ByteSize maxFileSize, Duration maxFileAge, Compression compression,
        Duration keep, @Nullable Rate rejectionRate, Duration flushInterval, int maxPending)
        implements
            TableRecord<EventsConfig> {
    static final Table<EventsConfig> TABLE = Table
            .of(EventsConfig.class, EventsConfig::new, "The delivery log: JSON lines, see gateway/docs/events.md.")
            .rule(EventsConfig::check);
    public static final Key<EventsConfig, Path> DIRECTORY = TABLE
            .key("directory", EventsConfig::directory, Types.directory("data/log"), "Where its files lie.")
            .restart();
    public static final Key<EventsConfig, ByteSize> MAX_FILE_SIZE = TABLE.key("max-file-size",
            EventsConfig::maxFileSize, size("256 MB", "1 KB", "1 TB"),
            "At this size a file is closed and the next one begun.");
    public static final Key<EventsConfig, Duration> MAX_FILE_AGE = TABLE.key("max-file-age", EventsConfig::maxFileAge,
            duration("1d", "0s", "365d"),
            "And at every multiple of this, counted in UTC: at midnight. \"0s\": not by time; else 1m at least.");
    public static final Key<EventsConfig, Compression> COMPRESSION = TABLE.key("compression",
            EventsConfig::compression, choice(Compression.NONE),
            "What a closed file becomes: \"none\", \"gzip\", \"zstd\".");
    public static final Key<EventsConfig, Duration> KEEP = TABLE.key("keep", EventsConfig::keep,
            duration("0s", "0s", "7300d"),
            "Closed files are deleted so long after their last line. \"0s\": never; else 1h at least.");
    public static final Key<EventsConfig, @Nullable Rate> REJECTION_RATE = TABLE.key("rejection-rate",
            EventsConfig::rejectionRate, rate("100/s,max_burst=1000"),
            "Events about mail that was refused; more are dropped and counted.");
    public static final Key<EventsConfig, Duration> FLUSH_INTERVAL = TABLE.key("flush-interval",
            EventsConfig::flushInterval, duration("200ms", "1ms", "1m"),
            "Events reach the file at least this often; a kill -9 loses at most these.");
    public static final Key<EventsConfig, Integer> MAX_PENDING = TABLE
            .key("max-pending", EventsConfig::maxPending, integer(64_000, 1, 100_000_000),
                    "Events that may wait to be written, half a kilobyte each on average; beyond it they are dropped and "
                            + "counted.")
            .restart();

    public static final EventsConfig DEFAULT = TABLE.defaults();

    private EventsConfig(Values<EventsConfig> values) {
        this(values.get(DIRECTORY), values.get(MAX_FILE_SIZE), values.get(MAX_FILE_AGE), values.get(COMPRESSION),
                values.get(KEEP), values.get(REJECTION_RATE), values.get(FLUSH_INTERVAL), values.get(MAX_PENDING));
    }

    private static final long USUAL_EVENT = 512; // octets
    private static final long MIN_PENDING = 1 << 20; // room for any event
    private static final Duration MIN_FILE_AGE = Duration.ofMinutes(1);
    private static final Duration MIN_KEEP = Duration.ofHours(1);

    private static void check(TableBinder file, EventsConfig events) {
        if (events.maxFileAge().isPositive() && events.maxFileAge().compareTo(MIN_FILE_AGE) < 0) {
            file.reject("max-file-age", Durations.format(events.maxFileAge())
                    + " is too short; allowed: \"0s\" for not by time, or 1m to 365d");
        }
        if (events.keep().isPositive() && events.keep().compareTo(MIN_KEEP) < 0) {
            file.reject("keep",
                    Durations.format(events.keep()) + " is too short; allowed: \"0s\" for ever, or 1h and more");
        }
    }

    /** Octets that events may take while they wait. */
    public long maxPendingOctets() {
        return Math.max(MIN_PENDING, maxPending * USUAL_EVENT);
    }

    /** The form of closed files. */
    public enum Compression {
        NONE(""),
        GZIP(".gz"),
        ZSTD(".zst");

        private final String suffix;

        Compression(String suffix) {
            this.suffix = suffix;
        }

        /** Of a compressed file's name; empty for none. */
        public String suffix() {
            return suffix;
        }
    }
}
