package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.size;

import java.nio.file.Path;
import java.time.Duration;

import dev.penstock.units.ByteSize;

/** The spool. Each component is the key of its name. */
public record SpoolConfig(Path directory, ByteSize segmentSize, ByteSize inlineLimit, ByteSize cacheSize,
        ByteSize minFreeSpace, Duration appendDeadline, ByteSize maxWaiting, int readers, int reclaimBelow)
        implements
            TableRecord<SpoolConfig> {
    private static final int INLINE_RECORDS_PER_SEGMENT = 4; // so that a segment's unused end stays below a quarter

    static final Table<SpoolConfig> TABLE = Table
            .of(SpoolConfig.class, SpoolConfig::new, "The spool: accepted mail until it is done.")
            .rule(SpoolConfig::check);
    public static final Key<SpoolConfig, Path> DIRECTORY = TABLE
            .key("directory", SpoolConfig::directory, Types.directory("data/spool"),
                    "Where its files lie. Put it on a local disk of its own.")
            .restart();
    public static final Key<SpoolConfig, ByteSize> SEGMENT_SIZE = TABLE
            .key("segment-size", SpoolConfig::segmentSize, size("256 MB", "1 MB", "1 GB"),
                    "Length of a segment file, which is pre-allocated; at least 4 × inline-limit.")
            .restart();
    public static final Key<SpoolConfig, ByteSize> INLINE_LIMIT = TABLE
            .key("inline-limit", SpoolConfig::inlineLimit, size("256 KB", "1 KB", "16 MB"),
                    "Larger content is streamed to disk while it comes in.")
            .restart();
    public static final Key<SpoolConfig, ByteSize> CACHE_SIZE = TABLE
            .key("cache-size", SpoolConfig::cacheSize, size("64 MB", "0", "1 TB"),
                    "Octets of content kept in memory for first attempts.")
            .restart();
    public static final Key<SpoolConfig, ByteSize> MIN_FREE_SPACE = TABLE
            .key("min-free-space", SpoolConfig::minFreeSpace, size("64 MB", "0", "1 TB"),
                    "Nothing is accepted (452 4.3.1) while the file system has less free space than this.")
            .restart();
    public static final Key<SpoolConfig, Duration> APPEND_DEADLINE = TABLE
            .key("append-deadline", SpoolConfig::appendDeadline, duration("30s", "1s", "1h"),
                    "An append that takes longer gets 451 4.3.0.")
            .restart();
    public static final Key<SpoolConfig, ByteSize> MAX_WAITING = TABLE
            .key("max-waiting", SpoolConfig::maxWaiting, size("64 MB", "1 MB", "1 TB"),
                    "Octets that may wait for the committer before appends are refused; at least inline-limit.")
            .restart();
    public static final Key<SpoolConfig, Integer> READERS = TABLE
            .key("readers", SpoolConfig::readers, integer(4, 1, 256), "Threads that read from disk.")
            .restart();
    public static final Key<SpoolConfig, Integer> RECLAIM_BELOW = TABLE
            .key("reclaim-below", SpoolConfig::reclaimBelow, integer(25, 0, 90),
                    "A sealed segment whose live share in percent falls below this is moved together and deleted.")
            .restart();

    public static final SpoolConfig DEFAULT = TABLE.defaults();

    private SpoolConfig(Values<SpoolConfig> values) {
        this(values.get(DIRECTORY), values.get(SEGMENT_SIZE), values.get(INLINE_LIMIT), values.get(CACHE_SIZE),
                values.get(MIN_FREE_SPACE), values.get(APPEND_DEADLINE), values.get(MAX_WAITING), values.get(READERS),
                values.get(RECLAIM_BELOW));
    }

    private static void check(TableBinder file, SpoolConfig spool) {
        if (spool.segmentSize().bytes() < INLINE_RECORDS_PER_SEGMENT * spool.inlineLimit().bytes()) {
            file.reject("segment-size", spool.segmentSize() + " is too small; allowed: at least "
                    + INLINE_RECORDS_PER_SEGMENT + " times inline-limit, which is " + spool.inlineLimit());
        }
        if (spool.maxWaiting().compareTo(spool.inlineLimit()) < 0) {
            file.reject("max-waiting", spool.maxWaiting() + " is too small; allowed: at least inline-limit, which is "
                    + spool.inlineLimit());
        }
    }
}
