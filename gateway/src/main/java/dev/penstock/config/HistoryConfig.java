package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.size;

import java.nio.file.Path;
import java.time.Duration;

import dev.penstock.units.ByteSize;

/** The index of the delivery log. Each component is the key of its name. */
public record HistoryConfig(boolean enabled, Path directory, ByteSize maxSize, Duration maxAge)
        implements
            TableRecord<HistoryConfig> {
    static final Table<HistoryConfig> TABLE = Table.of(HistoryConfig.class, HistoryConfig::new,
            "Where is the mail to X: an index of the delivery log, see gateway/docs/message-story.md.");
    public static final Key<HistoryConfig, Boolean> ENABLED = TABLE
            .key("enabled", HistoryConfig::enabled, flag(false),
                    "Whether messages can be searched for. Costs a few microseconds of CPU and a dozen octets of disk "
                            + "per event.")
            .restart();
    public static final Key<HistoryConfig, Path> DIRECTORY = TABLE.key("directory", HistoryConfig::directory,
            Types.directory("data/history"), "Where the index lies. It can be made anew from the delivery log.")
            .restart();
    public static final Key<HistoryConfig, ByteSize> MAX_SIZE = TABLE.key("max-size", HistoryConfig::maxSize,
            size("4 GB", "16 MB", "1 TB"),
            "When the index is larger, its oldest part goes, an eighth of this at a time.")
            .restart();
    public static final Key<HistoryConfig, Duration> MAX_AGE = TABLE.key("max-age", HistoryConfig::maxAge,
            duration("30d", "1h", "7300d"),
            "Parts whose newest event is older go. What events.keep has deleted isn't found whatever this says.")
            .restart();

    public static final HistoryConfig DEFAULT = TABLE.defaults();

    private HistoryConfig(Values<HistoryConfig> values) {
        this(values.get(ENABLED), values.get(DIRECTORY), values.get(MAX_SIZE), values.get(MAX_AGE));
    }
}
