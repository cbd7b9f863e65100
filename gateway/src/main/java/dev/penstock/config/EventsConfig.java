package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;

import dev.penstock.units.ByteSize;

/**
 * The delivery log.
 *
 * @param directory     where its files lie
 * @param maxFileSize   a file is closed and the next begun at this size
 * @param flushInterval events reach the file at least this often; a kill -9 loses at most these
 * @param maxPending    events that may wait to be written; beyond it they are dropped and counted
 */
public record EventsConfig(Path directory, ByteSize maxFileSize, Duration flushInterval, int maxPending) {
    public static final EventsConfig DEFAULT = new EventsConfig(Path.of("data", "log"), ByteSize.ofMegabytes(256),
            Duration.ofMillis(200), 128_000);
}
