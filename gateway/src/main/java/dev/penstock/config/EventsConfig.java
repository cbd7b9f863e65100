package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.ByteSize;
import dev.penstock.units.Rate;

/**
 * The delivery log.
 *
 * @param directory     where its files lie
 * @param maxFileSize   a file is closed and the next begun at this size
 * @param maxFileAge    and at each multiple of this since 1970 began, UTC; zero for not by time
 * @param compression   what becomes of a closed file
 * @param keep          closed files are deleted so long after their last line; zero for never
 * @param rejectionRate of events about receptions that were refused; more are dropped and counted, null for no limit
 * @param flushInterval events reach the file at least this often; a kill -9 loses at most these
 * @param maxPending    events that may wait to be written, half a kilobyte each on average; beyond it they are dropped and
 *                      counted
 */
public record EventsConfig(Path directory, ByteSize maxFileSize, Duration maxFileAge, Compression compression,
        Duration keep, @Nullable Rate rejectionRate, Duration flushInterval, int maxPending) {
    private static final long USUAL_EVENT = 512; // octets
    private static final long MIN_PENDING = 1 << 20; // room for any event
    public static final EventsConfig DEFAULT = new EventsConfig(Path.of("data", "log"), ByteSize.ofMegabytes(256),
            Duration.ofDays(1), Compression.NONE, Duration.ZERO, Rate.parse("100/s,max_burst=1000"),
            Duration.ofMillis(200), 64_000);

    /** Octets that events may take while they wait. */
    public long maxPendingOctets() {
        return Math.max(MIN_PENDING, maxPending * USUAL_EVENT);
    }

    /** Files end by size alone and stay as they are. */
    public EventsConfig(Path directory, ByteSize maxFileSize, Duration flushInterval, int maxPending) {
        this(directory, maxFileSize, Duration.ZERO, Compression.NONE, Duration.ZERO, null, flushInterval, maxPending);
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
